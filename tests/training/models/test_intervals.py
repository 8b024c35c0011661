"""Intervals fitted to made-up errors whose distribution is known, and what they hold."""

import numpy as np
import pytest

from training.models.intervals import (
    ENOUGH_TO_SPLIT,
    HeldOutErrors,
    describe,
    fit_scale,
    interval_entry,
    widened,
)
from virialff.models.intervals import FEATURES, SHARES, feature_table

LEVEL, OTHER = "wB97X-D/def2-SVP", "GFN2-xTB"


def made_up(n_groups: int, *, seed: int = 0, width: float = 1.0, per_group: int = 4, tail: bool = True):
    """Errors whose size is 0.3 + 2 spread + 0.1 difference, times a variate with heavy tails or a normal one."""
    generator = np.random.default_rng(seed)
    n = n_groups * per_group
    spread, difference = generator.gamma(2.0, 0.3, n), generator.gamma(1.5, 2.0, n)
    features = feature_table(spread=spread, difference=difference, heavy_atoms=9.0, marked=np.arange(n) % 5 == 0)
    variate = generator.standard_t(4, n) if tail else generator.normal(size=n)
    errors = width * (0.3 + 2.0 * spread + 0.1 * difference) * variate
    groups = np.repeat([f"G{number}" for number in range(n_groups)], per_group)
    test = np.repeat(np.arange(n_groups) % 3 > 0, per_group)
    return HeldOutErrors(errors, features, groups, test)


def held(scale, rows) -> list[float]:
    inside = np.abs(rows.errors) <= scale.intervals(rows.features).half_widths
    return inside.mean(axis=1).tolist()


@pytest.mark.parametrize("tail", [True, False])
def test_intervals_hold_what_they_say_of_other_molecules(tail):
    scale = fit_scale(made_up(600, seed=1, tail=tail), LEVEL)
    assert held(scale, made_up(3000, seed=2, tail=tail)) == pytest.approx(SHARES, abs=0.02)
    assert scale.against == LEVEL


def test_intervals_hold_it_where_the_spread_is_small_and_where_it_is_large():
    scale = fit_scale(made_up(600, seed=1), LEVEL)
    rows = made_up(3000, seed=2)
    spread = rows.features[:, FEATURES.index("spread")]
    for part in (spread < np.quantile(spread, 0.25), spread > np.quantile(spread, 0.75)):
        assert held(scale, rows.where(part)) == pytest.approx(SHARES, abs=0.05)


def test_coefficients_find_what_the_errors_depend_on():
    rows = made_up(4000, seed=3)
    coefficients = dict(zip(FEATURES, fit_scale(rows, LEVEL).coefficients, strict=True))
    assert coefficients["spread"] / coefficients["difference"] == pytest.approx(20.0, rel=0.3)
    assert min(coefficients.values()) >= 0.0


def test_a_factor_makes_the_intervals_of_one_level_hold_the_errors_of_another():
    shape = fit_scale(made_up(600, seed=1), OTHER)
    wider = widened(shape, made_up(40, seed=4, width=1.7), LEVEL)
    assert wider.factors[1] / shape.factors[1] == pytest.approx(1.7, rel=0.2)
    assert wider.against == LEVEL
    assert wider.coefficients == shape.coefficients


def test_with_enough_molecules_the_test_split_measures_alone():
    entry = interval_entry(made_up(3 * ENOUGH_TO_SPLIT + 3), LEVEL)
    assert entry is not None
    assert entry["calibrated_on"] == "validation"
    assert entry["n_groups"] == 2 * (ENOUGH_TO_SPLIT + 1)
    assert [entry["coverage"][f"{100 * share:g}"]["held"] for share in SHARES] == pytest.approx(SHARES, abs=0.05)
    assert "coverage_marked" in entry
    assert "95 % hold" in describe("mine", {"total": entry})[0]


def test_with_fewer_both_splits_take_turns_and_with_few_another_level_gives_the_shape():
    fewer = interval_entry(made_up(90), LEVEL)
    assert fewer is not None
    assert fewer["calibrated_on"] == "validation and test, in ten parts"
    entry = interval_entry(made_up(20, width=2.0), LEVEL, made_up(300, seed=5), OTHER)
    assert entry is not None
    assert entry["against"] == LEVEL
    assert entry["calibrated_on"] == "shape on 300 molecules of GFN2-xTB, width in ten parts"
    assert entry["n_groups"] == 20
    alone = interval_entry(made_up(2), LEVEL, made_up(300, seed=5), OTHER)
    assert alone is not None
    assert alone["against"] == OTHER
    assert interval_entry(made_up(20), LEVEL) is None
    assert interval_entry(None, LEVEL) is None


def test_no_molecule_is_measured_by_what_it_gave():
    """One molecule with errors beyond all others lies outside the intervals that the others give."""
    rows = made_up(80, per_group=1)
    rows.errors[7] = 1e4
    entry = interval_entry(rows, LEVEL)
    assert entry is not None
    widths = entry["coverage"]["95"]
    assert widths["median_half_width"] < 100
    assert widths["held"] <= 1 - 1 / 80
