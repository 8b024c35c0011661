import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from virialff.benchmarks.holdout import (
    HoldoutResult,
    force_errors,
    interaction_energy_errors,
    relative_energy_errors,
    relative_errors,
    total_energy_errors,
)
from virialff.errors import ShapeError


def test_relative_energies_by_hand():
    reference = np.array([10.0, 12.0, 11.0, -5.0, 7.0, 7.5])
    molecules = np.array([0, 0, 0, 1, 2, 2])
    predicted = reference + np.array([1.0, 1.5, 0.0, 9.0, -2.0, -2.0])
    errors, groups = relative_errors(predicted, reference, molecules)
    assert errors == pytest.approx([0.5, -1.0, 0.0])
    assert groups.tolist() == [0, 0, 2]
    summary = relative_energy_errors(predicted, reference, molecules)
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
    expected = relative_energy_errors(predicted, reference, molecules).rmse.estimate
    order = np.array(order)
    found = relative_energy_errors(shifted[order], reference[order], molecules[order]).rmse.estimate
    assert found == pytest.approx(expected, abs=1e-8)


def test_total_energy_and_interaction_errors():
    predicted, reference = np.array([1.0, 2.0, 3.0]), np.array([1.5, 2.0, 2.0])
    summary = total_energy_errors(predicted, reference, np.array([7, 7, 8]))
    assert summary.mae.estimate == pytest.approx(0.5)
    assert summary.mean_signed.estimate == pytest.approx(1 / 6)
    assert summary.n_groups == 2
    assert interaction_energy_errors(predicted, reference, np.array([7, 7, 8])) == summary


def test_force_errors_count_components():
    reference = np.zeros((4, 3))
    predicted = np.array([[3.0, 0, 0], [0, 0, 0], [0, -3.0, 0], [0, 0, 0]])
    summary = force_errors(predicted, reference, np.array([0, 0, 1, 1]))
    assert summary.mae.estimate == pytest.approx(0.5)
    assert (summary.n_values, summary.n_groups) == (12, 2)


def test_result_as_table_and_as_card():
    summary = total_energy_errors(np.array([1.0, 2.0]), np.array([0.0, 0.0]), np.array([0, 1]))
    result = HoldoutResult(total_energy=summary, interaction=summary)
    assert result.table["quantity"].tolist() == ["total energy (kcal/mol)", "interaction energy (kcal/mol)"]
    assert result.as_dict()["total energy (kcal/mol)"]["mae"] == pytest.approx(1.5)


def test_bad_input_is_refused():
    with pytest.raises(ShapeError, match="expected one"):
        total_energy_errors(np.zeros(3), np.zeros(2), np.zeros(3))
    with pytest.raises(ShapeError, match="forces have shapes"):
        force_errors(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(3))
    with pytest.raises(ValueError, match="must be a filled array"):
        relative_energy_errors(np.zeros(2), np.zeros(2), np.array([0, 1]))
