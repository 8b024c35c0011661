"""Short-range term of Eq. 22: six Gaussians at fixed distances, for bonded and non-bonded pairs alike."""

import torch
from torch import Tensor

N_GAUSSIANS = 6
#: Centres 1.2 + 0.6 (k - 1), k = 1..6, in Angstrom.
CENTRES = tuple(1.2 + 0.6 * k for k in range(N_GAUSSIANS))
#: Added to the squared width, in A^2, as printed in Eq. 22.
WIDTH_FLOOR = 1e-5


def _exponentials(distance: Tensor, widths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    centres = torch.tensor(CENTRES, dtype=distance.dtype, device=distance.device)
    offset = distance.unsqueeze(-1) - centres
    inverse = 1.0 / (widths**2 + WIDTH_FLOOR)
    return offset, inverse, torch.exp(-(offset**2) * inverse)


def gaussian_energy(distance: Tensor, amplitudes: Tensor, widths: Tensor) -> Tensor:
    """sum_k C_2k exp(-(r - r_k)^2 / (C_2k+1^2 + 1e-5)) in kcal/mol.

    distance (..., n_pairs) in Angstrom; amplitudes C_2k in kcal/mol and widths C_2k+1 in Angstrom (n_pairs, 6).
    Returns (..., n_pairs).
    """
    _, _, exponentials = _exponentials(distance, widths)
    return (amplitudes * exponentials).sum(dim=-1)


def gaussian_energy_and_derivative(distance: Tensor, amplitudes: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
    """`gaussian_energy` and its dE/dr with the exponentials, the dear part, computed once."""
    offset, inverse, exponentials = _exponentials(distance, widths)
    terms = amplitudes * exponentials
    return terms.sum(dim=-1), (terms * inverse * offset).sum(dim=-1).mul(-2.0)
