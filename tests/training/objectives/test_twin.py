"""The kinetic-energy twin: minus a sum over pairs, in both readings of the paper."""

import dataclasses
import json

import pytest
import torch

from tests.small_network import SMALL_NETWORK
from training.data.pack import MOLECULES, PackWriter, load_pack
from training.loop.run_folder import RunFolder
from training.loop.state import read_run
from training.loop.train import train
from training.models.card import twin_errors_held_out
from training.models.shipping import Shipment, make_model, read_recipe
from training.objectives.twin import READINGS, pair_kinetic_energies, predict_kinetic_energies, twin_errors
from training.recipes.optimization import Optimization
from training.recipes.recipe import PRESETS, load_recipe
from virialff.cli import main
from virialff.errors import ConfigError
from virialff.networks.force_field import ForceFieldNetwork
from virialff.potential.energy import pair_energies, pair_terms

TWIN = Optimization(
    name="twin",
    steps=150,
    batch_pairs=200,
    warmup_steps=1,
    validate_every=50,
    learning_rate=5e-3,
    twin_weight=1.0,
    energy_weight=0.0,
    relative_weight=0.0,
    force_weight=0.0,
    interaction_weight=0.0,
    interaction_force_weight=0.0,
    coordinate_noise=0.005,
)


def test_the_readings_differ_by_the_gaussians(packs):
    record = load_pack(packs / MOLECULES).train[0]
    parameters = ForceFieldNetwork(SMALL_NETWORK)(record.graph)
    terms = pair_terms(parameters, record.positions).sum(dim=1)
    both = pair_kinetic_energies(parameters, record.positions, "all")
    torch.testing.assert_close(both, -pair_energies(parameters, record.positions))
    long_range = pair_kinetic_energies(parameters, record.positions, "long_range")
    torch.testing.assert_close((long_range - both)[:, 0], terms[:, 3], atol=1e-3, rtol=1e-3)
    assert terms[:, 3].abs().max() > 0.1


@pytest.mark.parametrize("reading", READINGS)
def test_a_twin_learns_kinetic_energies(kinetic_packs, tmp_path, capsys, reading):
    molecules = load_pack(kinetic_packs / MOLECULES)
    stage = dataclasses.replace(TWIN, twin_terms=reading)
    train(tmp_path, SMALL_NETWORK, [stage], molecules, None, report=lambda line: None)
    rows = RunFolder(tmp_path).metrics()
    assert rows[-1]["train_twin"] < 0.8 * rows[0]["train_twin"]
    assert "validation_energy_mae" not in rows[-1]
    state = read_run(tmp_path, molecules.train)
    assert state.twin_baseline is not None
    errors = twin_errors(state.average, state.twin_baseline, molecules.validation, reading)
    assert errors["twin_mae"] == pytest.approx(rows[-1]["validation_twin_mae"])
    record = molecules.validation[0]
    predicted = predict_kinetic_energies(state.average, state.twin_baseline, record, reading)
    assert predicted == pytest.approx(record.kinetic_energies, abs=60.0)
    # It is no force field.
    (tmp_path / "packs").symlink_to(kinetic_packs)
    (tmp_path / "recipe.json").write_text('{"name": "twin"}')
    assert main(["ship", str(tmp_path), str(tmp_path / "model"), "--no-comparison"]) == 2
    assert "is a kinetic-energy twin" in capsys.readouterr().err


def test_the_card_of_a_model_has_the_errors_of_its_twins(kinetic_packs, tmp_path):
    molecules = load_pack(kinetic_packs / MOLECULES)
    potential = dataclasses.replace(TWIN, twin_weight=0.0, energy_weight=1.0, steps=2)
    recipe = {"level_of_theory": "GFN2-xTB", "data": {"labels": "none", "split_seed": 3, "fractions": [0.6, 0.2, 0.2]}}
    for name, stage in (("twin", dataclasses.replace(TWIN, steps=2)), ("model", potential)):
        run = tmp_path / name
        train(run, SMALL_NETWORK, [stage], molecules, None, report=lambda line: None)
        (run / "packs").symlink_to(kinetic_packs)
        (run / "recipe.json").write_text(json.dumps(recipe | {"name": name}))
    state = read_run(tmp_path / "twin", molecules.train)
    assert state.twin_baseline is not None
    measured = twin_errors(state.average, state.twin_baseline, molecules.test, "all")["twin_mae"]
    whole = read_recipe(tmp_path / "model")
    shipment = Shipment(tmp_path / "model", "model", twins=(tmp_path / "twin",), compare=False, recipe=whole)
    rows = make_model(shipment, tmp_path / "shipped")["kinetic energy"]
    assert rows["twin twin, all terms (kcal/mol)"]["mae"] == pytest.approx(measured)
    with pytest.raises(ConfigError, match="model is no trained kinetic-energy twin"):
        make_model(dataclasses.replace(shipment, twins=(tmp_path / "model",)), tmp_path / "refused")


def test_the_errors_of_larger_molecules_than_those_of_training_stand_apart(kinetic_packs, tmp_path):
    molecules = load_pack(kinetic_packs / MOLECULES)
    records = [record for split in (molecules.train, molecules.validation, molecules.test) for record in split]
    sizes = [int((record.graph.elements > 0).sum()) for record in records]
    with PackWriter(tmp_path / MOLECULES) as pack:
        for record, size in zip(records, sizes, strict=True):
            pack.append(record, "test" if size in (min(sizes), max(sizes)) else "train")
    ours = load_pack(tmp_path / MOLECULES)
    train(tmp_path / "run", SMALL_NETWORK, [dataclasses.replace(TWIN, steps=2)], ours, None, report=lambda line: None)
    state = read_run(tmp_path / "run", ours.train)
    assert state.twin_baseline is not None
    small = [record for record in ours.test if (record.graph.elements > 0).sum() == min(sizes)]
    within = f", up to {sorted(set(sizes))[-2]} heavy atoms, as in training"
    expected = {
        which: twin_errors(state.average, state.twin_baseline, part, "all")["twin_mae"]
        for which, part in (("", ours.test), (within, small))
    }
    measured = twin_errors_held_out(state, tmp_path, "all")
    assert {which: errors.mae.estimate for which, errors in measured.items()} == pytest.approx(expected)


def test_the_presets_are_the_paper_in_both_readings():
    paper = load_recipe(PRESETS / "paper.yaml")
    for name, reading in (("paper_kinetic_twin", "all"), ("paper_kinetic_twin_long_range", "long_range")):
        recipe = load_recipe(PRESETS / f"{name}.yaml")
        assert (recipe.network, recipe.data, recipe.all_stages[0]) == (paper.network, paper.data, paper.all_stages[0])
        twin = recipe.all_stages[1]
        assert (twin.twin_terms, twin.freeze_embeddings, twin.trains_potential) == (reading, True, False)


def test_a_twin_shares_its_networks_with_no_potential(tmp_path):
    with pytest.raises(ValueError, match="set the weights of all other losses to 0"):
        dataclasses.replace(TWIN, energy_weight=1.0)
    text = (PRESETS / "paper.yaml").read_text()
    twin = "  - {name: twin, twin_weight: 1, energy_weight: 0, relative_weight: 0, force_weight: 0,\n"
    twin += "     interaction_weight: 0, interaction_force_weight: 0}\n"
    (tmp_path / "recipe.yaml").write_text(text + twin)
    with pytest.raises(ConfigError, match="a twin is a run of its own"):
        load_recipe(tmp_path / "recipe.yaml")
