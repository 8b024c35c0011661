"""Molecule -> index tensors (section 3 of the paper). `virialff.networks.dgl_graphs` has the same as graphs of DGL."""

import numpy as np
import torch

from virialff.elements import ELEMENT_INDEX
from virialff.molecules.molecule import Molecule
from virialff.molecules.rings import pair_rings, ring_counts, smallest_rings
from virialff.molecules.topology import (
    NON_COVALENT,
    all_pairs,
    atoms_between,
    bond_type_indices,
    fragment_indices,
    pair_relations,
)
from virialff.networks.graph_tensors import GraphTensors


def molecule_tensors(molecule: Molecule) -> GraphTensors:
    """The index tensors of one molecule or complex with all its atoms, covalent bonds and pairs."""
    return array_tensors(molecule.numbers, molecule.bonds, molecule.orders)


def array_tensors(numbers: np.ndarray, bonds: np.ndarray, orders: np.ndarray) -> GraphTensors:
    """The index tensors of stored `Molecule.numbers`, `bonds` and `orders` with all pairs; nothing is perceived."""
    n_atoms = len(numbers)
    pairs = all_pairs(n_atoms)
    types = np.full(pairs.shape[1], NON_COVALENT, dtype=np.int64)
    row = np.full((n_atoms, n_atoms), -1, dtype=np.int64)
    row[pairs[0], pairs[1]] = np.arange(pairs.shape[1])
    if len(bonds):
        types[row[bonds[:, 0], bonds[:, 1]]] = bond_type_indices(orders)
    covalent = types != NON_COVALENT
    bond_index = np.concatenate([pairs[:, covalent], pairs[::-1, covalent]], axis=1)
    relations = pair_relations(n_atoms, bonds)
    fragments = fragment_indices(n_atoms, bonds)
    rings = smallest_rings(n_atoms, bonds)
    paths = atoms_between(bond_index, pairs, relations)
    return GraphTensors(
        elements=torch.tensor([ELEMENT_INDEX[int(number)] for number in numbers]),
        atom_fragments=torch.from_numpy(fragments),
        fragment_molecules=torch.zeros(int(fragments.max(initial=-1)) + 1, dtype=torch.int64),
        atom_rings=torch.from_numpy(ring_counts(n_atoms, rings)),
        bond_index=torch.from_numpy(bond_index),
        bond_types=torch.from_numpy(np.tile(types[covalent], 2)),
        pair_index=torch.from_numpy(pairs),
        pair_types=torch.from_numpy(types),
        pair_relations=torch.from_numpy(relations),
        pair_rings=torch.from_numpy(pair_rings(n_atoms, rings)[pairs[0], pairs[1]]),
        pair_molecules=torch.zeros(pairs.shape[1], dtype=torch.int64),
        path_pairs=torch.from_numpy(paths[0]),
        path_atoms=torch.from_numpy(paths[1]),
        n_molecules=1,
    )
