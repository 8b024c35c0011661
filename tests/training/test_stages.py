"""Stages: kinetic energies first, embeddings frozen after; dipoles; weights of another run with a new baseline."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.small_network import SMALL_NETWORK
from tests.training.conftest import SHIFT
from training.data.pack import COMPLEXES, MOLECULES, Pack, load_pack
from training.loop.run_folder import RunFolder
from training.loop.state import State, read_run, steps_done
from training.loop.train import train
from training.models.shipping import trained_state
from training.objectives.losses import charge_dipoles
from training.recipes.optimization import Optimization
from virialff.elements import ELEMENTS
from virialff.errors import ConfigError
from virialff.networks.baseline import baseline_energies

NO_ENERGIES: dict[str, Any] = {
    f"{name}_weight": 0.0 for name in ("energy", "relative", "force", "interaction", "interaction_force")
}
SHORT = Optimization(steps=20, batch_pairs=200, warmup_steps=1, validate_every=5, learning_rate=5e-3)
KINETIC = dataclasses.replace(SHORT, name="kinetic", steps=60, kinetic_weight=1.0, **NO_ENERGIES)
POTENTIAL = dataclasses.replace(SHORT, interaction_weight=0.0, interaction_force_weight=0.0)


@pytest.fixture(scope="module")
def molecules(kinetic_packs) -> Pack:
    return load_pack(kinetic_packs / MOLECULES)


def run(folder: Path, molecules: Pack, *stages: Optimization, initial: Path | None = None) -> State:
    return train(folder, SMALL_NETWORK, stages, molecules, None, initial=initial, report=lambda line: None)


@pytest.fixture(scope="module")
def kinetic_run(molecules, tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("kinetic_run")
    run(folder, molecules, KINETIC)
    return folder


def test_a_run_that_has_not_come_to_its_potential_is_no_model(kinetic_run, molecules, tmp_path):
    with pytest.raises(ConfigError, match="trains no potential, only kinetic energies"):
        trained_state(kinetic_run, molecules.train)

    def interrupt(line: str) -> None:
        if steps_done(tmp_path) > 0:
            raise KeyboardInterrupt

    stages = (dataclasses.replace(KINETIC, checkpoint_seconds=0.0), POTENTIAL)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, SMALL_NETWORK, stages, molecules, None, report=interrupt)
    assert 0 < steps_done(tmp_path) <= 60
    with pytest.raises(ConfigError, match=r"ended at step \d+, and its potential is trained from step 61 on"):
        trained_state(tmp_path, molecules.train)


def test_packs_hold_all_of_the_kinetic_energy(molecules):
    record = molecules.train[0]
    total = record.kinetic_atoms.sum(dim=1) + record.kinetic_bonds.sum(dim=1) + 2.0
    torch.testing.assert_close(record.kinetic_energies, total)


@pytest.mark.parametrize(
    ("weights", "loss"),
    [
        ({"kinetic_weight": 1.0}, "kinetic"),
        ({"kinetic_weight": 0.0, "kinetic_descriptor_weight": 1.0}, "kinetic_descriptor"),
    ],
)
def test_kinetic_energies_are_learned_by_sum_or_by_atom_and_bond(molecules, tmp_path, weights, loss):
    run(tmp_path, molecules, dataclasses.replace(KINETIC, steps=150, **weights))
    metrics = RunFolder(tmp_path).metrics()
    assert metrics[-1][f"train_{loss}"] < 0.6 * metrics[0][f"train_{loss}"]
    assert "train_energy" not in metrics[-1]
    measured = "validation_kinetic_mae" if loss == "kinetic" else "validation_kinetic_atom_mae"
    assert np.isfinite(metrics[-1][measured])


def test_the_second_stage_leaves_frozen_embeddings_as_they_are(molecules, kinetic_run, tmp_path):
    first = read_run(kinetic_run, molecules.train)
    frozen = run(tmp_path / "frozen", molecules, KINETIC, dataclasses.replace(POTENTIAL, freeze_embeddings=True))
    together = run(tmp_path / "together", molecules, KINETIC, POTENTIAL)
    for name, value in first.average.state_dict().items():
        embedding = name.startswith("message_passing")
        assert torch.equal(frozen.average.state_dict()[name], value) == embedding, name
    changed = together.average.message_passing.bond_matrices
    assert not torch.equal(changed, first.average.message_passing.bond_matrices)
    stages = [row["stage"] for row in RunFolder(tmp_path / "frozen").metrics()]
    assert stages == ["kinetic"] * 12 + ["potential"] * 4
    assert json.loads((tmp_path / "frozen" / "status.json").read_text())["step"] == 80


def test_a_run_stopped_between_its_stages_goes_on_to_the_same_weights(molecules, kinetic_run, tmp_path):
    frozen = dataclasses.replace(POTENTIAL, freeze_embeddings=True)
    whole = run(tmp_path / "whole", molecules, KINETIC, frozen)
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "checkpoint.pt").write_bytes((kinetic_run / "checkpoint.pt").read_bytes())
    again = run(tmp_path / "again", molecules, KINETIC, frozen)
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], value)
    with pytest.raises(ConfigError, match="other stages than the recipe"):
        run(tmp_path / "again", molecules, dataclasses.replace(KINETIC, steps=9), frozen)


def test_labels_without_kinetic_energies_are_a_sentence(packs, tmp_path):
    with pytest.raises(ConfigError, match="trains on kinetic energies and the labels have none"):
        run(tmp_path, load_pack(packs / MOLECULES), KINETIC)


def test_dipoles_settle_the_charges(molecules, tmp_path):
    stage = dataclasses.replace(SHORT, steps=60, dipole_weight=10.0, **NO_ENERGIES)
    state = run(tmp_path, molecules, stage)
    metrics = RunFolder(tmp_path).metrics()
    assert metrics[-1]["train_dipole"] < 0.5 * metrics[0]["train_dipole"]
    for record in molecules.train:
        hydrogen = record.graph.elements == ELEMENTS.index("H")
        if record.dipoles.norm(dim=1).max() > 0.05 and hydrogen.any():
            charges = state.average(record.graph).charges
            assert charges[hydrogen].mean() > charges[~hydrogen].mean()


def test_dipoles_of_charges_do_not_depend_on_the_origin(molecules):
    record = molecules.train[0]
    charges = torch.linspace(-1.0, 1.0, record.graph.n_atoms)
    dipoles = charge_dipoles(charges, record.graph, record.positions)
    expected = torch.einsum("a,cax->cx", charges, record.positions)
    torch.testing.assert_close(dipoles[:, 0], expected, atol=1e-4, rtol=1e-4)
    moved = charge_dipoles(charges + 0.3, record.graph, record.positions + 5.0)
    centred = charge_dipoles(charges + 0.3, record.graph, record.positions)
    torch.testing.assert_close(moved, centred, atol=1e-4, rtol=1e-4)


def test_a_run_starts_from_the_weights_of_another_with_a_new_baseline(packs, molecules, tmp_path):
    cheap, complexes = load_pack(packs / MOLECULES), load_pack(packs / COMPLEXES)
    first = train(tmp_path / "cheap", SMALL_NETWORK, [SHORT], cheap, complexes, report=lambda line: None)
    still = dataclasses.replace(POTENTIAL, steps=1, learning_rate=1e-12)
    tuned = run(tmp_path / "tuned", molecules, still, initial=tmp_path / "cheap")
    unshifted = run(tmp_path / "unshifted", cheap, still, initial=tmp_path / "cheap")
    for name, value in first.average.state_dict().items():
        torch.testing.assert_close(tuned.average.state_dict()[name], value, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(tuned.baseline.weights, first.baseline.weights)
    # The second set of labels lies higher by SHIFT an atom; what the short training left is in both moved baselines.
    graph = molecules.train[0].graph
    rise = baseline_energies(tuned.baseline, graph) - baseline_energies(unshifted.baseline, graph)
    assert float(rise) == pytest.approx(SHIFT * graph.n_atoms, rel=1e-6)
    assert RunFolder(tmp_path / "tuned").config()["initial"] == str(tmp_path / "cheap")
    with pytest.raises(ConfigError, match=r"is neither a run with a checkpoint\.pt nor a model"):
        run(tmp_path / "none", molecules, POTENTIAL, initial=tmp_path)
    other = dataclasses.replace(SMALL_NETWORK, hidden_size=30)
    with pytest.raises(ConfigError, match="has a network with hidden_size 24 and the recipe says 30"):
        train(tmp_path / "other", other, [POTENTIAL], molecules, None, initial=tmp_path / "cheap")
