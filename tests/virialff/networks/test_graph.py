"""The tensors of a graph, and the same as a graph of DGL."""

from collections import Counter

import dgl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from virialff.elements import ELEMENTS
from virialff.molecules.molecule import Molecule
from virialff.molecules.topology import BOND_TYPES, EDGE_TYPES, RELATIONS
from virialff.networks.dgl_graphs import from_dgl, to_dgl
from virialff.networks.graph import molecule_tensors
from virialff.networks.graph_tensors import collate

SMILES = ("CC(=O)Nc1ccccc1", "O.CO.N", "C#N", "CS(C)(=O)=O", "BrCCl", "O")


def test_graph_is_complete():
    molecule = Molecule.from_smiles("CC#N")
    graph = to_dgl(molecule)
    assert isinstance(graph, dgl.DGLGraph)
    assert graph.num_edges() == 6 * 5
    assert [ELEMENTS[int(element)] for element in graph.ndata["element"]] == list(molecule.symbols)
    assert graph.edata["type"].shape == (30,)
    first = graph.edge_ids(1, 2)
    assert EDGE_TYPES[int(graph.edata["type"][first])] == "triple"


def test_relations_of_butane_and_a_complex():
    graph = molecule_tensors(Molecule.from_smiles("CCCC.O"))
    relations = {
        (int(i), int(j)): RELATIONS[int(r)] for i, j, r in zip(*graph.pair_index, graph.pair_relations, strict=True)
    }
    assert relations[0, 1] == "bonded"
    assert relations[0, 2] == "1-3"
    assert relations[0, 3] == "1-4"
    assert relations[0, 4] == "intermolecular"
    assert "further" in relations.values()


def test_the_shortest_path_decides_in_rings():
    graph = molecule_tensors(Molecule.from_smiles("C1CCC1"))
    carbon_pairs = (graph.pair_index < 4).all(dim=0)
    names = sorted(RELATIONS[int(r)] for r in graph.pair_relations[carbon_pairs])
    assert names == ["1-3", "1-3", "bonded", "bonded", "bonded", "bonded"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(SMILES), min_size=1, max_size=4))
def test_dgl_batches_and_collated_tensors_are_the_same(texts):
    molecules = [Molecule.from_smiles(text) for text in texts]
    by_dgl = from_dgl(dgl.batch([to_dgl(molecule) for molecule in molecules]))
    by_tensors = collate([molecule_tensors(molecule) for molecule in molecules])
    assert by_dgl.n_molecules == by_tensors.n_molecules == len(texts)
    for name in ("elements", "atom_fragments", "fragment_molecules", "atom_rings"):
        assert torch.equal(getattr(by_dgl, name), getattr(by_tensors, name)), name
    of_pairs = ["pair_types", "pair_relations", "pair_rings", "pair_molecules"]
    for index, values in (("bond_index", ["bond_types"]), ("pair_index", of_pairs)):
        sets = []
        for graph in (by_dgl, by_tensors):
            rows = torch.cat([getattr(graph, index), *(getattr(graph, value)[None] for value in values)])
            sets.append({tuple(row) for row in rows.T.tolist()})
        assert sets[0] == sets[1]
    paths = [
        Counter(zip(*(g.pair_index[:, g.path_pairs].tolist()), g.path_atoms.tolist(), strict=True))
        for g in (by_dgl, by_tensors)
    ]
    assert paths[0] == paths[1]


def test_pairs_that_are_left_out_take_their_paths_along():
    graph = molecule_tensors(Molecule.from_smiles("CC1CC1=O"))
    keep = torch.arange(graph.n_pairs) % 3 != 0
    part = graph.select_pairs(keep)
    before = Counter(zip(*graph.pair_index[:, graph.path_pairs].tolist(), graph.path_atoms.tolist(), strict=True))
    left = {tuple(pair) for pair in graph.pair_index[:, keep].T.tolist()}
    after = Counter(zip(*part.pair_index[:, part.path_pairs].tolist(), part.path_atoms.tolist(), strict=True))
    assert after == Counter({key: count for key, count in before.items() if key[:2] in left})
    assert after


def test_aromatic_bonds_have_a_type_of_their_own():
    graph = molecule_tensors(Molecule.from_smiles("c1ccccc1C"))
    types = [BOND_TYPES[int(t)] for t in graph.bond_types]
    assert types.count("aromatic") == 12
    assert "double" not in types


def test_collate_refuses_nothing():
    with pytest.raises(ValueError, match="at least one graph"):
        collate([])
