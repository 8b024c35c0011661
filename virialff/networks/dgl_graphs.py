"""Graphs of DGL to and from molecules and index tensors, for its modules and others' networks.

The only module that imports DGL; `virialff.networks.graph` makes the same tensors without it.
"""

import os

os.environ.setdefault("DGLBACKEND", "pytorch")

import dgl
import torch

from virialff.molecules.molecule import Molecule
from virialff.molecules.topology import NON_COVALENT, atoms_between
from virialff.networks.graph import molecule_tensors
from virialff.networks.graph_tensors import GraphTensors


def to_dgl(molecule: Molecule) -> dgl.DGLGraph:
    """The graph of one molecule or complex with all its atoms, covalent bonds and non-covalent pairs.

    Every edge stands in both directions. Node data: `element` (n_atoms,) position in elements.ELEMENTS, `fragment`
    (n_atoms,) and `rings` (n_atoms, 5), how many of the smallest rings of each of topology.RING_SIZES hold the atom.
    Edge data: `type` (n_edges,) position in topology.EDGE_TYPES, `relation` (n_edges,) position in topology.RELATIONS,
    `ring` (n_edges,) topology.NO_RING or 1 + position in topology.RING_SIZES.
    """
    tensors = molecule_tensors(molecule)
    source, target = tensors.pair_index
    graph = dgl.graph((torch.cat([source, target]), torch.cat([target, source])), num_nodes=tensors.n_atoms)
    graph.ndata["element"] = tensors.elements
    graph.ndata["fragment"] = tensors.atom_fragments
    graph.ndata["rings"] = tensors.atom_rings
    of_pairs = {"type": tensors.pair_types, "relation": tensors.pair_relations, "ring": tensors.pair_rings}
    for name, values in of_pairs.items():
        graph.edata[name] = torch.cat([values, values])
    return graph


def from_dgl(graph: dgl.DGLGraph) -> GraphTensors:
    """The index tensors of a graph of `to_dgl`, or of several that `dgl.batch` has joined, which stay apart."""
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
