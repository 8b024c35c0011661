"""Pair energies and forces, Eq. 20-23: the sum of the terms over pairs, for several conformers at once.

Positions are (n_conformers, n_atoms, 3) in Angstrom, energies kcal/mol, forces kcal/mol/A. The parameters do not
depend on the coordinates, so they are used for all conformers. Forces are closed-form; training differentiates
them once more with respect to the parameters only.
"""

import torch
from torch import Tensor

from virialff.potential.coulomb import coulomb_derivative, coulomb_energy
from virialff.potential.gaussians import gaussian_energy, gaussian_energy_and_derivative
from virialff.potential.lennard_jones import (
    dispersion_derivative,
    dispersion_energy,
    repulsion_derivative,
    repulsion_energy,
)
from virialff.potential.parameters import PairParameters

TERMS = ("coulomb", "dispersion", "repulsion", "gaussians")


def pair_displacements(parameters: PairParameters, positions: Tensor) -> Tensor:
    """R_j - R_i of every row, (n_conformers, n_rows, 3) in Angstrom."""
    i, j = parameters.pair_index
    return positions.index_select(1, j) - positions.index_select(1, i)


def pair_terms(parameters: PairParameters, positions: Tensor) -> Tensor:
    """The four TERMS of every row in kcal/mol, (n_conformers, n_rows, 4), already weighted.

    Their sum over rows and terms is the pair energy.
    """
    distance = torch.linalg.vector_norm(pair_displacements(parameters, positions), dim=-1)
    charge_product, c0, c1 = _long_range(parameters)
    terms = torch.stack(
        [
            coulomb_energy(distance, charge_product),
            dispersion_energy(distance, c0),
            repulsion_energy(distance, c1),
            gaussian_energy(distance, parameters.amplitudes, parameters.widths),
        ],
        dim=-1,
    )
    return terms * _row_weights(parameters, distance).unsqueeze(-1)


def pair_energies(parameters: PairParameters, positions: Tensor) -> Tensor:
    """Sum of the pair terms of each molecule of the batch in kcal/mol, (n_conformers, n_molecules)."""
    return _sum_by_molecule(parameters, pair_terms(parameters, positions).sum(dim=-1))


def pair_energies_and_forces(parameters: PairParameters, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Pair energies (n_conformers, n_molecules) in kcal/mol and forces (n_conformers, n_atoms, 3) in kcal/mol/A."""
    displacement = pair_displacements(parameters, positions)
    distance = torch.linalg.vector_norm(displacement, dim=-1)
    charge_product, c0, c1 = _long_range(parameters)
    short, short_derivative = gaussian_energy_and_derivative(distance, parameters.amplitudes, parameters.widths)
    weights = _row_weights(parameters, distance)
    energy = weights * (
        coulomb_energy(distance, charge_product)
        + dispersion_energy(distance, c0)
        + repulsion_energy(distance, c1)
        + short
    )
    derivative = weights * (
        coulomb_derivative(distance, charge_product)
        + dispersion_derivative(distance, c0)
        + repulsion_derivative(distance, c1)
        + short_derivative
    )
    on_first = (derivative / distance).unsqueeze(-1) * displacement
    i, j = parameters.pair_index
    forces = torch.zeros_like(positions).index_add(1, i, on_first).index_add(1, j, on_first, alpha=-1)
    return _sum_by_molecule(parameters, energy), forces


def _long_range(parameters: PairParameters) -> tuple[Tensor, Tensor, Tensor]:
    """Charge product, C_0 and C_1 of every row; zero for bonded pairs (Eq. 21)."""
    i, j = parameters.pair_index
    present = (~parameters.bonded).to(parameters.charges.dtype)
    product = parameters.charges.index_select(0, i) * parameters.charges.index_select(0, j) * present
    return product, parameters.coefficients[:, 0] * present, parameters.coefficients[:, 1] * present


def _row_weights(parameters: PairParameters, distance: Tensor) -> Tensor:
    weights = torch.full_like(distance, parameters.weight)
    if parameters.threshold is None:
        return weights
    return weights * ((distance <= parameters.threshold) | parameters.bonded)


def _sum_by_molecule(parameters: PairParameters, energy: Tensor) -> Tensor:
    total = energy.new_zeros(energy.shape[0], parameters.n_molecules)
    return total.index_add(1, parameters.pair_molecules, energy)
