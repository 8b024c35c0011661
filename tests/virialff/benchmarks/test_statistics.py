import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from virialff.benchmarks.statistics import Interval, relative_errors, summarize_errors
from virialff.errors import ShapeError

ERRORS = st.lists(st.floats(-50, 50), min_size=1, max_size=40)


def test_estimates_are_the_textbook_ones():
    summary = summarize_errors(np.array([3.0, -4.0, 0.0, 1.0]))
    assert summary.mae.estimate == pytest.approx(2.0)
    assert summary.rmse.estimate == pytest.approx(np.sqrt(26 / 4))
    assert summary.mean_signed.estimate == pytest.approx(0.0)
    assert (summary.n_values, summary.n_groups) == (4, 4)


@given(values=ERRORS)
def test_intervals_are_ordered_and_within_what_was_seen(values):
    summary = summarize_errors(np.array(values), n_resamples=100)
    size = max(abs(value) for value in values) + 1e-9
    for interval in (summary.mae, summary.rmse):
        assert 0 <= interval.low <= interval.high <= size
    assert -size <= summary.mean_signed.low <= summary.mean_signed.high <= size
    assert summary.mae.estimate <= summary.rmse.estimate + 1e-9


def test_interval_of_the_mean_is_that_of_normal_theory():
    errors = np.random.default_rng(1).normal(0.5, 2.0, size=800)
    interval = summarize_errors(errors).mean_signed
    half = 1.96 * errors.std() / np.sqrt(800)
    assert interval.low == pytest.approx(errors.mean() - half, abs=0.02)
    assert interval.high == pytest.approx(errors.mean() + half, abs=0.02)


def test_interval_covers_the_truth_in_19_of_20_samples():
    generator = np.random.default_rng(2)
    hits = 0
    for seed in range(200):
        interval = summarize_errors(generator.normal(1.0, 1.0, size=60), seed=seed, n_resamples=400).mean_signed
        hits += interval.low <= 1.0 <= interval.high
    assert 180 <= hits <= 199


def test_errors_of_one_group_stay_together():
    """Ten copies of each error say no more than one: the interval must not shrink."""
    errors = np.random.default_rng(3).normal(size=50)
    alone = summarize_errors(errors).mae
    copies = summarize_errors(np.repeat(errors, 10), np.repeat(np.arange(50), 10)).mae
    naive = summarize_errors(np.repeat(errors, 10)).mae
    assert copies.estimate == pytest.approx(alone.estimate)
    assert copies.high - copies.low == pytest.approx(alone.high - alone.low, rel=0.1)
    assert naive.high - naive.low < 0.5 * (alone.high - alone.low)


def test_same_seed_same_interval_and_names_of_groups_do_not_matter():
    errors = np.linspace(-1, 2, 30)
    names = np.array([f"molecule {index % 7}" for index in range(30)])
    assert summarize_errors(errors, names, seed=5) == summarize_errors(errors, names, seed=5)
    assert summarize_errors(errors, names, seed=5) != summarize_errors(errors, names, seed=6)


def test_row_and_text():
    summary = summarize_errors(np.array([1.0, 1.0]))
    assert summary.as_row() == {
        "n_values": 2, "n_groups": 2, "mae": 1.0, "mae_low": 1.0, "mae_high": 1.0, "rmse": 1.0, "rmse_low": 1.0,
        "rmse_high": 1.0, "mean_signed": 1.0, "mean_signed_low": 1.0, "mean_signed_high": 1.0,
    }  # fmt: skip
    assert str(Interval(1.234, 1.0, 1.5)) == "1.23 (1.00 to 1.50)"


@pytest.mark.parametrize(
    ("errors", "groups", "message"),
    [
        (np.zeros(0), None, "must be a filled array"),
        (np.array([1.0, np.nan]), None, "1 of 2 errors are not finite"),
        (np.array([1.0, 2.0]), np.array([1]), "groups have shape"),
    ],
)
def test_bad_input_is_refused(errors, groups, message):
    with pytest.raises(ValueError, match=message):
        summarize_errors(errors, groups)


def test_relative_energies_by_hand():
    reference = np.array([10.0, 12.0, 11.0, -5.0, 7.0, 7.5])
    molecules = np.array([0, 0, 0, 1, 2, 2])
    predicted = reference + np.array([1.0, 1.5, 0.0, 9.0, -2.0, -2.0])
    errors, conformers = relative_errors(predicted, reference, molecules)
    assert errors == pytest.approx([0.5, -1.0, 0.0])
    assert molecules[conformers].tolist() == [0, 0, 2]
    summary = summarize_errors(errors, molecules[conformers])
    assert summary.rmse.estimate == pytest.approx(np.sqrt(1.25 / 3))
    assert (summary.n_values, summary.n_groups) == (3, 2)


@given(
    shifts=st.lists(st.floats(-1e5, 1e5), min_size=3, max_size=3),
    order=st.permutations(range(9)),
)
def test_relative_energies_do_not_see_an_offset_of_a_molecule_nor_the_order(shifts, order):
    generator = np.random.default_rng(0)
    reference, molecules = generator.normal(size=9), np.repeat(["a", "b", "c"], 3)
    predicted = reference + generator.normal(size=9)
    shifted = predicted + np.repeat(shifts, 3)

    def rmse(predicted, reference, molecules):
        errors, conformers = relative_errors(predicted, reference, molecules)
        return summarize_errors(errors, molecules[conformers]).rmse.estimate

    expected = rmse(predicted, reference, molecules)
    order = np.array(order)
    assert rmse(shifted[order], reference[order], molecules[order]) == pytest.approx(expected, abs=1e-8)


def test_relative_errors_that_cannot_be():
    with pytest.raises(ShapeError, match="expected one"):
        relative_errors(np.zeros(3), np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="must be a filled array"):
        summarize_errors(relative_errors(np.zeros(2), np.zeros(2), np.array([0, 1]))[0])
