"""Covalent topology: which atom pairs are bonded, 1-3, 1-4, further apart or in different fragments."""

from functools import lru_cache

import numpy as np

BOND_TYPES = ("single", "double", "triple", "aromatic")
BOND_ORDERS = (1.0, 2.0, 3.0, 1.5)
#: Edge type of a pair without a covalent bond; it follows the bond types in the one-hot e_ij.
NON_COVALENT = len(BOND_TYPES)
EDGE_TYPES = (*BOND_TYPES, "non-covalent")
RELATIONS = ("bonded", "1-3", "1-4", "further", "intermolecular")
#: Sizes of rings that are told apart.
RING_SIZES = ("3", "4", "5", "6", "larger")
#: Class of a pair that no ring holds; it comes before those of RING_SIZES.
NO_RING = 0

_BONDED, _THIRD, _FOURTH, _FURTHER, _INTERMOLECULAR = range(len(RELATIONS))


def bond_type_indices(orders: np.ndarray) -> np.ndarray:
    """Positions in BOND_TYPES of bond orders 1, 2, 3 and 1.5, shape (n_bonds,) int64.

    Raises ValueError for any other order.
    """
    index = {order: position for position, order in enumerate(BOND_ORDERS)}
    unknown = sorted({float(order) for order in orders} - set(index))
    if unknown:
        raise ValueError(f"bond order {unknown[0]:g} is not one of 1, 2, 3 and 1.5 (aromatic)")
    return np.array([index[float(order)] for order in orders], dtype=np.int64)


def neighbor_lists(n_atoms: int, bonds: np.ndarray) -> list[list[int]]:
    """The neighbors of each atom in the order of the bonds (n_bonds, 2), all from 0."""
    neighbors: list[list[int]] = [[] for _ in range(n_atoms)]
    for first, second in np.asarray(bonds).tolist():
        neighbors[first].append(second)
        neighbors[second].append(first)
    return neighbors


def fragment_indices(n_atoms: int, bonds: np.ndarray) -> np.ndarray:
    """Index of the covalently connected fragment of each atom, numbered by first atom, shape (n_atoms,)."""
    return np.array(_fragments(n_atoms, np.asarray(bonds, dtype=np.int64).tobytes()), dtype=np.int64)


@lru_cache(maxsize=64)  # of one molecule they are asked for by each of its checks, and by its graph
def _fragments(n_atoms: int, bonds: bytes) -> tuple[int, ...]:
    neighbors = neighbor_lists(n_atoms, np.frombuffer(bonds, dtype=np.int64).reshape(-1, 2))
    fragments = [-1] * n_atoms
    count = 0
    for start in range(n_atoms):
        if fragments[start] >= 0:
            continue
        fragments[start] = count
        front = [start]
        for atom in front:
            for other in neighbors[atom]:
                if fragments[other] < 0:
                    fragments[other] = count
                    front.append(other)
        count += 1
    return tuple(fragments)


def all_pairs(n_atoms: int) -> np.ndarray:
    """All unordered atom pairs i < j, row by row, shape (2, n_pairs) int64."""
    atoms = np.arange(n_atoms)
    return np.stack(np.nonzero(atoms[:, None] < atoms)).astype(np.int64, copy=False)


def pair_relations(n_atoms: int, bonds: np.ndarray) -> np.ndarray:
    """Position in RELATIONS of each pair of `all_pairs`, by the shortest path of bonds, shape (n_pairs,)."""
    adjacency = np.zeros((n_atoms, n_atoms), dtype=np.float32)
    if len(bonds):
        adjacency[bonds[:, 0], bonds[:, 1]] = adjacency[bonds[:, 1], bonds[:, 0]] = 1.0
    paths = adjacency @ adjacency
    two, three = paths > 0, paths @ adjacency > 0
    fragments = fragment_indices(n_atoms, bonds)
    relation = np.where(fragments[:, None] == fragments[None, :], _FURTHER, _INTERMOLECULAR)
    relation[three] = _FOURTH
    relation[two] = _THIRD
    relation[adjacency > 0] = _BONDED
    i, j = all_pairs(n_atoms)
    return relation[i, j].astype(np.int64)


def atoms_between(bond_index: np.ndarray, pair_index: np.ndarray, relations: np.ndarray) -> np.ndarray:
    """Position of a pair and an atom inside one of its paths, for every 1-3 and 1-4 pair, shape (2, n) int64.

    bond_index: (2, n_directed_bonds), every bond in both directions. pair_index: (2, n_pairs) with i < j, of which
    `relations` (n_pairs,) are the positions in RELATIONS. An atom inside several shortest paths stands once for each.
    """
    bonds = bond_index[:, np.argsort(bond_index[0], kind="stable")]
    size = int(max(bond_index.max(initial=0), pair_index.max(initial=0))) + 1
    keys = pair_index[0] * size + pair_index[1]
    order = np.argsort(keys)
    paths = bonds.T
    found = [np.zeros((0, 2), dtype=np.int64)]
    for relation in (_THIRD, _FOURTH):
        paths = _lengthened(paths, bonds)
        wanted = paths[:, 0] * size + paths[:, -1]
        place = np.searchsorted(keys, wanted, sorter=order).clip(max=max(len(keys) - 1, 0))
        row = order[place] if len(keys) else place
        kept = (keys[row] == wanted) & (relations[row] == relation) if len(keys) else np.zeros(len(row), dtype=bool)
        found += [np.stack([row[kept], inside], axis=1) for inside in paths[kept, 1:-1].T]
    return np.concatenate(found).T.astype(np.int64)


def _lengthened(paths: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    """Every path (n, length) followed by every bond that begins where it ends; `bonds` are sorted by first atom."""
    first, last = (np.searchsorted(bonds[0], paths[:, -1], side=side) for side in ("left", "right"))
    counts = last - first
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.column_stack([np.repeat(paths, counts, axis=0), bonds[1, np.repeat(first, counts) + within]])
