"""The smallest rings of a molecule: which of them hold an atom, and which both atoms of a pair."""

import numpy as np
from rdkit import Chem

from virialff.molecules.topology import NO_RING, RING_SIZES

_SMALLEST = 3


def smallest_rings(n_atoms: int, bonds: np.ndarray) -> list[tuple[int, ...]]:
    """Atoms of each ring of the symmetrized smallest set: it does not depend on the order of the atoms."""
    mol = Chem.RWMol()
    for _ in range(n_atoms):
        mol.AddAtom(Chem.Atom(0))
    for first, second in bonds:
        mol.AddBond(int(first), int(second), Chem.BondType.SINGLE)
    return [tuple(ring) for ring in Chem.GetSymmSSSR(mol)]


def ring_counts(n_atoms: int, rings: list[tuple[int, ...]]) -> np.ndarray:
    """How many rings of each of RING_SIZES hold each atom, shape (n_atoms, len(RING_SIZES)) int64."""
    counts = np.zeros((n_atoms, len(RING_SIZES)), dtype=np.int64)
    for ring in rings:
        counts[list(ring), _position(ring)] += 1
    return counts


def pair_rings(n_atoms: int, rings: list[tuple[int, ...]]) -> np.ndarray:
    """NO_RING or 1 + position in RING_SIZES of the smallest ring that holds both atoms, shape (n_atoms, n_atoms)."""
    classes = np.full((n_atoms, n_atoms), NO_RING, dtype=np.int64)
    for ring in sorted(rings, key=len, reverse=True):
        classes[np.ix_(ring, ring)] = 1 + _position(ring)
    return classes


def _position(ring: tuple[int, ...]) -> int:
    return min(len(ring) - _SMALLEST, len(RING_SIZES) - 1)
