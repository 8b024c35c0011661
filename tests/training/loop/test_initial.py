"""Weights to start with come from a model as well as from a run; what does not fit is a sentence."""

import dataclasses
from pathlib import Path

import pytest
import torch

from tests.small_network import SMALL_CARD, SMALL_NETWORK
from training.data.pack import MOLECULES, load_pack
from training.loop.initial import copy_initial_weights, require_level
from training.loop.run_folder import RunFolder
from training.loop.state import resume_or_start
from training.objectives.baselines import fit_total_baseline
from training.recipes.optimization import Optimization
from virialff.errors import CheckpointError, ConfigError
from virialff.models.checkpoint import load_checkpoint, save_checkpoint
from virialff.molecules.molecule import Molecule
from virialff.networks.baseline import N_FEATURES, Baseline
from virialff.networks.force_field import ForceFieldNetwork
from virialff.networks.graph import molecule_tensors
from virialff.networks.kinetic import KineticNetwork


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    baseline = Baseline(torch.zeros(N_FEATURES, dtype=torch.float64), torch.ones(N_FEATURES, dtype=torch.bool))
    save_checkpoint(folder, ForceFieldNetwork(SMALL_NETWORK), baseline, SMALL_CARD)
    return folder


def test_the_weights_of_a_model_are_taken(model):
    network, kinetic = ForceFieldNetwork(SMALL_NETWORK), KineticNetwork(SMALL_NETWORK)
    before = kinetic.state_dict()["atom.0.weight"].clone()
    copy_initial_weights(model, network, kinetic)
    for name, value in load_checkpoint(model).network.state_dict().items():
        assert torch.equal(network.state_dict()[name], value.float())
    # A model has no kinetic-energy network.
    assert torch.equal(kinetic.state_dict()["atom.0.weight"], before)


def test_a_run_on_dipoles_starts_with_the_charges_the_right_way_round(packs, tmp_path):
    records = load_pack(packs / MOLECULES).train
    torch.manual_seed(1)
    network = ForceFieldNetwork(SMALL_NETWORK)
    found = []
    for name in ("one", "negated"):
        baseline = fit_total_baseline(records, detail="bonds")
        save_checkpoint(tmp_path / name, network, baseline, SMALL_CARD)
        stages = [Optimization(dipole_weight=1.0)]
        state = resume_or_start(
            RunFolder(tmp_path / f"run_{name}"), SMALL_NETWORK, stages, records, "cpu", tmp_path / name
        )
        found.append(state.network(records[0].graph).charges)
        for parameter in network.charges.layers[-1].parameters():
            parameter.data.neg_()
    torch.testing.assert_close(found[0], found[1])
    assert found[0].abs().max() > 1e-4


def test_sizes_of_the_kinetic_network_need_not_agree_with_a_model(model):
    other = ForceFieldNetwork(dataclasses.replace(SMALL_NETWORK, atom_width=10))
    copy_initial_weights(model, other, KineticNetwork(other.config))
    name = "charges.layers.0.weight"
    assert torch.equal(other.state_dict()[name], load_checkpoint(model).network.state_dict()[name].float())


def test_a_model_of_another_network_is_refused(model):
    other = ForceFieldNetwork(dataclasses.replace(SMALL_NETWORK, pair_width=30))
    with pytest.raises(ConfigError, match="has a network with pair_width 22 and the recipe says 30: they must agree"):
        copy_initial_weights(model, other, None)


def test_a_network_goes_on_with_switches_that_it_was_trained_without(tmp_path):
    plain = dataclasses.replace(SMALL_NETWORK, ring_sizes=False, path_atoms=False)
    torch.manual_seed(0)
    baseline = Baseline(torch.zeros(N_FEATURES, dtype=torch.float64), torch.ones(N_FEATURES, dtype=torch.bool))
    save_checkpoint(tmp_path / "plain", ForceFieldNetwork(plain), baseline, SMALL_CARD)
    save_checkpoint(tmp_path / "full", ForceFieldNetwork(SMALL_NETWORK), baseline, SMALL_CARD)
    network = ForceFieldNetwork(SMALL_NETWORK)
    copy_initial_weights(tmp_path / "plain", network, None)
    graph = molecule_tensors(Molecule.from_smiles("O=C1CCC1"))
    expected = load_checkpoint(tmp_path / "plain").network.float()(graph)
    torch.testing.assert_close(network(graph).coefficients, expected.coefficients)
    with pytest.raises(ConfigError, match="has a network with ring_sizes True and the recipe says False"):
        copy_initial_weights(tmp_path / "full", ForceFieldNetwork(plain), None)


def test_a_network_goes_on_with_other_inputs_but_not_without_them(model, tmp_path):
    off = dataclasses.replace(SMALL_NETWORK, ring_membership=False, far_pairs_as_contacts=False)
    baseline = Baseline(torch.zeros(N_FEATURES, dtype=torch.float64), torch.ones(N_FEATURES, dtype=torch.bool))
    save_checkpoint(tmp_path / "off", ForceFieldNetwork(off), baseline, SMALL_CARD)
    network = ForceFieldNetwork(SMALL_NETWORK)
    copy_initial_weights(tmp_path / "off", network, None)
    for name, value in load_checkpoint(tmp_path / "off").network.state_dict().items():
        assert torch.equal(network.state_dict()[name], value.float())
    with pytest.raises(ConfigError, match="has a network with ring_membership True and the recipe says False"):
        copy_initial_weights(model, ForceFieldNetwork(off), None)


def test_other_bounds_of_widths_leave_the_widths_nearly_what_they_were(model):
    graph = molecule_tensors(Molecule.from_smiles("CC(=O)NC"))
    before = load_checkpoint(model).network.float()(graph).coefficients
    wider = ForceFieldNetwork(dataclasses.replace(SMALL_NETWORK, gaussian_widths=(0.15, 1.5)))
    copy_initial_weights(model, wider, None)
    after = wider(graph).coefficients
    assert not torch.equal(after[:, 3::2], before[:, 3::2])
    torch.testing.assert_close(after[:, 3::2], before[:, 3::2], rtol=0, atol=0.03)
    torch.testing.assert_close(after[:, 2::2], before[:, 2::2])
    unbound = ForceFieldNetwork(dataclasses.replace(SMALL_NETWORK, gaussian_widths=None))
    with pytest.raises(ConfigError, match="gaussian_widths"):
        copy_initial_weights(model, unbound, None)


def test_a_damaged_model_is_refused(model, tmp_path):
    for file in model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="damaged"):
        copy_initial_weights(tmp_path, ForceFieldNetwork(SMALL_NETWORK), None)


def test_a_companion_of_another_level_than_the_weights_is_refused(model, tmp_path):
    own = load_checkpoint(model).card["level_of_theory"]
    require_level(model, own)
    with pytest.raises(ConfigError, match=f"labels at GFN1-xTB, and .* is a model at {own}: name a run or a model at"):
        require_level(model, "GFN1-xTB")
    (tmp_path / "recipe.json").write_text('{"level_of_theory": "GFN1-xTB"}', encoding="utf-8")
    require_level(tmp_path, "GFN1-xTB")
    with pytest.raises(ConfigError, match="is a model at GFN1-xTB"):
        require_level(tmp_path, own)
    # What is neither is refused where its weights are read.
    require_level(tmp_path / "nothing", own)
