"""Intervals of a model's energies, from its card and its members."""

import numpy as np
import pytest

from tests.virialff.sample_models import calibrated, change_card, make_ensemble
from virialff.conformers.generation import generate
from virialff.errors import CheckpointError
from virialff.models.checkpoint import load_checkpoint, save_checkpoint
from virialff.models.force_field import Model
from virialff.models.intervals import FEATURES, SHARES, feature_table, scales_of_card
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule


def entry(**coefficients: float) -> dict[str, object]:
    return {
        "coefficients": dict.fromkeys(FEATURES, 0.0) | coefficients,
        "factors": {"68": 1.0, "90": 2.0, "95": 3.0},
        "against": "GFN2-xTB",
    }


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    folder = make_ensemble(tmp_path_factory.mktemp("intervals") / "model")
    calibrated(
        folder,
        total={"heavy_atoms": 0.5},
        conformers={"constant": 0.2, "spread": 2.0, "difference": 0.1},
        interaction={"spread": 1.5},
    )
    return load_model(folder)


@pytest.fixture(scope="module")
def molecule() -> Molecule:
    return generate(Molecule.from_smiles("OCCCN"), n_conformers=4, seed=2)


def test_relative_energies_have_the_interval_of_a_difference(model, molecule):
    known = model.uncertainty(molecule, "conformers")
    assert known is not None
    energies = np.array([part.force_field(molecule).energy(molecule.positions) for part in (model, *model.members)])
    lowest = int(energies[0].argmin())
    for zero, counted in ((None, lowest), (3, 3)):
        difference = energies - energies[:, [counted]]
        expected = 0.2 + 2.0 * difference.std(axis=0, ddof=1) + 0.1 * np.abs(difference[0])
        expected[counted] = 0.0
        found = known.intervals(zero)
        np.testing.assert_allclose(found.half_widths, np.outer([1.0, 2.0, 3.0], expected), rtol=1e-9, atol=1e-12)
        assert found.against == "GFN2-xTB"
    assert known.intervals().of(0.90) == pytest.approx(known.intervals().by_percent()["90"])


def test_total_energies(model, molecule):
    known = model.uncertainty(molecule, "total")
    assert known is not None
    np.testing.assert_allclose(known.intervals().half_widths, np.outer([2.5, 5.0, 7.5], np.ones(4)))


def test_interaction_energies(model):
    water = generate(Molecule.from_smiles("O"), n_conformers=1)
    pair = Molecule.join(water, water.with_positions(water.positions + np.array([0.0, 0.0, 2.9])))
    known = model.uncertainty(pair, "interaction")
    assert known is not None
    fields = [part.force_field(pair) for part in (model, *model.members)]
    energies = [field.interaction_energy(pair.positions) for field in fields]
    np.testing.assert_allclose(known.intervals().of(0.68), 1.5 * np.std(energies, axis=0, ddof=1), rtol=1e-6)
    assert model.uncertainty(water, "interaction") is None


def test_what_was_not_calibrated_has_none(model, molecule):
    assert model.uncertainty(molecule, "torsion") is None
    assert scales_of_card({"name": "mine"}) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"quantities": {"total": {"coefficients": {}}}},
        {"quantities": {"total": entry(spread=-1.0)}},
        {"quantities": {"total": entry(spread=float("nan"))}},
        {"quantities": {"total": entry() | {"factors": {"68": 3.0, "90": 2.0, "95": 1.0}}}},
        {"quantities": 5},
        {"sha256": ["of another model"]},
    ],
)
def test_damaged_intervals_are_refused(model, change):
    card = model.card | {"intervals": model.card["intervals"] | change}
    with pytest.raises(CheckpointError, match="run `virialff calibrate`"):
        scales_of_card(card)


def test_other_weights_lose_the_intervals(tmp_path):
    folder = make_ensemble(tmp_path / "model", 0)
    calibrated(folder, total={"constant": 1.0})
    assert scales_of_card(load_model(folder).card)
    source = load_checkpoint(folder)
    save_checkpoint(tmp_path / "other", source.network.float(), source.baseline, source.card)
    assert "intervals" not in load_model(tmp_path / "other").card


def test_a_marked_molecule_has_a_wider_interval(tmp_path):
    folder = make_ensemble(tmp_path / "model", 0)
    change_card(folder, environments={}, parts={})
    calibrated(folder, total={"constant": 1.0, "marked": 4.0})
    known = load_model(folder).uncertainty(generate(Molecule.from_smiles("CO"), n_conformers=1), "total")
    assert known is not None
    assert known.intervals().of(0.68) == pytest.approx([5.0])


def test_features_take_sizes_and_numbers_for_all():
    found = feature_table(spread=[0.1, 0.2], difference=[-3.0, 4.0], heavy_atoms=7, marked=True)
    assert found.tolist() == [[1.0, 0.1, 3.0, 7.0, 1.0], [1.0, 0.2, 4.0, 7.0, 1.0]]
    assert len(FEATURES) == 5
    assert len(SHARES) == 3
