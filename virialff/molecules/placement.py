"""Molecules placed beside each other as rigid bodies: how near they touch, turned to face, pulled apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.spatial.transform import Rotation

from virialff.elements import VAN_DER_WAALS_RADII, of_atoms

#: Angstrom between the spheres about two molecules on a grid.
_CLEARANCE = 2.0


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


def on_grid(
    parts: Sequence[np.ndarray], counts: Sequence[int], *, spacing: float | None = None, seed: int = 1
) -> tuple[np.ndarray, float]:
    """Many molecules in a cubic box, turned at random, in a random order on the points of a cubic grid.

    Parameters
    ----------
    parts : sequence of ndarray, shape (n_atoms, 3)
        A geometry of each species, Angstrom.
    counts : sequence of int
        How many of each.
    spacing : float, optional
        Of the grid, Angstrom; by default so wide that no two molecules can touch. In a tighter one they may overlap.
    seed : int, optional
        Of the random places and turns.

    Returns
    -------
    positions : ndarray, shape (n_atoms of all, 3)
        Angstrom, all of the first species, then those of the second, and so on.
    edge : float
        Of the box, Angstrom.
    """
    rng = np.random.default_rng(seed)
    centered = [np.asarray(part) - np.mean(part, axis=0) for part in parts]
    if spacing is None:
        spacing = 2 * max(np.linalg.norm(part, axis=1).max() for part in centered) + _CLEARANCE
    total = sum(counts)
    side = int(np.ceil(np.cbrt(total) - 1e-9))
    points = (np.stack(np.unravel_index(rng.permutation(side**3)[:total], (side,) * 3), axis=1) + 0.5) * spacing
    turns = Rotation.random(total, rng=rng)
    kinds = np.repeat(np.arange(len(counts)), counts)
    placed = [turns[k].apply(centered[kind]) + points[k] for k, kind in enumerate(kinds)]
    return np.concatenate(placed), side * spacing
