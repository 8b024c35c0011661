"""Each term of the potential against its closed form and its derivative by autograd."""

import math

import pytest
import torch

from virialff.potential.coulomb import coulomb_derivative, coulomb_energy
from virialff.potential.gaussians import (
    CENTRES,
    gaussian_energy,
    gaussian_energy_and_derivative,
)
from virialff.potential.lennard_jones import (
    coefficients_from,
    dispersion_derivative,
    dispersion_energy,
    minimum_distance,
    repulsion_derivative,
    repulsion_energy,
    sigma_epsilon,
)

DISTANCES = torch.linspace(0.8, 9.0, 41, dtype=torch.float64)


@pytest.mark.parametrize(
    ("energy", "derivative", "parameters"),
    [
        (coulomb_energy, coulomb_derivative, (-0.27,)),
        (dispersion_energy, dispersion_derivative, (-512.0,)),
        (repulsion_energy, repulsion_derivative, (-6.4e5,)),
        (
            gaussian_energy,
            lambda *of: gaussian_energy_and_derivative(*of)[1],
            ([[30.0, -4, 2, 0.5, -1, 3]], [[0.4, 0.0, 0.9, -0.7, 1.5, 0.3]]),
        ),
    ],
    ids=["coulomb", "dispersion", "repulsion", "gaussians"],
)
def test_derivative_is_that_of_the_energy(energy, derivative, parameters):
    values = [torch.tensor(value, dtype=torch.float64) for value in parameters]
    r = DISTANCES.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(energy(r, *values).sum(), r)
    torch.testing.assert_close(derivative(DISTANCES, *values), gradient, rtol=1e-10, atol=1e-12)


def test_unit_charges_at_one_angstrom():
    one = torch.ones(1, dtype=torch.float64)
    assert coulomb_energy(one, one).item() == pytest.approx(332.0637)


def test_gaussian_centres_and_the_printed_width_floor():
    assert pytest.approx((1.2, 1.8, 2.4, 3.0, 3.6, 4.2)) == CENTRES
    amplitudes, widths = torch.zeros(1, 6, dtype=torch.float64), torch.zeros(1, 6, dtype=torch.float64)
    amplitudes[0, 1], widths[0, 1] = 7.0, 0.5
    r = torch.tensor([1.8, 2.3], dtype=torch.float64)
    expected = [7.0, 7.0 * math.exp(-0.25 / (0.25 + 1e-5))]
    assert gaussian_energy(r, amplitudes, widths).tolist() == pytest.approx(expected)


def test_the_energy_with_the_derivative_is_the_energy_alone():
    amplitudes, widths = torch.randn(41, 6, dtype=torch.float64), torch.rand(41, 6, dtype=torch.float64) + 0.2
    energy, _ = gaussian_energy_and_derivative(DISTANCES, amplitudes, widths)
    torch.testing.assert_close(energy, gaussian_energy(DISTANCES, amplitudes, widths))


def test_sigma_is_the_zero_crossing_and_epsilon_the_depth():
    sigma, epsilon = torch.tensor([3.4], dtype=torch.float64), torch.tensor([0.12], dtype=torch.float64)
    c0, c1 = coefficients_from(sigma, epsilon)
    torch.testing.assert_close(sigma_epsilon(-c0, c1), (sigma, epsilon))
    at_sigma = dispersion_energy(sigma, c0) + repulsion_energy(sigma, c1)
    bottom = minimum_distance(sigma)
    at_bottom = dispersion_energy(bottom, c0) + repulsion_energy(bottom, c1)
    slope = dispersion_derivative(bottom, c0) + repulsion_derivative(bottom, c1)
    assert at_sigma.item() == pytest.approx(0.0, abs=1e-12)
    assert at_bottom.item() == pytest.approx(-0.12)
    assert slope.item() == pytest.approx(0.0, abs=1e-12)


def test_sigma_is_undefined_where_a_coefficient_vanishes():
    c0 = torch.tensor([0.0, 5.0, 0.0, 5.0])
    c1 = torch.tensor([1.0, 0.0, 0.0, 40.0])
    sigma, epsilon = sigma_epsilon(c0, c1)
    assert sigma.isnan().tolist() == [True, True, True, False]
    assert epsilon.isnan().tolist() == [True, True, True, False]
