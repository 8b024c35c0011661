"""The RDKit side of a molecule: its form for names, its conformers."""

from __future__ import annotations

import numpy as np
from rdkit import Chem

from virialff.molecules import rdkit_log
from virialff.molecules.resonance import BOND_TYPES, resonance_bonding


def normalised(mol: Chem.Mol, numbers: np.ndarray, bonds: np.ndarray) -> Chem.Mol:
    """A copy for InChI and SMILES: without atom map numbers, and charges placed as in `virialff.molecules.lewis`.

    So the names do not depend on whether a sulfoxide, an ylide or a zwitterion was drawn with or without charges.
    """
    mol = Chem.Mol(mol)
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(0)
    if not any(atom.GetFormalCharge() for atom in mol.GetAtoms()):
        return mol
    bonding = resonance_bonding(numbers, bonds)
    if bonding is None:
        return mol
    with rdkit_log.captured():
        Chem.Kekulize(mol, clearAromaticFlags=True)
        for atom, charge in zip(mol.GetAtoms(), bonding.charges.tolist(), strict=True):
            atom.SetFormalCharge(charge)
            atom.SetNoImplicit(True)
        for (i, j), order in zip(bonds.tolist(), bonding.kekule_orders.tolist(), strict=True):
            mol.GetBondBetweenAtoms(i, j).SetBondType(BOND_TYPES[order])
        Chem.SanitizeMol(mol)
    return mol


def add_conformers(mol: Chem.Mol, positions: np.ndarray) -> None:
    """Add positions (n_conformers, n_atoms, 3), Angstrom, to an RDKit molecule as its 3D conformers."""
    for geometry in positions:
        conformer = Chem.Conformer(len(geometry))
        conformer.SetPositions(np.ascontiguousarray(geometry))
        conformer.Set3D(True)
        mol.AddConformer(conformer, assignId=True)
