"""Torsion scans at the level of our labels as input of MLIPAudit, where its own data are out of reach.

    python -m scripts.mlipaudit_data data
    mlipaudit benchmark -m scripts/mlipaudit_model.py -i data -b dihedral_scan -o results

The scans are those of the evaluation set, which no model was trained on. Their scores are not those of TorsionNet500.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from rdkit.Chem import rdMolTransforms

from virialff import Molecule
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore
from virialff.settings import ASSETS

STORE = ASSETS / "evaluation" / "torsions.parquet"
#: Where MLIPAudit looks below its folder of inputs.
PLACE = Path("dihedral_scan") / "TorsionNet500.json"
#: Fewer points are no scan.
FEWEST = 6


def scan(rows: list[Label]) -> dict[str, object]:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="what MLIPAudit gets as --input")
    arguments = parser.parse_args()
    rows: dict[str, list[Label]] = defaultdict(list)
    for row in LabelStore(STORE).labels():
        if row.kind == "scan" and row.level_of_theory != "GFN2-xTB" and row.failure is None:
            rows[row.task].append(row)
    scans = {task: scan(points) for task, points in rows.items() if len(points) >= FEWEST}
    place = arguments.folder / PLACE
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(scans))
    print(f"{len(scans)} scans of {STORE.name} into {place}")


if __name__ == "__main__":
    main()
