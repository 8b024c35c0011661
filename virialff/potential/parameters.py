"""PairParameters: everything the potential needs to know of a batch of molecules, besides coordinates."""

from typing import NamedTuple

from torch import Tensor

N_COEFFICIENTS = 14


class PairParameters(NamedTuple):
    """Charges and pair coefficients of one molecule, or of several in one batch.

    A pair network that is not symmetric in i, j gives each pair two rows, (i, j) and (j, i), with `weight` 1/2:
    the energy is the mean of both, so that it does not depend on atom order.
    """

    charges: Tensor
    """(n_atoms,) in e."""
    pair_index: Tensor
    """(2, n_rows) atoms of each row, int64."""
    bonded: Tensor
    """(n_rows,) true for covalently bonded pairs, which have no long-range term (Eq. 21)."""
    coefficients: Tensor
    """(n_rows, 14) C_0..C_13 of Eq. 21-22: kcal A^6/mol, kcal A^12/mol, then amplitude (kcal/mol) and width (A)
    of the six Gaussians in turn."""
    pair_molecules: Tensor
    """(n_rows,) molecule of each row."""
    n_molecules: int
    weight: float = 1.0
    threshold: float | None = None
    """Distance in Angstrom beyond which non-bonded pairs do not interact; None for no limit."""

    @property
    def amplitudes(self) -> Tensor:
        """(n_rows, 6) amplitudes C_2k of the Gaussians in kcal/mol."""
        return self.coefficients[:, 2::2]

    @property
    def widths(self) -> Tensor:
        """(n_rows, 6) widths C_2k+1 of the Gaussians in Angstrom."""
        return self.coefficients[:, 3::2]
