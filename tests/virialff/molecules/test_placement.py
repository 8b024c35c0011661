"""Molecules as rigid bodies: turned onto a direction, pulled apart."""

import numpy as np
import pytest

from virialff.molecules.placement import contact_distances, pulled_apart, rotation_onto


@pytest.mark.parametrize("end", [[0, 0, 1.0], [0, 0, -1.0], [0.6, 0.8, 0], [1e-8, 0, -1.0]])
def test_rotation_onto_turns_one_vector_into_the_other(end: list[float]) -> None:
    rotation = rotation_onto(np.array([0, 0, 1.0]), np.array(end))
    np.testing.assert_allclose(rotation.apply([0, 0, 1.0]), end, atol=2e-8)
    assert np.linalg.det(rotation.as_matrix()) == pytest.approx(1.0)


def test_pulled_apart_moves_one_side_alone() -> None:
    positions = np.arange(9.0).reshape(3, 3)
    moved = pulled_apart(positions, np.array([False, True, True]), np.array([0.0, 2.0]), np.array([0, 1.0, 0]))
    np.testing.assert_array_equal(moved[0], positions)
    np.testing.assert_array_equal(moved[1] - positions, [[0, 0, 0], [0, 2, 0], [0, 2, 0]])


def test_contact_distances_are_sums_of_radii() -> None:
    np.testing.assert_allclose(contact_distances(np.array([1, 8]), np.array([6])), [[2.80], [3.22]])
