"""Dipole moment of point charges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from virialff.errors import ShapeError
from virialff.units import E_ANGSTROM_IN_DEBYE


@dataclass(frozen=True, eq=False)
class Dipole:
    """vector (3,) in e Angstrom, from the negative to the positive side; total_charge in e."""

    vector: np.ndarray
    total_charge: float

    @property
    def magnitude(self) -> float:
        """In e Angstrom."""
        return float(np.linalg.norm(self.vector))

    @property
    def debye(self) -> float:
        """Magnitude in debye."""
        return self.magnitude * E_ANGSTROM_IN_DEBYE


def point_charge_dipole(charges: ArrayLike, positions: ArrayLike) -> Dipole:
    """Dipole moment sum q_i (R_i - R_0) of point charges.

    R_0 is the mean of the positions; for charges that sum to zero it does not matter.

    Parameters
    ----------
    charges : array_like, shape (n_atoms,)
        In e.
    positions : array_like, shape (n_atoms, 3)
        In Angstrom.

    Returns
    -------
    Dipole
        In e Angstrom, with its magnitude in debye.

    Raises
    ------
    ShapeError
        If the arrays have other shapes.
    """
    q, r = np.asarray(charges, dtype=np.float64), np.asarray(positions, dtype=np.float64)
    if q.ndim != 1 or r.shape != (len(q), 3):
        raise ShapeError(f"charges have shape {q.shape} and positions {r.shape}, expected (n_atoms,) and (n_atoms, 3)")
    return Dipole(q @ (r - r.mean(axis=0)), float(q.sum()))
