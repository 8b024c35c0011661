"""From label shards to training packs: molecules become graph tensors, and each record gets its split."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from training.complexes import RELAXED
from training.dataset import KINDS, SPLITS, LabelledGraph, save_pack
from training.geometries import DISTORTED, MINIMUM_GFN2, MINIMUM_MMFF, MINIMUM_UFF, TORSION
from training.label_shards import ComplexLabels, LabelRecord, MoleculeLabels
from virialff.datasets.evaluation import refuse_evaluation
from virialff.datasets.splits import Fractions, split_of, split_of_complex
from virialff.graph import array_tensors

_KIND = {
    MINIMUM_MMFF: KINDS.index("classical_minimum"),
    MINIMUM_UFF: KINDS.index("classical_minimum"),
    MINIMUM_GFN2: KINDS.index("gfn2_minimum"),
    RELAXED: KINDS.index("gfn2_minimum"),
    TORSION: KINDS.index("torsion"),
    DISTORTED: KINDS.index("distorted"),
}
#: Pool name of our own list of small monomers.
_MONOMERS = "monomers"
_DISPLACED = KINDS.index("displaced")


def make_packs(records: Iterable[LabelRecord], folder: Path, *, seed: int, fractions: Fractions) -> dict[str, Any]:
    """Write `molecules.npz` and `complexes.npz` into `folder` and return the counts of records by split.

    Molecules are split by first InChIKey block. Our own list of small monomers always trains: they are the partners
    of most complexes. A complex is held out when either partner is a held-out molecule, and otherwise by the pair of
    its partners. Raises EvaluationSetError for a record that is on an evaluation list.
    """
    chosen = list(records)
    refuse_evaluation(record_keys(record) for record in chosen)
    monomers = {r.inchikey for r in chosen if isinstance(r, MoleculeLabels) and r.source == _MONOMERS}

    def split(record: LabelRecord) -> str:
        keys = record_keys(record)
        parts = ["train" if key in monomers else split_of(key, seed=seed, fractions=fractions) for key in keys]
        if isinstance(record, MoleculeLabels):
            return parts[0]
        held_out = next((part for part in ("test", "validation") if part in parts), None)
        return held_out or split_of_complex(keys, seed=seed, fractions=fractions)

    folder.mkdir(parents=True, exist_ok=True)
    counts: dict[str, Any] = {}
    for name, kind in (("molecules", MoleculeLabels), ("complexes", ComplexLabels)):
        of_kind = [record for record in chosen if isinstance(record, kind)]
        splits = [split(record) for record in of_kind]
        save_pack(folder / f"{name}.npz", [labelled_graph(record) for record in of_kind], splits)
        counts[name] = {
            part: {
                "records": splits.count(part),
                "geometries": sum(len(r.energies) for r, s in zip(of_kind, splits, strict=True) if s == part),
            }
            for part in SPLITS
        }
    return counts


def record_keys(record: LabelRecord) -> tuple[str, ...]:
    """The InChIKeys of a record, one a fragment."""
    return (record.inchikey,) if isinstance(record, MoleculeLabels) else record.inchikeys


def labelled_graph(record: LabelRecord) -> LabelledGraph:
    """One shard record as the graph tensors and labels that the loop reads."""
    energies = -record.interaction_energies if isinstance(record, ComplexLabels) else record.energies
    forces = record.interaction_forces if isinstance(record, ComplexLabels) else record.forces
    return LabelledGraph(
        graph=array_tensors(record.numbers, record.bonds, record.orders),
        positions=torch.from_numpy(record.positions),
        energies=torch.from_numpy(energies),
        forces=torch.from_numpy(forces),
        kinds=torch.tensor([_KIND.get(kind, _DISPLACED) for kind in record.kinds]),
        identifier="+".join(record_keys(record)) if isinstance(record, ComplexLabels) else record.smiles,
    )
