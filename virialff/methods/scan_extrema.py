"""Minima and barriers along a scan, by every method."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from virialff.conformers.scans import Scan
from virialff.methods.comparison import Comparison
from virialff.units import EnergyUnit

#: A rise smaller than this, kcal/mol, between two minima is not called a barrier: it is within a method's own noise.
SMALLEST_BARRIER = 0.05
# An extremum at the seam of a full turn is found once, at its end.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Extremum:
    """A minimum or maximum between the points of a scan."""

    kind: Literal["minimum", "maximum"]
    value: float  #: of the coordinate, in its unit
    energy: float  #: in the unit of the energies given


def extrema(values: ArrayLike, energies: ArrayLike, period: float | None = None) -> list[Extremum]:
    """Minima and maxima in turn, in the order of the coordinate.

    Each lies where a parabola through the lowest (or highest) point and its two neighbours has its vertex. Without a
    period the ends of the scan are no extrema. Ripples below SMALLEST_BARRIER are passed over.

    Parameters
    ----------
    values : array_like, shape (n_points,)
        The coordinate, in any order.
    energies : array_like, shape (n_points,)
        NaN marks a point without one, which is left out; an infinite one is that of a wall, where atoms overlap.
    period : float, optional
        After which the energies repeat, 360 for a torsion; used where the points go all the way round.
    """
    x, y = np.asarray(values, dtype=np.float64), np.asarray(energies, dtype=np.float64)
    known = ~np.isnan(y)
    order = np.argsort(x[known], kind="stable")
    x, y = x[known][order], y[known][order]
    if len(x) < 3:
        return []
    closed = period is not None and x[-1] - x[0] >= period - 1.5 * np.diff(x).max()
    if closed and period is not None:
        # The first point once more at the end is the same geometry.
        n = len(x) - 1 if np.isclose(x[-1] - x[0], period) else len(x)
        x, y = x[:n], y[:n]
        x, y = np.concatenate([x - period, x, x + period]), np.concatenate([y, y, y])
    found = [
        _vertex(kind, x[k - 1 : k + 2], y[k - 1 : k + 2])
        for k in range(1, len(x) - 1)
        for kind in ("minimum", "maximum")
        if _is(kind, y, k)
    ]
    found = _without_ripples(sorted(found, key=lambda one: one.value))
    if closed and period is not None:
        low = float(x[len(x) // 3]) + _ROUNDING
        found = [one for one in found if low < one.value <= low + period]
    return found


def extrema_table(scan: Scan, comparison: Comparison) -> pd.DataFrame:
    """Minima and barriers of a scan by every method.

    Parameters
    ----------
    scan : Scan
        The geometries.
    comparison : Comparison
        The energies of its points.

    Returns
    -------
    DataFrame
        A row an extremum and method: "method", "kind", the coordinate, "energy (kcal/mol)" above the method's lowest
        point, and how far it lies above the extremum before and after it: for a maximum the barriers from either side.

    See Also
    --------
    virialff.methods.tables.scan_table : All points.
    """
    rows = []
    period = 360.0 if scan.kind == "torsion" else None
    for run in comparison.methods:
        # Where atoms overlap is a wall, of which nothing is said: what lies before it is no top.
        walls = np.array([value for value, _ in scan.left_out])
        energies = np.concatenate([run.relative, np.full(len(walls), np.inf)])
        found = extrema(np.concatenate([scan.values, walls]), energies, period)
        closed = period is not None and len(found) > 1 and len(found) % 2 == 0
        for number, one in enumerate(found):
            before = found[number - 1].energy if number or closed else np.nan
            after = found[(number + 1) % len(found)].energy if number + 1 < len(found) or closed else np.nan
            if np.isfinite(one.energy):
                above = [one.energy - next_to if np.isfinite(next_to) else np.nan for next_to in (before, after)]
                rows.append((run.name, one.kind, one.value, one.energy, *above))
    columns = ["method", "kind", scan.label, "energy (kcal/mol)", "above before (kcal/mol)", "above after (kcal/mol)"]
    return pd.DataFrame(rows, columns=columns)


def json_extrema(scan: Scan, comparison: Comparison, unit: EnergyUnit) -> dict[str, list[dict[str, str | float]]]:
    """By method its minima and maxima: kind, value of the coordinate, energy above the method's lowest point."""
    table = extrema_table(scan, comparison)
    return {
        run.name: [
            {"kind": kind, "value": value, "energy": energy / unit.in_kcal_mol}
            for kind, value, energy in table.loc[table["method"] == run.name, list(table.columns[1:4])].to_numpy()
        ]
        for run in comparison.methods
    }


def _is(kind: str, y: NDArray[np.float64], k: int) -> bool:
    before, here, after = y[k - 1 : k + 2] if kind == "minimum" else -y[k - 1 : k + 2]
    return bool(here < before and here <= after)


def _vertex(kind: Literal["minimum", "maximum"], x: NDArray[np.float64], y: NDArray[np.float64]) -> Extremum:
    if not np.isfinite(y).all():
        return Extremum(kind, float(x[1]), float(y[1]))
    a, b, c = np.polyfit(x - x[1], y, 2)
    shift = float(np.clip(-b / (2 * a), x[0] - x[1], x[2] - x[1])) if a else 0.0
    return Extremum(kind, float(x[1]) + shift, float(a * shift**2 + b * shift + c))


def _without_ripples(found: list[Extremum]) -> list[Extremum]:
    """The extrema less neighbors that differ by too little, the smallest difference first."""
    kept = list(found)
    while len(kept) > 1:
        steps = [abs(second.energy - first.energy) for first, second in pairwise(kept)]
        at = int(np.argmin(steps))
        if steps[at] >= SMALLEST_BARRIER:
            break
        del kept[at : at + 2]
    return kept
