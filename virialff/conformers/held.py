"""A bond length, angle, torsion or distance between molecules that stays as it is while the rest relaxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from virialff.conformers.scans import ScanKind, with_value
from virialff.molecules.molecule import Molecule

FloatArray = NDArray[np.float64]


class HeldCoordinate(NamedTuple):
    """A coordinate that `relax.minimize` keeps at its value."""

    molecule: Molecule
    kind: ScanKind
    atoms: tuple[int, ...]  #: from 0, as in `scans.Scan`; no ring holds the coordinate
    value: float  #: Angstrom for bonds and separations, degrees for angles and torsions

    def put_back(self, positions: FloatArray) -> FloatArray:
        """A geometry (n_atoms, 3) with the side of the last atom moved, so that the coordinate has its value."""
        return with_value(self.molecule, positions, self.kind, self.atoms, self.value)

    def free(self, positions: FloatArray, forces: FloatArray) -> FloatArray:
        """`forces` (n_atoms, 3) less their component along the coordinate."""
        along = self.gradient(positions)
        return forces - np.sum(along * forces) / np.sum(along**2) * along

    def gradient(self, positions: FloatArray) -> FloatArray:
        """Derivative of the coordinate by the positions (n_atoms, 3): Angstrom or radians, by Angstrom."""
        gradient = np.zeros_like(positions)
        if self.kind == "separation":
            moving = np.isin(np.arange(len(positions)), self.atoms)
            line = positions[moving].mean(axis=0) - positions[~moving].mean(axis=0)
            line /= np.linalg.norm(line)
            gradient[moving], gradient[~moving] = line / moving.sum(), -line / (~moving).sum()
        else:
            gradient[list(self.atoms)] = _GRADIENTS[self.kind](positions[list(self.atoms)])
        return gradient


def _bond(points: FloatArray) -> FloatArray:
    along = points[0] - points[1]
    along /= np.linalg.norm(along)
    return np.array([along, -along])


def _angle(points: FloatArray) -> FloatArray:
    first, last = points[0] - points[1], points[2] - points[1]
    a, b = np.linalg.norm(first), np.linalg.norm(last)
    u, v = first / a, last / b
    cosine = u @ v
    sine = np.sqrt(max(1.0 - cosine**2, 1e-12))
    at_first, at_last = (cosine * u - v) / (a * sine), (cosine * v - u) / (b * sine)
    return np.array([at_first, -at_first - at_last, at_last])


def _torsion(points: FloatArray) -> FloatArray:
    """Blondel, Karplus, J. Comput. Chem. 1996, 17, 1132, Eq. 27."""
    f, g, h = points[0] - points[1], points[1] - points[2], points[3] - points[2]
    a, b, length = np.cross(f, g), np.cross(h, g), np.linalg.norm(g)
    at_first, at_last = -length / (a @ a) * a, length / (b @ b) * b
    shared = (f @ g) / (a @ a) / length * a - (h @ g) / (b @ b) / length * b
    return np.array([at_first, shared - at_first, -shared - at_last, at_last])


_GRADIENTS: dict[ScanKind, Callable[[FloatArray], FloatArray]] = {"bond": _bond, "angle": _angle, "torsion": _torsion}
