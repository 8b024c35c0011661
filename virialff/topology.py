"""Covalent topology: which atom pairs are bonded, 1-3, 1-4, further apart or in different fragments."""

import numpy as np

BOND_TYPES = ("single", "double", "triple", "aromatic")
BOND_ORDERS = (1.0, 2.0, 3.0, 1.5)
#: Edge type of a pair without a covalent bond; it follows the bond types in the one-hot e_ij.
NON_COVALENT = len(BOND_TYPES)
EDGE_TYPES = (*BOND_TYPES, "non-covalent")
RELATIONS = ("bonded", "1-3", "1-4", "further", "intermolecular")

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


def fragment_indices(n_atoms: int, bonds: np.ndarray) -> np.ndarray:
    """Index of the covalently connected fragment of each atom, numbered by first atom, shape (n_atoms,)."""
    parent = np.arange(n_atoms)

    def root(atom: int) -> int:
        while parent[atom] != atom:
            parent[atom] = parent[parent[atom]]
            atom = int(parent[atom])
        return atom

    for first, second in bonds:
        a, b = root(int(first)), root(int(second))
        parent[max(a, b)] = min(a, b)
    roots = np.array([root(atom) for atom in range(n_atoms)], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64)


def all_pairs(n_atoms: int) -> np.ndarray:
    """All unordered atom pairs i < j, row by row, shape (2, n_pairs) int64."""
    return np.stack(np.triu_indices(n_atoms, k=1)).astype(np.int64)


def pair_relations(n_atoms: int, bonds: np.ndarray) -> np.ndarray:
    """Position in RELATIONS of each pair of `all_pairs`, by the shortest path of bonds, shape (n_pairs,)."""
    adjacency = np.zeros((n_atoms, n_atoms), dtype=bool)
    if len(bonds):
        adjacency[bonds[:, 0], bonds[:, 1]] = adjacency[bonds[:, 1], bonds[:, 0]] = True
    two = (adjacency.astype(np.float32) @ adjacency.astype(np.float32)) > 0
    three = (two.astype(np.float32) @ adjacency.astype(np.float32)) > 0
    fragments = fragment_indices(n_atoms, bonds)
    relation = np.where(fragments[:, None] == fragments[None, :], _FURTHER, _INTERMOLECULAR)
    relation[three] = _FOURTH
    relation[two] = _THIRD
    relation[adjacency] = _BONDED
    i, j = all_pairs(n_atoms)
    return relation[i, j].astype(np.int64)
