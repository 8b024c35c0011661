"""From a label store to training packs: the conformers of a molecule become one record, and each gets its split."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.pack import COMPLEXES, KINDS, MOLECULES, SPLITS, LabelledGraph, PackWriter
from virialff.access import require_write_access
from virialff.documents import json_lines
from virialff.errors import ConfigError
from virialff.files import replace_file
from virialff.labels.evaluation_sets import refuse_evaluation
from virialff.labels.schema import COLUMN_OF, Label, from_table
from virialff.labels.splits import MONOMERS, Fractions, split_of_record
from virialff.labels.store import LabelStore
from virialff.networks.graph import array_tensors

#: Counts of records and geometries by split, written last: where it is, the packs are whole.
COUNTS = "counts.json"
_KIND_OF_DETAIL = {
    "minimum_mmff": KINDS.index("classical_minimum"),
    "minimum_uff": KINDS.index("classical_minimum"),
    "relaxed": KINDS.index("gfn2_minimum"),
    "distorted": KINDS.index("distorted"),
}
_KIND_OF_KIND = {"minimum": KINDS.index("gfn2_minimum"), "scan": KINDS.index("torsion")}
_DISPLACED = KINDS.index("displaced")
_COMPLEX = "complex"
_FIELDS = ("task", "inchikeys", "smiles", "source", "kind", "level_of_theory", "interaction_energy", "failure")


class _Index(NamedTuple):
    """What is known of a store before its rows are read."""

    counts: dict[int, int]
    """Rows by digest of their group, of the rows that are packed."""
    monomers: frozenset[str]
    """InChIKeys of our own list of monomers."""
    without_interaction: int
    """Rows of complexes at the level that have no interaction energy to train on."""


def make_packs(
    stores: Sequence[Path | str],
    folder: Path,
    *,
    seed: int,
    fractions: Fractions,
    level_of_theory: str | None = None,
) -> dict[str, Any]:
    """Write `molecules.arrow`, `complexes.arrow` and `counts.json` into `folder`; the counts of records by split.

    Packed are the rows of one level of theory (of the only one there is, if none is given) that have a label: of a
    molecule all conformers with the same atom order together, of a complex those of one task. Molecules are split by
    first InChIKey block. Our own list of small monomers always trains: they are the partners of most complexes. A
    complex is held out when either partner is a held-out molecule, and otherwise by the pair of its partners.

    Raises EvaluationSetError for a row that is on an evaluation list, ConfigError if the stores hold no labels of the
    level, and StoreError if a store cannot be read or a pack not be written; ReadOnlyError and AccessError where
    nothing may be written.
    """
    require_write_access("Making training packs")
    sources = [LabelStore(path) for path in stores]
    level = level_of_theory or _only_level(sources)
    index = _read_index(sources, level)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / COUNTS).unlink(missing_ok=True)
    metadata = {"level_of_theory": level, "split_seed": str(seed), "split_fractions": json.dumps(fractions)}
    records, geometries = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    with PackWriter(folder / MOLECULES, metadata) as molecules, PackWriter(folder / COMPLEXES, metadata) as complexes:
        writers = {"molecules": molecules, "complexes": complexes}
        for rows in _groups(sources, level, index.counts):
            name = "complexes" if _is_complex(rows[0]) else "molecules"
            keys = rows[0].inchikeys
            split = split_of_record(keys, always_train=index.monomers, seed=seed, fractions=fractions)
            writers[name].append(labelled_graph(rows), split)
            records[name, split] += 1
            geometries[name, split] += len(rows)
    counts: dict[str, Any] = {
        name: {split: {"records": records[name, split], "geometries": geometries[name, split]} for split in SPLITS}
        for name in writers
    }
    if index.without_interaction:
        counts["complex_rows_without_interaction_energy"] = index.without_interaction
    replace_file(folder / COUNTS, json_lines(counts))
    return counts


def labelled_graph(rows: Sequence[Label]) -> LabelledGraph:
    """Rows of one molecule or complex, in one atom order, as the graph tensors and labels that the loop reads."""
    first = rows[0]
    n = first.n_atoms
    if _is_complex(first):
        energies = [float(row.interaction_energy) for row in rows if row.interaction_energy is not None]
        forces = [row.interaction_forces for row in rows]
    else:
        energies = [float(row.energy) for row in rows if row.energy is not None]
        forces = [row.forces for row in rows]
    kinetic_bonds = [None if row.kinetic_bonds is None else row.kinetic_bonds[_bond_order(row)] for row in rows]
    joined = _stack(forces, (n, 3))
    return LabelledGraph(
        graph=array_tensors(first.numbers, first.bonds, first.orders),
        positions=torch.from_numpy(np.stack([row.positions for row in rows if row.positions is not None])).float(),
        energies=torch.tensor(energies, dtype=torch.float64),
        forces=torch.full((len(rows), n, 3), torch.nan) if joined is None else joined.float(),
        kinds=torch.tensor([_kind(row) for row in rows]),
        identifier="+".join(first.inchikeys),
        kinetic_atoms=_stack([row.kinetic_atoms for row in rows], (n,)),
        kinetic_bonds=_stack(kinetic_bonds, (len(first.bonds),)),
        dipoles=_stack([row.dipole for row in rows], (3,)),
        kinetic_energies=_stack([_kinetic_energy(row) for row in rows], ()),
    )


def _kinetic_energy(row: Label) -> NDArray[np.float64] | None:
    if row.kinetic_atoms is None or row.kinetic_bonds is None or row.kinetic_nonbonded is None:
        return None
    return np.asarray(row.kinetic_atoms.sum() + row.kinetic_bonds.sum() + row.kinetic_nonbonded)


def _bond_order(row: Label) -> NDArray[np.int64]:
    """Positions of the bonds in the order in which a graph has them: by their lower atom, then by the other."""
    return np.lexsort((row.bonds.max(axis=1), row.bonds.min(axis=1)))


def _stack(values: Sequence[NDArray[np.float64] | None], shape: tuple[int, ...]) -> Tensor | None:
    """One tensor of all conformers, NaN for those that have no value; None if none has one."""
    if all(value is None for value in values):
        return None
    return torch.from_numpy(np.stack([np.full(shape, np.nan) if value is None else value for value in values]))


def _kind(row: Label) -> int:
    if row.detail in _KIND_OF_DETAIL:
        return _KIND_OF_DETAIL[row.detail]
    return _KIND_OF_KIND.get(row.kind, _DISPLACED)


def _is_complex(row: Label) -> bool:
    return row.kind == _COMPLEX


def _only_level(stores: Sequence[LabelStore]) -> str:
    column = COLUMN_OF["level_of_theory"]
    tables = (table for store in stores for table in store.tables([column]))
    levels = {level for table in tables for level in table[column].unique().to_pylist()}
    if len(levels) != 1:
        held = f"labels of {', '.join(sorted(levels))}: name one level of theory" if levels else "no labels"
        raise ConfigError(f"{_names(stores)} hold {held}.")
    return str(levels.pop())


def _read_index(stores: Sequence[LabelStore], level: str) -> _Index:
    counts: Counter[int] = Counter()
    monomers: set[str] = set()
    refused_none: tuple[str, ...] | None = None
    without = 0
    for store in stores:
        for table in store.tables([COLUMN_OF[name] for name in _FIELDS]):
            for values in table.rename_columns(_FIELDS).to_pylist():
                if values["level_of_theory"] != level or values["failure"] is not None:
                    continue
                keys = tuple(values["inchikeys"])
                if keys != refused_none:
                    refuse_evaluation([keys])
                    refused_none = keys
                if values["kind"] == _COMPLEX and values["interaction_energy"] is None:
                    without += 1
                    continue
                counts[_group(values["kind"], values["task"], values["smiles"])] += 1
                if values["source"] == MONOMERS and values["kind"] != _COMPLEX:
                    monomers.add(keys[0])
    if not counts:
        raise ConfigError(f"{_names(stores)} holds no labels of {level}; make them first (docs/data.md says how).")
    return _Index(dict(counts), frozenset(monomers), without)


def _groups(stores: Sequence[LabelStore], level: str, counts: dict[int, int]) -> Iterator[list[Label]]:
    """The rows of each record, as soon as all of them were read: those of a task lie together, so few wait."""
    missing = dict(counts)
    waiting: dict[int, list[Label]] = {}
    for store in stores:
        for table in store.tables():
            for row in from_table(table):
                if row.level_of_theory != level or row.failure is not None:
                    continue
                if row.kind == _COMPLEX and row.interaction_energy is None:
                    continue
                group = _group(row.kind, row.task, row.smiles)
                # Rows that a campaign has added since they were counted are left for the next pack.
                if group not in missing:
                    continue
                waiting.setdefault(group, []).append(row)
                missing[group] -= 1
                if not missing[group]:
                    del missing[group]
                    yield waiting.pop(group)


def _group(kind: str, task: str, smiles: str) -> int:
    """A number for the record of a row: of a molecule its SMILES with atom maps, of a complex its task."""
    text = f"{task}\n{smiles}" if kind == _COMPLEX else smiles
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _names(stores: Sequence[LabelStore]) -> str:
    return ", ".join(str(store.path) for store in stores)
