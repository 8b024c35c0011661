"""Spread against error: what is calibrated is found to be, what is not is not."""

import numpy as np
import pytest

from tests.virialff.sample_models import make_ensemble, make_model
from virialff.benchmarks.calibration import calibrate
from virialff.benchmarks.held_out import HeldOutSet, LabelledMolecule, run_held_out
from virialff.conformers.generation import generate
from virialff.errors import ShapeError
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule


def drawn(scale: float, n_models: int = 30, n: int = 4000):
    """Predictions whose noise varies from value to value, and references `scale` times as far away."""
    generator = np.random.default_rng(1)
    width = generator.uniform(0.1, 3.0, n)
    truth = generator.normal(size=n)
    others = truth + width * generator.normal(size=(n_models - 1, n))
    first = truth + scale * width * generator.normal(size=n)
    return np.concatenate([first[None], others]), truth, np.arange(n) // 4


def test_a_calibrated_spread():
    result = calibrate(*drawn(1.0), quantity="energy")
    assert result.scale == pytest.approx(1.0, abs=0.05)
    assert result.share_within(1.0) == pytest.approx(0.68, abs=0.03)
    assert result.share_within(2.0) == pytest.approx(0.95, abs=0.02)
    assert result.rank_correlation > 0.4
    bins = result.bins
    assert bins["n_values"].tolist() == [500] * 8
    assert (np.diff(bins["spread"]) > 0).all()
    np.testing.assert_allclose(bins["rmse"], bins["spread"], rtol=0.15)
    assert ((bins["rmse_low"] < bins["rmse"]) & (bins["rmse"] < bins["rmse_high"])).all()


def test_a_spread_that_is_too_small_shows_in_the_scale():
    assert calibrate(*drawn(3.0), quantity="energy").scale == pytest.approx(3.0, rel=0.1)


def test_equal_models_have_no_spread():
    result = calibrate(np.ones((2, 6)), np.zeros(6), np.arange(6), quantity="energy")
    assert result.scale == np.inf
    assert np.isnan(result.rank_correlation)
    assert result.as_dict()["rank_correlation"] is None
    assert result.as_dict()["scale"] is None


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ShapeError, match=r"expected \(n_models, n\)"):
        calibrate(np.ones((2, 3)), np.zeros(4), np.zeros(4), quantity="energy")
    with pytest.raises(ValueError, match="two models or more"):
        calibrate(np.ones((1, 3)), np.zeros(3), np.zeros(3), quantity="energy")


@pytest.fixture(scope="module")
def held_out() -> HeldOutSet:
    molecule = generate(Molecule.from_smiles("OCCCO"), n_conformers=3, seed=4)
    n = molecule.n_conformers
    entry = LabelledMolecule(
        molecule,
        "",
        np.ones(n, dtype=bool),
        ("minimum",) * n,
        load_model("default").force_field(molecule).energy(molecule.positions) + np.arange(n),
        np.full((*molecule.positions.shape,), np.nan),
        np.full((n, 3), np.nan),
    )
    return HeldOutSet("GFN2-xTB", (entry,), (), (), 10)


def test_a_models_members_are_held_against_the_labels(held_out, tmp_path):
    model = load_model(make_ensemble(tmp_path / "ensemble"))
    found = run_held_out({"model": model}, held_out).calibration["model"]
    n = held_out.molecules[0].molecule.n_conformers
    assert n > 1
    assert {name: len(result.errors) for name, result in found.items()} == {
        "total energy": n,
        "energy above the lowest minimum": n - 1,
    }
    expected = model.force_field(held_out.molecules[0].molecule).energy(held_out.molecules[0].molecule.positions)
    np.testing.assert_allclose(found["total energy"].errors, expected - held_out.molecules[0].energies, atol=1e-6)
    assert run_held_out({"alone": load_model(make_model(tmp_path / "alone"))}, held_out).calibration == {}
