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

from virialff.elements import ELEMENT_INDEX, ELEMENTS
from virialff.errors import MissingCoordinatesError
from virialff.molecules.molecule import Molecule
from virialff.molecules.rings import pair_rings, ring_counts, smallest_rings
from virialff.molecules.topology import (
    EDGE_TYPES,
    NON_COVALENT,
    all_pairs,
    atoms_between,
    bond_type_indices,
    fragment_indices,
    pair_relations,
)
from virialff.networks.graph_tensors import GraphTensors


def build_graph(molecule: Molecule, *, threshold: float | None = None, conformer: int = 0) -> dgl.DGLGraph:
    """The graph of one molecule or complex: atoms, covalent bonds and non-covalent pairs.

    Every edge stands in both directions. Node data: `element` (n_atoms, 9) one-hot, `fragment` (n_atoms,) and
    `rings` (n_atoms, 5), how many of the smallest rings of each of topology.RING_SIZES hold the atom.
    Edge data: `type` (n_edges, 5) one-hot bond type or non-covalent, `relation` (n_edges,) position in
    topology.RELATIONS, `ring` (n_edges,) topology.NO_RING or 1 + position in topology.RING_SIZES and, when the
    molecule has conformers, `displacement` (n_edges, 3) in Angstrom from source to target in the chosen conformer.

    threshold: non-covalent pairs further apart than this (Angstrom, in the chosen conformer) get no edge;
    None keeps all pairs. Raises MissingCoordinatesError when a threshold is asked of a molecule without
    coordinates.
    """
    if threshold is not None and not molecule.n_conformers:
        raise MissingCoordinatesError(
            f"a distance threshold of {threshold:g} A needs coordinates and the molecule has none; "
            "generate or upload a conformer, or use all pairs (threshold=None)"
        )
    positions = molecule.positions[conformer] if molecule.n_conformers else None
    return _graph_of_arrays(molecule.numbers, molecule.bonds, molecule.orders, positions, threshold)


def _graph_of_arrays(
    numbers: np.ndarray,
    bonds: np.ndarray,
    orders: np.ndarray,
    positions: np.ndarray | None,
    threshold: float | None,
) -> dgl.DGLGraph:
    n_atoms = len(numbers)
    pairs = all_pairs(n_atoms)
    relations = pair_relations(n_atoms, bonds)
    types = np.full(pairs.shape[1], NON_COVALENT, dtype=np.int64)
    row = np.full((n_atoms, n_atoms), -1, dtype=np.int64)
    row[pairs[0], pairs[1]] = np.arange(pairs.shape[1])
    if len(bonds):
        types[row[bonds[:, 0], bonds[:, 1]]] = bond_type_indices(orders)
    if threshold is not None and positions is not None:
        near = np.linalg.norm(positions[pairs[0]] - positions[pairs[1]], axis=1) <= threshold
        keep = near | (types != NON_COVALENT)
        pairs, relations, types = pairs[:, keep], relations[keep], types[keep]

    source = torch.from_numpy(np.concatenate([pairs[0], pairs[1]]))
    target = torch.from_numpy(np.concatenate([pairs[1], pairs[0]]))
    graph = dgl.graph((source, target), num_nodes=n_atoms)
    elements = torch.tensor([ELEMENT_INDEX[int(number)] for number in numbers])
    graph.ndata["element"] = torch.nn.functional.one_hot(elements, len(ELEMENTS)).float()
    graph.ndata["fragment"] = torch.from_numpy(fragment_indices(n_atoms, bonds))
    found = smallest_rings(n_atoms, bonds)
    graph.ndata["rings"] = torch.from_numpy(ring_counts(n_atoms, found))
    rings = pair_rings(n_atoms, found)[pairs[0], pairs[1]]
    both = torch.from_numpy(np.concatenate([types, types]))
    graph.edata["type"] = torch.nn.functional.one_hot(both, len(EDGE_TYPES)).float()
    graph.edata["relation"] = torch.from_numpy(np.concatenate([relations, relations]))
    graph.edata["ring"] = torch.from_numpy(np.concatenate([rings, rings]))
    if positions is not None:
        coordinates = torch.from_numpy(positions)
        graph.edata["displacement"] = coordinates[target] - coordinates[source]
    return graph


def batch_graphs(graphs: Sequence[dgl.DGLGraph]) -> dgl.DGLGraph:
    """One DGL graph of several molecules; `to_tensors` keeps them apart."""
    # Coordinates are optional and the networks do not read them; DGL wants the same columns in every graph.
    bare = [graph.local_var() for graph in graphs]
    for graph in bare:
        graph.edata.pop("displacement", None)
    return dgl.batch(bare)


def to_tensors(graph: dgl.DGLGraph) -> GraphTensors:
    """The index tensors of a graph from `build_graph` or `batch_graphs`."""
    source, target = graph.edges()
    types = graph.edata["type"].argmax(dim=1)
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
        elements=graph.ndata["element"].argmax(dim=1),
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
    return to_tensors(_graph_of_arrays(numbers, bonds, orders, None, None))
