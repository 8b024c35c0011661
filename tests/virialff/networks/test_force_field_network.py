"""The networks together: sizes of the preset `paper`, the switches, batching and atom order."""

import dataclasses

import dgl
import numpy as np
import pytest
import torch

from tests.small_network import SMALL_NETWORK
from virialff.molecules.molecule import Molecule
from virialff.molecules.topology import NO_RING, RELATIONS
from virialff.networks.charges import neutralize_fragments
from virialff.networks.config import PAPER, RELATION_SCALES, NetworkConfig
from virialff.networks.dgl_graphs import from_dgl, to_dgl
from virialff.networks.force_field import ForceFieldNetwork
from virialff.networks.graph import molecule_tensors
from virialff.networks.graph_tensors import collate
from virialff.networks.kinetic import KineticNetwork
from virialff.networks.mpnn import MessagePassing
from virialff.networks.pairs import EPSILON_BOUNDS, SIGMA_BOUNDS
from virialff.potential.energy import pair_energies
from virialff.potential.lennard_jones import sigma_epsilon

SMALL_PAPER = dataclasses.replace(PAPER, hidden_size=24)
SMILES = ("CC(=O)Nc1ccccc1", "O.CO", "FC(Cl)Br", "CS(=O)(=O)C", "CP(C)C")


def network(config: NetworkConfig) -> ForceFieldNetwork:
    torch.manual_seed(4)
    made = ForceFieldNetwork(config).double()
    for weights in made.parameters():
        if not weights.any():
            # Terms that are zero at first, as they would be after training.
            torch.nn.init.normal_(weights, std=0.3)
    return made


def linear_shapes(module: torch.nn.Module) -> list[tuple[int, ...]]:
    return [tuple(layer.weight.shape) for layer in module.modules() if isinstance(layer, torch.nn.Linear)]


def test_sizes_of_the_paper():
    message_passing = MessagePassing(PAPER.hidden_size, PAPER.message_steps)
    kinetic = KineticNetwork(PAPER)
    assert message_passing.steps == 4
    assert message_passing.bond_matrices.shape == (4, 350, 350)
    assert linear_shapes(kinetic.atom) == [(160, 350), (160, 160), (1, 160)]
    assert linear_shapes(kinetic.edge) == [(199, 355), (199, 199), (199, 199), (1, 199)]
    assert linear_shapes(ForceFieldNetwork(PAPER).pairs)[-1][0] == 14


def test_every_switch_is_off_in_the_paper():
    switches = (
        "pair_relations",
        "ring_sizes",
        "path_atoms",
        "symmetric_pairs",
        "neutral_fragments",
        "bond_type_baseline",
        "output_scales",
    )
    assert not any(getattr(PAPER, switch) for switch in switches)
    assert PAPER.gaussian_widths is None


def test_paper_pair_layer_is_a_linear_layer_on_the_concatenation():
    """Three products gathered a pair give what one product on h_i || h_j || e_ij gives."""
    model = network(SMALL_PAPER)
    graph = molecule_tensors(Molecule.from_smiles("CC=O"))
    hidden = model.message_passing(graph)
    pairs = model.pairs
    (i, j), row = pairs.rows(graph)
    edges = torch.nn.functional.one_hot(graph.pair_types[row], 5).double()
    weight = torch.cat([pairs.first.weight, pairs.second.weight, pairs.edge.weight.T], dim=1)
    joined = torch.cat([hidden[i], hidden[j], edges], dim=1) @ weight.T + pairs.first.bias
    torch.testing.assert_close(pairs(hidden, torch.arange(graph.n_atoms), graph), pairs.rest(joined))


@pytest.mark.parametrize("config", [SMALL_PAPER, SMALL_NETWORK], ids=["paper", "ours"])
@pytest.mark.parametrize("smiles", SMILES)
def test_energy_does_not_depend_on_atom_order(config, smiles):
    model = network(config)
    molecule = Molecule.from_smiles(smiles)
    rng = np.random.default_rng(1)
    order = rng.permutation(molecule.n_atoms)
    rank = np.argsort(order)
    shuffled = Molecule.from_arrays(molecule.numbers[order], rank[molecule.bonds], molecule.orders)
    positions = torch.from_numpy(rng.normal(size=(2, molecule.n_atoms, 3)) * 2)
    first, second = model(molecule_tensors(molecule)), model(molecule_tensors(shuffled))
    energies = pair_energies(first, positions)
    torch.testing.assert_close(pair_energies(second, positions[:, order]), energies, rtol=1e-10, atol=1e-7)
    torch.testing.assert_close(second.charges, first.charges[order], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("config", [SMALL_PAPER, SMALL_NETWORK], ids=["paper", "ours"])
def test_a_batch_gives_what_single_molecules_give(config):
    model = network(config)
    molecules = [Molecule.from_smiles(text) for text in SMILES]
    single = [model(molecule_tensors(molecule)) for molecule in molecules]
    by_dgl = from_dgl(dgl.batch([to_dgl(molecule) for molecule in molecules]))
    for graph in (by_dgl, collate([molecule_tensors(molecule) for molecule in molecules])):
        batch = model(graph)
        torch.testing.assert_close(batch.charges, torch.cat([one.charges for one in single]))
        for index, one in enumerate(single):
            rows = batch.pair_molecules == index
            torch.testing.assert_close(batch.coefficients[rows], one.coefficients)


def test_rings_and_paths_tell_apart_what_message_passing_cannot():
    """Every carbon of cyclopropane and of cyclohexane has the same neighbours, and theirs have, without end."""
    bonds = {}
    for name, config in (
        ("neither", dataclasses.replace(SMALL_NETWORK, ring_sizes=False, path_atoms=False)),
        ("rings", dataclasses.replace(SMALL_NETWORK, path_atoms=False)),
    ):
        model = network(config)
        rows = [model(molecule_tensors(Molecule.from_smiles(text))) for text in ("C1CC1", "C1CCCCC1")]
        bonds[name] = [one.coefficients[(one.pair_index < 3).all(dim=0) & one.bonded][0] for one in rows]
    torch.testing.assert_close(*bonds["neither"])
    assert (bonds["rings"][0] - bonds["rings"][1]).abs().max() > 1e-3


def test_a_pair_reads_the_mean_embedding_of_the_atoms_between():
    model = network(SMALL_NETWORK)
    without = network(dataclasses.replace(SMALL_NETWORK, path_atoms=False))
    without.load_state_dict(model.state_dict(), strict=False)
    graph = molecule_tensors(Molecule.from_smiles("C1CC(=O)C1"))  # two paths between the atoms of a 1-3 pair
    hidden = model.message_passing(graph)
    added = model.pairs._edges(hidden, graph) - without.pairs._edges(hidden, graph)
    assert model.pairs.between is not None
    for pair, relation in enumerate(graph.pair_relations):
        atoms = graph.path_atoms[graph.path_pairs == pair]
        expected = hidden[atoms].mean(dim=0) @ model.pairs.between[relation - 1] if len(atoms) else added[pair] * 0
        torch.testing.assert_close(added[pair], expected)
    third = graph.pair_relations == 1
    assert (torch.bincount(graph.path_pairs, minlength=graph.n_pairs)[third] == 2).any()


def test_equivalent_atoms_have_equal_charges():
    model = network(SMALL_NETWORK)
    charges = model(molecule_tensors(Molecule.from_smiles("c1ccccc1"))).charges
    assert charges[:6].max() - charges[:6].min() < 1e-12
    assert charges[6:].max() - charges[6:].min() < 1e-12
    assert (charges[0] - charges[6]).abs() > 1e-6


def test_neutral_fragments():
    graph = molecule_tensors(Molecule.from_smiles("CC(=O)O.N.O"))
    charges = neutralize_fragments(torch.randn(graph.n_atoms, dtype=torch.float64), graph)
    for fragment in range(3):
        assert charges[graph.atom_fragments == fragment].sum().abs() < 1e-12
    sums = [network(config)(graph).charges.sum().abs().item() for config in (SMALL_NETWORK, SMALL_PAPER)]
    assert sums[0] < 1e-12 < 1e-3 < sums[1]


def test_output_scales_bound_sigma_and_epsilon():
    model = network(SMALL_NETWORK)
    graph = molecule_tensors(Molecule.from_smiles("CC(=O)Nc1ccccc1.O"))
    with torch.no_grad():
        model.get_parameter(f"pairs.rest.{len(model.pairs.rest) - 1}.weight").mul_(1e4)
    parameters = model(graph)
    sigma, epsilon = sigma_epsilon(parameters.coefficients[:, 0], parameters.coefficients[:, 1])
    for values, (low, high) in ((sigma, SIGMA_BOUNDS), (epsilon, EPSILON_BOUNDS)):
        assert low * 0.999 <= values.min() <= values.max() <= 1.001 * high
        assert min(values.min() - low, high - values.max()) < 0.01 * low
    assert 0.3 <= parameters.widths.min() < parameters.widths.max() <= 1.5


def test_relation_scales_multiply_the_amplitudes():
    scaled = network(dataclasses.replace(SMALL_NETWORK, far_pairs_as_contacts=False))
    plain = network(dataclasses.replace(scaled.config, output_scales=False))
    plain.load_state_dict(scaled.state_dict())
    graph = molecule_tensors(Molecule.from_smiles("CCCC.C"))
    ratio = scaled(graph).amplitudes / plain(graph).amplitudes
    for relation, scale in enumerate(RELATION_SCALES):
        assert ratio[graph.pair_relations == relation].mean().item() == pytest.approx(scale)


def test_kinetic_energies_sum_over_atoms_and_bonds():
    torch.manual_seed(0)
    graph = collate([molecule_tensors(Molecule.from_smiles(text)) for text in ("CCO", "C#N")])
    hidden = torch.randn(graph.n_atoms, 24)
    energies = KineticNetwork(dataclasses.replace(PAPER, hidden_size=24))(hidden, graph)
    assert energies.bonds.shape == (8 + 2,)
    expected = [
        energies.atoms[:9].sum() + energies.bonds[:8].sum(),
        energies.atoms[9:].sum() + energies.bonds[8:].sum(),
    ]
    torch.testing.assert_close(energies.molecules, torch.stack(expected))


def test_config_survives_json_and_refuses_unknown_settings():
    assert NetworkConfig.from_dict(SMALL_NETWORK.to_dict() | {"gaussian_widths": [0.3, 1.5]}) == SMALL_NETWORK
    with pytest.raises(ValueError, match="'depth'"):
        NetworkConfig.from_dict({"depth": 3})


def test_far_pairs_as_contacts_have_the_parameters_of_intermolecular_pairs():
    """Those of two molecules with the same embeddings, and no other pair changes."""
    off = network(dataclasses.replace(SMALL_NETWORK, far_pairs_as_contacts=False))
    on = network(SMALL_NETWORK)
    on.load_state_dict(off.state_dict())
    for smiles in ("CCCCCCC", "C1CCCCCCCC1"):
        graph = molecule_tensors(Molecule.from_smiles(smiles))
        far = graph.pair_relations == RELATIONS.index("further")
        between = graph._replace(
            pair_relations=graph.pair_relations.masked_fill(far, RELATIONS.index("intermolecular")),
            pair_rings=graph.pair_rings.masked_fill(far, NO_RING),
        )
        assert torch.equal(on(graph).coefficients, off(between).coefficients)
        changed = (on(graph).coefficients != off(graph).coefficients).any(dim=1)
        assert torch.equal(changed, far)
    assert not PAPER.far_pairs_as_contacts


def test_ring_membership_counts_every_size_once():
    counting = network(dataclasses.replace(SMALL_NETWORK, ring_membership=False))
    once = network(SMALL_NETWORK)
    once.load_state_dict(counting.state_dict())
    benzene, naphthalene = (molecule_tensors(Molecule.from_smiles(text)) for text in ("c1ccccc1", "c1ccc2ccccc2c1"))
    assert torch.equal(once(benzene).coefficients, counting(benzene).coefficients)
    capped = naphthalene._replace(atom_rings=naphthalene.atom_rings.clamp(max=1))
    assert torch.equal(once(naphthalene).coefficients, counting(capped).coefficients)
    assert not torch.equal(once(naphthalene).coefficients, counting(naphthalene).coefficients)
    assert not PAPER.ring_membership
