"""Message passing: DGL's NNConv as the oracle, and independence of atom order."""

import pytest
import torch
from dgl.nn.pytorch import NNConv

from virialff.molecules.molecule import Molecule
from virialff.molecules.topology import BOND_TYPES
from virialff.networks.dgl_graphs import to_dgl
from virialff.networks.graph import molecule_tensors
from virialff.networks.mpnn import MessagePassing


@pytest.mark.parametrize("smiles", ["CC(=O)Nc1ccccc1C#N", "O.CO", "[H][H]"])
def test_one_step_is_nnconv_and_a_gru(smiles):
    torch.manual_seed(2)
    molecule = Molecule.from_smiles(smiles)
    layer = MessagePassing(hidden_size=12, steps=1).double()
    graph = molecule_tensors(molecule)

    full = to_dgl(molecule)
    covalent = full.edge_subgraph(full.edata["type"] < len(BOND_TYPES), relabel_nodes=False, store_ids=False)
    edge_network = torch.nn.Linear(len(BOND_TYPES), 12 * 12, bias=False).double()
    edge_network.weight.data = layer.bond_matrices.data.reshape(len(BOND_TYPES), -1).T.contiguous()
    oracle = NNConv(12, 12, edge_network, aggregator_type="sum", bias=False)
    hidden = layer.embed(graph.elements)
    messages = oracle(covalent, hidden, torch.nn.functional.one_hot(covalent.edata["type"], len(BOND_TYPES)).double())

    torch.testing.assert_close(layer.messages(hidden, graph.bond_index, graph.bond_types, graph.n_atoms), messages)
    torch.testing.assert_close(layer(graph), layer.update(messages, hidden))


def test_steps_reach_one_bond_further_each():
    torch.manual_seed(2)
    short, long = (molecule_tensors(Molecule.from_smiles(s)) for s in ("CCCCCCF", "CCCCCCCl"))
    for steps, same in ((5, True), (6, False)):
        layer = MessagePassing(hidden_size=8, steps=steps).double()
        first, second = layer(short)[0], layer(long)[0]
        assert torch.allclose(first, second, atol=1e-12) is same
