"""Error statistics with bootstrap intervals that know which errors belong together.

Errors of one molecule (its conformers, its force components) are not independent. So whole molecules are drawn with
replacement, not single values (cluster bootstrap; Efron, Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13
for the percentile interval).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from virialff.errors import ShapeError

N_RESAMPLES = 2000
LEVEL = 0.95
_BLOCK = 4_000_000  # draws held in memory at once


@dataclass(frozen=True)
class Interval:
    """An estimate with the bounds of its confidence interval, in the unit of the data."""

    estimate: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.estimate:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class ErrorSummary:
    """Mean absolute, root mean square and mean signed error, each with its bootstrap interval.

    n_values errors of n_groups independent groups (molecules); the interval is at `level`.
    """

    n_values: int
    n_groups: int
    mae: Interval
    rmse: Interval
    mean_signed: Interval
    level: float = LEVEL

    def as_row(self) -> dict[str, float]:
        """Flat numbers for a table: n_values, n_groups, mae, mae_low, mae_high, rmse, ..."""
        row: dict[str, float] = {"n_values": self.n_values, "n_groups": self.n_groups}
        for name in ("mae", "rmse", "mean_signed"):
            interval: Interval = getattr(self, name)
            row |= {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}
        return row


def summarize_errors(
    errors: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
    level: float = LEVEL,
) -> ErrorSummary:
    """Statistics of errors (n,) that belong to groups (n,); without groups each error is its own.

    Every value has the same weight, whatever the size of its group. Raises ValueError for no errors, errors that are
    not finite, or groups of another length.
    """
    errors = np.asarray(errors, dtype=np.float64)
    if errors.ndim != 1 or not len(errors):
        raise ValueError(f"errors must be a filled array (n,), got shape {errors.shape}")
    if not np.isfinite(errors).all():
        raise ValueError(f"{int((~np.isfinite(errors)).sum())} of {len(errors)} errors are not finite")
    labels = np.arange(len(errors)) if groups is None else np.asarray(groups)
    if labels.shape != errors.shape:
        raise ValueError(f"groups have shape {labels.shape}, expected {errors.shape}")
    _, members = np.unique(labels, return_inverse=True)
    sums = np.stack(
        [np.bincount(members, weights=values) for values in (np.ones_like(errors), abs(errors), errors**2, errors)],
        axis=1,
    )
    draws = _resampled_sums(sums, n_resamples, seed)

    def interval(statistic: Callable[[np.ndarray], np.ndarray]) -> Interval:
        low, high = np.quantile(statistic(draws), [(1 - level) / 2, (1 + level) / 2])
        return Interval(float(statistic(sums.sum(axis=0)[None])[0]), float(low), float(high))

    return ErrorSummary(
        n_values=len(errors),
        n_groups=len(sums),
        mae=interval(lambda total: total[:, 1] / total[:, 0]),
        rmse=interval(lambda total: np.sqrt(total[:, 2] / total[:, 0])),
        mean_signed=interval(lambda total: total[:, 3] / total[:, 0]),
        level=level,
    )


def interval_over_groups(
    values: ArrayLike,
    statistic: Callable[..., Any],
    *,
    seed: int = 0,
    n_resamples: int = N_RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """A mean or median of one value a group (n,), with its bootstrap interval. ValueError for no values."""
    known = np.asarray(values, dtype=np.float64)
    if known.ndim != 1 or not len(known):
        raise ValueError(f"values must be a filled array (n,), got shape {known.shape}")
    chosen = np.random.default_rng(seed).integers(len(known), size=(n_resamples, len(known)))
    low, high = np.quantile(statistic(known[chosen], axis=1), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(statistic(known)), float(low), float(high))


def relative_errors(
    predicted: ArrayLike, reference: ArrayLike, ensembles: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Errors of energies relative to the conformer of lowest reference energy of its ensemble, that one left out.

    predicted, reference, ensembles: (n_conformers,). An ensemble of one conformer has no relative energy and does not
    count. Returns the errors (n_errors,) and which conformer each is of, (n_errors,). Raises ShapeError.
    """
    energies, known = (np.asarray(values, dtype=np.float64) for values in (predicted, reference))
    labels = np.asarray(ensembles)
    if energies.ndim != 1 or {known.shape, labels.shape} != {energies.shape}:
        shapes = ", ".join(str(array.shape) for array in (energies, known, labels))
        raise ShapeError(f"predictions, references and groups have shapes {shapes}; expected one (n,) for all")
    _, members, counts = np.unique(labels, return_inverse=True, return_counts=True)
    order = np.argsort(members, kind="stable")
    errors = energies - known
    differences: list[NDArray[np.float64]] = [np.zeros(0)]
    conformers: list[NDArray[np.int64]] = [np.zeros(0, dtype=np.int64)]
    for rows in np.split(order, np.cumsum(counts)[:-1]) if len(order) else []:
        lowest = rows[np.argmin(known[rows])]
        others = rows[rows != lowest]
        differences.append(errors[others] - errors[lowest])
        conformers.append(others)
    return np.concatenate(differences), np.concatenate(conformers)


def _resampled_sums(sums: np.ndarray, n_resamples: int, seed: int) -> np.ndarray:
    """Sums over groups drawn with replacement: (n_groups, n_sums) -> (n_resamples, n_sums)."""
    generator = np.random.default_rng(seed)
    n_groups = len(sums)
    block = max(1, _BLOCK // n_groups)
    totals = []
    for start in range(0, n_resamples, block):
        chosen = generator.integers(n_groups, size=(min(block, n_resamples - start), n_groups))
        totals.append(sums[chosen].sum(axis=1))
    return np.concatenate(totals)
