"""Angles and torsions of points in space."""

import numpy as np
from numpy.typing import NDArray

_Point = NDArray[np.float64]


def angle(first: _Point, middle: _Point, last: _Point) -> float:
    """At the middle one of three points (3,), in degrees from 0 to 180."""
    one, other = first - middle, last - middle
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(one, other)), one @ other)))


def torsion(first: _Point, second: _Point, third: _Point, fourth: _Point) -> float:
    """About the line from the second to the third of four points (3,), in degrees from -180 to 180 (IUPAC's sign)."""
    along, middle, onwards = second - first, third - second, fourth - third
    left, right = np.cross(along, middle), np.cross(middle, onwards)
    return float(np.degrees(np.arctan2(np.linalg.norm(middle) * (along @ right), left @ right)))
