"""Torsion scans, conformers and interaction curves of ours as input of MLIPAudit, where its own data are out of reach.

    python -m scripts.mlipaudit_data data
    mlipaudit benchmark -m scripts/mlipaudit_model.py -i data -o results \
        -b dihedral_scan conformer_selection noncovalent_interactions

The scans and conformers are those of the evaluation sets at wB97X-D/def2-SVP, the curves S66x8 with its CCSD(T)/CBS,
from the data of Psi4. No model was trained on them. Their scores are not those of TorsionNet500, of the conformers of
Folmsbee and Hutchison and of the NCI Atlas, in whose place they lie.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Sized
from pathlib import Path
from typing import Any

import numpy as np
from rdkit.Chem import rdMolTransforms

from virialff import Molecule
from virialff.benchmarks.psi4_databases import ReferenceComplex, read_database
from virialff.benchmarks.reference_data import REFERENCES, ConformersReference, load_references
from virialff.elements import SYMBOL_OF
from virialff.engines.dft import LEVEL_OF_THEORY as DFT
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore
from virialff.settings import ASSETS

TORSIONS = ASSETS / "evaluation" / "torsions.parquet"
#: Fewer points are no scan, and fewer conformers no ranking.
FEWEST_POINTS, FEWEST_CONFORMERS = 6, 3


def scans() -> dict[str, dict[str, Any]]:
    """Of the evaluation set, by task."""
    rows: dict[str, list[Label]] = defaultdict(list)
    for row in LabelStore(TORSIONS).labels():
        if row.kind == "scan" and row.level_of_theory == DFT and row.failure is None:
            rows[row.task].append(row)
    return {task: scan(points) for task, points in rows.items() if len(points) >= FEWEST_POINTS}


def conformers() -> list[dict[str, Any]]:
    """The molecules of the conformer set, energies in kcal/mol above the lowest."""
    found = (each for each in load_references(REFERENCES).conformers if DFT in each.energies)
    return [ranking(each) for each in found if each.molecule.n_conformers >= FEWEST_CONFORMERS]


def ranking(found: ConformersReference) -> dict[str, Any]:
    """One molecule as MLIPAudit has it."""
    energies = found.energies[DFT]
    return {
        "molecule_name": found.inchikey_block,
        "dft_energy_profile": (energies - energies.min()).tolist(),
        "atom_symbols": list(found.molecule.symbols),
        "conformer_coordinates": found.molecule.positions.tolist(),
    }


def curves() -> dict[str, dict[str, Any]]:
    """S66x8 by complex; distances in units of that of the minimum.

    Raises EvaluationSetError where Psi4's data are not here.
    """
    points: dict[str, list[ReferenceComplex]] = defaultdict(list)
    for point in read_database("S66x8"):
        points[point.name].append(point)
    return {name: curve(several) for name, several in points.items()}


def curve(points: list[ReferenceComplex]) -> dict[str, Any]:
    """One complex as MLIPAudit has it, interaction energies in kcal/mol."""
    first = points[0]
    return {
        "system_id": first.name,
        "system_name": first.name,
        "dataset_name": first.database,
        "group": first.category,
        "total_charge": first.charge,
        "atom_symbols": [SYMBOL_OF[number] for number in first.numbers.tolist()],
        "coords": [point.positions.tolist() for point in points],
        "distance_profile": [point.separation_factor for point in points],
        "interaction_energy_profile": [point.interaction_energy for point in points],
    }


def scan(rows: list[Label]) -> dict[str, Any]:
    """One scan as MLIPAudit has it: angles in degrees, energies in kcal/mol above the lowest."""
    first = rows[0]
    positions = np.array([row.positions for row in rows], dtype=np.float64)
    molecule = Molecule.from_arrays(first.numbers, first.bonds, first.orders, positions)
    b, c = (int(atom) for atom in first.task.rsplit("-", 2)[1:])

    def neighbor(atom: int, other: int) -> int:
        ends = [pair for pair in molecule.bonds.tolist() if atom in pair and other not in pair]
        return next(end for end in ends[0] if end != atom)

    atoms = [neighbor(b, c), b, c, neighbor(c, b)]
    conformers = molecule.to_rdkit().GetConformers()
    angles = [rdMolTransforms.GetDihedralDeg(conformer, *atoms) for conformer in conformers]
    energies = np.array([row.energy for row in rows])
    order = np.argsort(angles)
    return {
        "torsion_atom_indices": atoms,
        "dft_energy_profile": [(angles[point], energies[point] - energies.min()) for point in order],
        "atom_symbols": list(molecule.symbols),
        "conformer_coordinates": positions[order].tolist(),
        "smiles": first.smiles,
    }


#: Where MLIPAudit looks for each below its folder of inputs.
SETS: dict[str, tuple[str, Callable[[], Sized]]] = {
    "torsion scans": ("dihedral_scan/TorsionNet500.json", scans),
    "molecules with conformers": ("conformer_selection/folmsbee_dataset.json", conformers),
    "interaction curves": ("noncovalent_interactions/NCI_Atlas.json", curves),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what MLIPAudit gets as --input")
    arguments = parser.parse_args()
    for what, (place, make) in SETS.items():
        found = make()
        (arguments.folder / place).parent.mkdir(parents=True, exist_ok=True)
        (arguments.folder / place).write_text(json.dumps(found))
        print(f"{len(found)} {what} into {arguments.folder / place}")


if __name__ == "__main__":
    main()
