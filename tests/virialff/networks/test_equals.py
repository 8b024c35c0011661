"""What the networks compute once: the classes are right, and give what every atom and pair by itself gives."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.small_network import SMALL_NETWORK
from virialff.molecules.molecule import Molecule
from virialff.networks.config import PAPER
from virialff.networks.equals import atom_classes, grouped, pair_classes
from virialff.networks.force_field import ForceFieldNetwork
from virialff.networks.graph import molecule_tensors
from virialff.networks.graph_tensors import GraphTensors, collate
from virialff.networks.pairs import _with_contacts

SMILES = ("CC(C)(C)c1ccc(C)cc1", "O.CO.CO", "C12C3C4C1C5C2C3C45", "O", "C1CC2CCC1CC2", "CS(=O)(=O)N1CCOCC1", "[H][H]")


@pytest.fixture(scope="module")
def graph() -> GraphTensors:
    return collate([molecule_tensors(Molecule.from_smiles(text)) for text in SMILES])


def test_items_are_grouped_by_all_columns_even_where_their_product_is_beyond_int64():
    generator = np.random.default_rng(1)
    columns = [generator.integers(0, 3, 500) * factor for factor in (1, 10**12, 10**9, 10**15)]
    classes = grouped(*columns)
    _, expected = np.unique(np.stack(columns), axis=1, return_inverse=True)
    same = classes.of.numpy()[:, None] == classes.of.numpy()
    np.testing.assert_array_equal(same, expected[:, None] == expected)
    np.testing.assert_array_equal(classes.of.numpy()[classes.first.numpy()], np.arange(len(classes.first)))


def test_atoms_are_told_apart_as_far_as_bonds_have_been_followed():
    butane = molecule_tensors(Molecule.from_smiles("CCCC"))
    none, one, two = atom_classes((butane.elements,), butane, 2)
    counts = [len(classes.first) for classes in (none, one, two)]
    # Carbon and hydrogen; CH3, CH2 and hydrogen; and of hydrogen those of CH3 and of CH2.
    assert counts == [2, 3, 4]
    assert two.of[0] == two.of[3] != two.of[1] == two.of[2]


def test_a_pair_from_its_other_end_is_equal_where_the_network_is_symmetric():
    ether = molecule_tensors(Molecule.from_smiles("COC"))
    atoms = atom_classes((ether.elements,), ether, 0)[-1].of
    row = {(int(i), int(j)): n for n, (i, j) in enumerate(ether.pair_index.T)}
    both, one = (pair_classes(atoms, ether, symmetric=value, inside=False).of for value in (True, False))
    assert both[row[0, 1]] == both[row[1, 2]] != both[row[0, 2]]
    assert one[row[0, 1]] != one[row[1, 2]]


def test_pairs_are_told_apart_by_the_atoms_between():
    molecule = molecule_tensors(Molecule.from_smiles("COCNC"))
    atoms = atom_classes((molecule.elements,), molecule, 0)[-1].of
    row = {(int(i), int(j)): n for n, (i, j) in enumerate(molecule.pair_index.T)}
    read, unread = (pair_classes(atoms, molecule, symmetric=True, inside=value).of for value in (True, False))
    assert unread[row[0, 2]] == unread[row[2, 4]]
    assert read[row[0, 2]] != read[row[2, 4]]


@pytest.mark.parametrize("config", [dataclasses.replace(PAPER, hidden_size=24), SMALL_NETWORK], ids=["paper", "ours"])
def test_values_and_gradients_are_those_of_all_atoms_and_pairs(config, graph):
    torch.manual_seed(5)
    network = ForceFieldNetwork(config).double()
    for weights in network.parameters():
        if not weights.any():
            torch.nn.init.normal_(weights, std=0.3)

    def computed(merged: bool) -> tuple[torch.Tensor, ...]:
        network.zero_grad()
        passing, pairs = network.message_passing, network.pairs
        if merged:
            parameters = network(graph)
            charges, coefficients = parameters.charges, parameters.coefficients
        else:
            rings = graph.atom_rings.clamp(max=1) if config.ring_membership else graph.atom_rings
            hidden, atoms = passing._all(graph, rings if config.ring_sizes else None)
            charges = network.charges(hidden, atoms, graph)
            coefficients = pairs._coefficients(hidden, _with_contacts(graph) if config.far_pairs_as_contacts else graph)
        weights = torch.linspace(-1, 1, coefficients.numel(), dtype=torch.float64).view_as(coefficients)
        (coefficients * weights).sum().add((charges**2).sum()).backward()
        gradient = torch.cat([value.grad.flatten() for value in network.parameters() if value.grad is not None])
        return charges.detach(), coefficients.detach(), gradient

    for merged, all_of_them in zip(computed(True), computed(False), strict=True):
        torch.testing.assert_close(merged, all_of_them, rtol=1e-9, atol=1e-9 * float(all_of_them.abs().max()))


def test_equal_parts_of_molecules_are_computed_once(graph):
    twice = collate([graph, graph])
    for config in (dataclasses.replace(PAPER, hidden_size=24), SMALL_NETWORK):
        network = ForceFieldNetwork(config).double()
        hidden, atoms = network.message_passing.of_classes(twice)
        assert len(hidden) == len(network.message_passing.of_classes(graph)[0]) < graph.n_atoms / 2
        torch.testing.assert_close(hidden[atoms][: graph.n_atoms], hidden[atoms][graph.n_atoms :], rtol=0, atol=0)
