"""What a row of the store says of the molecule itself, from a Molecule."""

from __future__ import annotations

from typing import Any

from rdkit import Chem

from virialff.molecules import rdkit_log
from virialff.molecules.molecule import Molecule
from virialff.molecules.rdkit_forms import normalised


def mapped_smiles(molecule: Molecule) -> str:
    """SMILES with every hydrogen written, stereochemistry, and the atoms' numbers from 1 as atom maps.

    Charges are placed as in `Molecule.smiles`, whatever form the molecule was given in.
    """
    mol = normalised(molecule.with_positions(molecule.positions[:0]).to_rdkit(), molecule.numbers, molecule.bonds)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    with rdkit_log.captured():
        text: str = Chem.MolToSmiles(mol)
    return text


def structure_fields(molecule: Molecule) -> dict[str, Any]:
    """The fields of a Label that follow from the molecule: inchikeys, smiles, numbers, bonds, orders, fragments."""
    whole = molecule.n_fragments == 1
    keys = [molecule.inchikey] if whole else [molecule.fragment(k).inchikey for k in range(molecule.n_fragments)]
    return {
        "inchikeys": tuple(keys),
        "smiles": mapped_smiles(molecule),
        "numbers": molecule.numbers,
        "bonds": molecule.bonds,
        "orders": molecule.orders,
        "fragments": molecule.fragments,
    }
