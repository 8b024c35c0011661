"""The smallest rings of a molecule: which of them hold an atom, and which both atoms of a pair."""

from collections.abc import Iterable, Sequence

import numpy as np
from rdkit import Chem

from virialff.molecules import rdkit_log
from virialff.molecules.topology import NO_RING, RING_SIZES, fragment_indices, neighbor_lists

_SMALLEST = 3
#: Rings of this size and above are of one class, the last of RING_SIZES.
_LARGER = _SMALLEST + len(RING_SIZES) - 1
# Beyond it the large rings are counted by family. Cyclodextrins and cycloparaphenylenes of n units have 2^n: each unit
# can be passed on either side.
_MOST_LISTED = 16


def smallest_rings(n_atoms: int, bonds: np.ndarray) -> list[tuple[int, ...]]:
    """Atoms of each ring of the symmetrized smallest set: it does not depend on the order of the atoms.

    Of a molecule with many rings those of seven atoms and more come by unique ring family (Kolodzik et al. 2012), all
    atoms of a family as one ring, so that the time does not grow with their number.
    """
    if not len(bonds) or len(bonds) == n_atoms - 1 - int(fragment_indices(n_atoms, bonds).max()):
        return []
    graph = _graph(n_atoms, bonds)
    mol = Chem.Mol(graph)
    Chem.FindRingFamilies(mol)
    families = mol.GetRingInfo()
    # Beyond 2^32 the number of rings overflows; that of families, which each has one or more, does not.
    if max(families.NumRelevantCycles(), families.NumRingFamilies()) <= _MOST_LISTED:
        return _symmetrized_set(graph)
    inside = _in_small_rings(n_atoms, bonds)
    large = [
        tuple(atoms)
        for atoms, edges in zip(families.AtomRingFamilies(), families.BondRingFamilies(), strict=True)
        if not inside[list(edges)].all()
    ]
    return _symmetrized_set(_graph(n_atoms, bonds[inside])) + large


def ring_systems(rings: Iterable[Sequence[int]]) -> list[tuple[set[int], list[tuple[int, ...]]]]:
    """Rings that share atoms together: the atoms of each system, and its rings."""
    systems: list[tuple[set[int], list[tuple[int, ...]]]] = []
    for ring in map(tuple, rings):
        joined = [system for system in systems if system[0] & set(ring)]
        systems = [system for system in systems if not system[0] & set(ring)]
        atoms = set(ring).union(*(system[0] for system in joined))
        systems.append((atoms, [ring, *(other for system in joined for other in system[1])]))
    return systems


def _symmetrized_set(graph: Chem.Mol) -> list[tuple[int, ...]]:
    # The older search of RDKit, which reading takes, leaves out rings of some cages.
    with rdkit_log.every_ring():
        return [tuple(ring) for ring in Chem.GetSymmSSSR(graph)]


def _graph(n_atoms: int, bonds: np.ndarray) -> Chem.RWMol:
    mol, atom = Chem.RWMol(), Chem.Atom(0)
    for _ in range(n_atoms):
        mol.AddAtom(atom)
    for first, second in bonds.tolist():
        mol.AddBond(first, second, Chem.BondType.SINGLE)
    return mol


def _in_small_rings(n_atoms: int, bonds: np.ndarray) -> np.ndarray:
    """Whether each bond lies in a ring that is not of the last class, shape (n_bonds,) bool."""
    neighbors = neighbor_lists(n_atoms, bonds)

    def closes(first: int, second: int) -> bool:
        seen = front = {first}
        for length in range(1, _LARGER - 1):
            # The bond itself is no way round.
            step = {atom for last in front for atom in neighbors[last] if length > 1 or atom != second}
            front = step - seen
            if second in front:
                return True
            seen = seen | front
        return False

    return np.array([closes(first, second) for first, second in bonds.tolist()], dtype=bool)


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
