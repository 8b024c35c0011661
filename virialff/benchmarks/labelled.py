"""Molecules and complexes of a label store that models were not trained on, as molecules with their labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from virialff.errors import ConfigError
from virialff.labels.schema import COLUMN_OF, Label, from_table
from virialff.labels.splits import MONOMERS, Fractions, split_of_record
from virialff.labels.store import LabelStore
from virialff.molecules.molecule import Molecule

_COMPLEX = "complex"
#: Training molecules whose energies fix the zeros of other methods.
N_TRAINING = 500


class SplitRule(NamedTuple):
    """How the data of a model were divided: the seed and the shares of train, validation and test."""

    seed: int
    fractions: Fractions


@dataclass(frozen=True, eq=False)
class LabelledMolecule:
    """One molecule with its labelled conformers; energies in kcal/mol, forces in kcal/mol/Angstrom.

    minima: (n_conformers,), which conformers are minima of some method; details: how each conformer was made.
    energies: (n_conformers,) total energies.
    forces: (n_conformers, n_atoms, 3); NaN where a conformer has none.
    dipoles: (n_conformers, 3) e Angstrom; NaN where a conformer has none.
    """

    molecule: Molecule
    inchikey: str
    minima: NDArray[np.bool_]
    details: tuple[str, ...]
    energies: NDArray[np.float64]
    forces: NDArray[np.float64]
    dipoles: NDArray[np.float64]

    @property
    def n_heavy(self) -> int:
        """Number of atoms but hydrogens."""
        return int((self.molecule.numbers > 1).sum())


@dataclass(frozen=True, eq=False)
class LabelledComplex:
    """One complex with labelled geometries: interaction energies (n_conformers,) in kcal/mol, positive is bound."""

    molecule: Molecule
    inchikeys: tuple[str, ...]
    interaction_energies: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HeldOutSet:
    """What a store holds at one level of theory that no model of a comparison was trained on.

    training: up to N_TRAINING molecules that all of them may have trained on, one minimum each: they fix the zeros of
    methods of another level. largest_training: heavy atoms of the largest molecule of the training part.
    """

    level_of_theory: str
    molecules: tuple[LabelledMolecule, ...]
    complexes: tuple[LabelledComplex, ...]
    training: tuple[LabelledMolecule, ...]
    largest_training: int


def read_held_out(
    path: Path | str,
    level_of_theory: str,
    rules: Sequence[SplitRule],
    *,
    max_molecules: int | None = None,
    min_heavy: int = 0,
) -> HeldOutSet:
    """The test part of a store at one level: what every one of `rules` puts into the test split.

    max_molecules: read no more molecules, and no more complexes, than this, those with the first InChIKeys.
    min_heavy: read only what has this number of heavy atoms or more.

    Raises StoreError as reading the store does, ConfigError where the store has no labels of the level.
    """
    store = LabelStore(path)
    sizes, monomers = _sizes(store, level_of_theory)
    if not sizes:
        raise ConfigError(f"{path} holds no labels of {level_of_theory}: give another store or level.")
    parts = {key: _part(key, monomers, rules) for key in sizes}
    test = _first([key for key, part in parts.items() if part == "test" and sizes[key] >= min_heavy], max_molecules)
    training = _first([key for key, part in parts.items() if part == "train" and len(key) == 1], N_TRAINING)
    rows: dict[str, list[Label]] = defaultdict(list)
    for label in _labels(store, level_of_theory, test | training):
        if label.inchikeys in test:
            rows[f"{label.task}\n{label.smiles}" if label.kind == _COMPLEX else label.smiles].append(label)
        elif label.kind == "minimum":
            rows[label.smiles].append(label)
    groups = list(rows.values())
    return HeldOutSet(
        level_of_theory,
        tuple(_molecule(g) for g in groups if g[0].kind != _COMPLEX and g[0].inchikeys in test),
        tuple(_complex(g) for g in groups if g[0].kind == _COMPLEX),
        tuple(_molecule([min(g, key=_energy)]) for g in groups if g[0].inchikeys in training),
        max((size for key, size in sizes.items() if parts[key] == "train" and len(key) == 1), default=0),
    )


def _first(keys: Sequence[tuple[str, ...]], limit: int | None) -> frozenset[tuple[str, ...]]:
    """The first `limit` keys of molecules and of complexes, in the order of the keys."""
    chosen: list[tuple[str, ...]] = []
    for single in (True, False):
        chosen += sorted(key for key in keys if (len(key) == 1) == single)[:limit]
    return frozenset(chosen)


def _part(key: tuple[str, ...], monomers: frozenset[str], rules: Sequence[SplitRule]) -> str:
    parts = {split_of_record(key, always_train=monomers, seed=rule.seed, fractions=rule.fractions) for rule in rules}
    return parts.pop() if len(parts) == 1 else "mixed"


def _sizes(store: LabelStore, level: str) -> tuple[dict[tuple[str, ...], int], frozenset[str]]:
    """Heavy atoms of everything that has a label of the level by its InChIKeys, and the keys of our own monomers."""
    names = ["inchikeys", "source", "kind", "level_of_theory", "failure"]
    sizes: dict[tuple[str, ...], int] = {}
    monomers: set[str] = set()
    for table in store.tables([COLUMN_OF[name] for name in (*names, "numbers")]):
        numbers = table[COLUMN_OF["numbers"]].combine_chunks()
        heavy = np.cumsum(np.concatenate([[0], numbers.values.to_numpy() > 1]))[numbers.offsets.to_numpy()]
        rows = table.select([COLUMN_OF[name] for name in names]).rename_columns(names).to_pylist()
        for row, size in zip(rows, np.diff(heavy).tolist(), strict=True):
            if row["level_of_theory"] == level and row["failure"] is None:
                sizes[tuple(row["inchikeys"])] = size
                if row["source"] == MONOMERS and row["kind"] != _COMPLEX:
                    monomers.add(row["inchikeys"][0])
    return sizes, frozenset(monomers)


def _labels(store: LabelStore, level: str, keys: Set[tuple[str, ...]]) -> Iterator[Label]:
    """The rows of a level with these InChIKeys; no others are decoded."""
    for table in store.tables():
        right_level = pc.equal(table[COLUMN_OF["level_of_theory"]], level)
        chosen = table.filter(pc.and_(right_level, pc.is_null(table[COLUMN_OF["failure"]])))
        mask = [tuple(values) in keys for values in chosen[COLUMN_OF["inchikeys"]].to_pylist()]
        yield from from_table(chosen.filter(np.array(mask, dtype=bool)))


def _energy(label: Label) -> float:
    return np.inf if label.energy is None else label.energy


def _molecule(rows: Sequence[Label]) -> LabelledMolecule:
    first, n = rows[0], rows[0].n_atoms

    def stacked(values: Sequence[Any], shape: tuple[int, ...]) -> NDArray[np.float64]:
        return np.stack([np.full(shape, np.nan) if value is None else np.asarray(value) for value in values])

    return LabelledMolecule(
        _structure(rows),
        first.inchikeys[0],
        np.array([row.kind == "minimum" for row in rows]),
        tuple(row.detail for row in rows),
        stacked([row.energy for row in rows], ()),
        stacked([row.forces for row in rows], (n, 3)),
        stacked([row.dipole for row in rows], (3,)),
    )


def _complex(rows: Sequence[Label]) -> LabelledComplex:
    known = [row for row in rows if row.interaction_energy is not None] or rows
    energies = [np.nan if row.interaction_energy is None else row.interaction_energy for row in known]
    return LabelledComplex(_structure(known), rows[0].inchikeys, np.array(energies, dtype=np.float64))


def _structure(rows: Sequence[Label]) -> Molecule:
    first = rows[0]
    positions = np.array([row.positions for row in rows])
    return Molecule.from_arrays(first.numbers, first.bonds, first.orders, positions)
