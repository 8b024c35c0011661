"""Content keys: the same molecule and geometry get the same key, whoever loaded them."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from rdkit import Chem

from virialff.molecules.molecule import Molecule
from virialff.molecules.rdkit_forms import normalised

Made = TypeVar("Made")


def once(make: Callable[[Molecule], Made]) -> Callable[[Molecule], Made]:
    """What is asked of a molecule many times, by every part of a page, made once while that molecule is there."""
    known: WeakKeyDictionary[Molecule, Made] = WeakKeyDictionary()

    @wraps(make)
    def kept(molecule: Molecule) -> Made:
        if molecule not in known:
            known[molecule] = make(molecule)
        return known[molecule]

    return kept


def graph_key(molecule: Molecule) -> str:
    """Digest of what the networks see: atomic numbers, bonds and orders, in this atom order."""
    return _digest(molecule.numbers, molecule.bonds, molecule.orders)


@once
def structure_key(molecule: Molecule) -> str:
    """Digest of the graph together with stereochemistry and formal charges, in this atom order."""
    mol = normalised(molecule.to_rdkit(), molecule.numbers, molecule.bonds)
    mol.RemoveAllConformers()
    return graph_key(molecule) + Chem.MolToSmiles(mol, canonical=False)


def geometry_key(molecule: Molecule) -> str:
    """Digest of the graph together with the positions of all conformers."""
    return _digest(molecule.numbers, molecule.bonds, molecule.orders, molecule.positions)


def _digest(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(str((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


@once
def bare(molecule: Molecule) -> Molecule:
    """The molecule without name and coordinates: all that a result cached for everybody may remember of it."""
    mol = molecule.to_rdkit()
    mol.RemoveAllConformers()
    mol.ClearProp("_Name")
    return Molecule.from_rdkit(mol, max_atoms=molecule.n_atoms)
