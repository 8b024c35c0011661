"""Molecules placed beside each other as rigid bodies: how near they touch, turned to face, pulled apart."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from virialff.elements import VAN_DER_WAALS_RADII, of_atoms


def contact_distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sums of the van der Waals radii of two molecules' atoms, Angstrom, (n_first, n_second), from atomic numbers."""
    return np.add.outer(of_atoms(VAN_DER_WAALS_RADII, first), of_atoms(VAN_DER_WAALS_RADII, second))


def rotation_onto(start: np.ndarray, end: np.ndarray) -> Rotation:
    """The shortest rotation that takes one unit vector (3,) to another; half a turn about any axis if they oppose."""
    axis = np.cross(start, end)
    length = np.linalg.norm(axis)
    if length < 1e-6:
        axis = np.cross(start, np.eye(3)[int(np.abs(start).argmin())])
        length = np.linalg.norm(axis)
    return Rotation.from_rotvec(axis / length * np.arctan2(np.linalg.norm(np.cross(start, end)), start @ end))


def pulled_apart(positions: np.ndarray, moving: np.ndarray, shifts: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Positions (n_shifts, n_atoms, 3) with the atoms `moving` (n_atoms,) bool shifted along `direction` (3,).

    positions: (n_atoms, 3), shifts: (n_shifts,), both in Angstrom. The direction is a unit vector.
    """
    moved = np.repeat(np.asarray(positions, dtype=np.float64)[None], len(shifts), axis=0)
    moved[:, moving] += np.asarray(shifts)[:, None, None] * direction
    return moved
