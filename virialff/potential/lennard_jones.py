"""Dispersion and repulsion of Eq. 21, and the Lennard-Jones sigma and epsilon that they stand for.

The printed Eq. 26, sigma = C_0/C_1, is dimensionally impossible. With V = 4 epsilon [(sigma/r)^12 - (sigma/r)^6],
|C_0| = 4 epsilon sigma^6 and |C_1| = 4 epsilon sigma^12, hence the formulas below.
"""

import torch
from torch import Tensor


def dispersion_energy(distance: Tensor, c0: Tensor) -> Tensor:
    """-|C_0| / r^6 in kcal/mol; r in Angstrom, C_0 in kcal A^6/mol."""
    return -c0.abs() / distance**6


def dispersion_derivative(distance: Tensor, c0: Tensor) -> Tensor:
    """dE/dr of `dispersion_energy` in kcal/mol/A."""
    return 6.0 * c0.abs() / distance**7


def repulsion_energy(distance: Tensor, c1: Tensor) -> Tensor:
    """|C_1| / r^12 in kcal/mol; r in Angstrom, C_1 in kcal A^12/mol."""
    return c1.abs() / distance**12


def repulsion_derivative(distance: Tensor, c1: Tensor) -> Tensor:
    """dE/dr of `repulsion_energy` in kcal/mol/A."""
    return -12.0 * c1.abs() / distance**13


def sigma_epsilon(c0: Tensor, c1: Tensor) -> tuple[Tensor, Tensor]:
    """sigma = |C_1/C_0|^(1/6) in Angstrom and epsilon = C_0^2 / (4 |C_1|) in kcal/mol.

    Both are NaN where C_0 or C_1 is zero: there the pair has no zero crossing or no well.
    """
    defined = (c0 != 0) & (c1 != 0)
    c0, c1 = c0.abs(), c1.abs()
    undefined = torch.full_like(c0, float("nan"))
    one = torch.ones_like(c0)
    sigma = torch.where(defined, c1, one).div(torch.where(defined, c0, one)).pow(1.0 / 6.0)
    epsilon = c0**2 / (4.0 * torch.where(defined, c1, one))
    return torch.where(defined, sigma, undefined), torch.where(defined, epsilon, undefined)


def minimum_distance(sigma: Tensor) -> Tensor:
    """R_min = 2^(1/6) sigma, the distance of the Lennard-Jones minimum, in Angstrom."""
    return 2.0 ** (1.0 / 6.0) * sigma


def coefficients_from(sigma: Tensor, epsilon: Tensor) -> tuple[Tensor, Tensor]:
    """C_0 = 4 epsilon sigma^6 and C_1 = 4 epsilon sigma^12, the inverse of `sigma_epsilon`."""
    sixth = sigma**6
    c0 = 4.0 * epsilon * sixth
    return c0, c0 * sixth
