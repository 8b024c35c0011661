"""Molecule -> DGLGraph -> plain tensors. The only module that imports DGL (section 3 of the paper).

DGL from the package index is a CPU build, so a graph leaves this module as `GraphTensors`,
which go to any device.
"""

import os
from collections.abc import Sequence

os.environ.setdefault("DGLBACKEND", "pytorch")

import dgl
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


def build_graph(molecule: Molecule) -> dgl.DGLGraph:
    """The graph of one molecule or complex with all its atoms, covalent bonds and non-covalent pairs.

    Every edge stands in both directions. Node data: `element` (n_atoms,) position in elements.ELEMENTS, `fragment`
    (n_atoms,) and `rings` (n_atoms, 5), how many of the smallest rings of each of topology.RING_SIZES hold the atom.
    Edge data: `type` (n_edges,) position in topology.EDGE_TYPES, `relation` (n_edges,) position in topology.RELATIONS,
    `ring` (n_edges,) topology.NO_RING or 1 + position in topology.RING_SIZES.
    """
    return _graph_of_arrays(molecule.numbers, molecule.bonds, molecule.orders)


def _graph_of_arrays(numbers: np.ndarray, bonds: np.ndarray, orders: np.ndarray) -> dgl.DGLGraph:
    n_atoms = len(numbers)
    pairs = all_pairs(n_atoms)
    types = np.full(pairs.shape[1], NON_COVALENT, dtype=np.int64)
    row = np.full((n_atoms, n_atoms), -1, dtype=np.int64)
    row[pairs[0], pairs[1]] = np.arange(pairs.shape[1])
    if len(bonds):
        types[row[bonds[:, 0], bonds[:, 1]]] = bond_type_indices(orders)
    source = torch.from_numpy(np.concatenate([pairs[0], pairs[1]]))
    target = torch.from_numpy(np.concatenate([pairs[1], pairs[0]]))
    graph = dgl.graph((source, target), num_nodes=n_atoms)
    graph.ndata["element"] = torch.tensor([ELEMENT_INDEX[int(number)] for number in numbers])
    graph.ndata["fragment"] = torch.from_numpy(fragment_indices(n_atoms, bonds))
    found = smallest_rings(n_atoms, bonds)
    graph.ndata["rings"] = torch.from_numpy(ring_counts(n_atoms, found))
    of_pairs = {
        "type": types,
        "relation": pair_relations(n_atoms, bonds),
        "ring": pair_rings(n_atoms, found)[pairs[0], pairs[1]],
    }
    for name, values in of_pairs.items():
        graph.edata[name] = torch.from_numpy(np.concatenate([values, values]))
    return graph


def batch_graphs(graphs: Sequence[dgl.DGLGraph]) -> dgl.DGLGraph:
    """One DGL graph of several molecules; `to_tensors` keeps them apart."""
    return dgl.batch(list(graphs))


def to_tensors(graph: dgl.DGLGraph) -> GraphTensors:
    """The index tensors of a graph from `build_graph` or `batch_graphs`."""
    source, target = graph.edges()
    types = graph.edata["type"]
    covalent = types != NON_COVALENT
    forward = source < target

    atoms_in = graph.batch_num_nodes()
    n_molecules = len(atoms_in)
    atom_molecules = torch.repeat_interleave(torch.arange(n_molecules), atoms_in)
    fragments_in = torch.zeros(n_molecules, dtype=torch.int64)
    fragments_in.scatter_reduce_(0, atom_molecules, graph.ndata["fragment"] + 1, reduce="amax")
    offsets = torch.cumsum(fragments_in, dim=0) - fragments_in
    bond_index = torch.stack([source[covalent], target[covalent]])
    pair_index = torch.stack([source[forward], target[forward]])
    relations = graph.edata["relation"][forward]
    paths = atoms_between(bond_index.numpy(), pair_index.numpy(), relations.numpy())
    return GraphTensors(
        elements=graph.ndata["element"],
        atom_fragments=graph.ndata["fragment"] + offsets[atom_molecules],
        fragment_molecules=torch.repeat_interleave(torch.arange(n_molecules), fragments_in),
        atom_rings=graph.ndata["rings"],
        bond_index=bond_index,
        bond_types=types[covalent],
        pair_index=pair_index,
        pair_types=types[forward],
        pair_relations=relations,
        pair_rings=graph.edata["ring"][forward],
        pair_molecules=atom_molecules[source[forward]],
        path_pairs=torch.from_numpy(paths[0]),
        path_atoms=torch.from_numpy(paths[1]),
        n_molecules=n_molecules,
    )


def molecule_tensors(molecule: Molecule) -> GraphTensors:
    """The index tensors of one molecule with all its pairs."""
    return to_tensors(build_graph(molecule))


def array_tensors(numbers: np.ndarray, bonds: np.ndarray, orders: np.ndarray) -> GraphTensors:
    """The index tensors of stored `Molecule.numbers`, `bonds` and `orders` with all pairs; nothing is perceived."""
    return to_tensors(_graph_of_arrays(numbers, bonds, orders))
