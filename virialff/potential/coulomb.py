"""Coulomb term of Eq. 21: E = k q_i q_j / r."""

from torch import Tensor

from virialff.units import COULOMB_CONSTANT


def coulomb_energy(distance: Tensor, charge_product: Tensor) -> Tensor:
    """Energy in kcal/mol of charges in e (their product q_i q_j) at `distance` in Angstrom.

    The two tensors broadcast against each other. The paper gives no units for this term; k = 332.0637
    kcal A / (mol e^2) makes the charges charges.
    """
    return COULOMB_CONSTANT * charge_product / distance


def coulomb_derivative(distance: Tensor, charge_product: Tensor) -> Tensor:
    """dE/dr of `coulomb_energy` in kcal/mol/A."""
    return -COULOMB_CONSTANT * charge_product / distance**2
