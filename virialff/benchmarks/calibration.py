"""Does the disagreement of a model's members tell the error? Spread against error on held-out data.

A spread is calibrated where, among results of nearly the same spread, the root mean square error is as large as the
spread (Kuleshov, Fenner, Ermon, Proc. Mach. Learn. Res. 80, 2796 (2018), for the idea of calibrated regression).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from virialff.benchmarks.statistics import summarize_errors
from virialff.errors import ShapeError

#: Bins of equal numbers of values.
N_BINS = 8
_FEWEST_IN_A_BIN = 5


@dataclass(frozen=True, eq=False)
class CalibrationResult:
    """Spreads and errors of one quantity, both (n_values,) in `unit`; groups (n_values,) say which belong together."""

    quantity: str
    unit: str
    spreads: NDArray[np.float64]
    errors: NDArray[np.float64]
    groups: NDArray[Any]

    @cached_property
    def bins(self) -> pd.DataFrame:
        """One row a bin of nearly equal spreads, lowest first: n_values, spread (root mean square), rmse with bounds.

        The bounds are of the 95 % bootstrap interval over groups.
        """
        n_bins = max(1, min(N_BINS, len(self.spreads) // _FEWEST_IN_A_BIN))
        rows = []
        for members in np.array_split(np.argsort(self.spreads, kind="stable"), n_bins):
            rmse = summarize_errors(self.errors[members], self.groups[members]).rmse
            spread = float(np.sqrt(np.mean(self.spreads[members] ** 2)))
            rows.append((len(members), spread, rmse.estimate, rmse.low, rmse.high))
        return pd.DataFrame(rows, columns=["n_values", "spread", "rmse", "rmse_low", "rmse_high"])

    @property
    def scale(self) -> float:
        """RMSE over root mean square spread: by how much the spread must be multiplied on average; 1 is calibrated."""
        spread = float(np.sqrt(np.mean(self.spreads**2)))
        return float(np.sqrt(np.mean(self.errors**2))) / spread if spread > 0 else float("inf")

    @property
    def rank_correlation(self) -> float:
        """Spearman's coefficient of spread and size of the error; NaN where one of them does not vary."""
        ranks = [pd.Series(values).rank().to_numpy(dtype=float) for values in (self.spreads, np.abs(self.errors))]
        if any(np.ptp(values) == 0 for values in ranks):
            return float("nan")
        return float(np.corrcoef(ranks[0], ranks[1])[0, 1])

    def share_within(self, factor: float) -> float:
        """Share of errors that are no larger than `factor` times their spread."""
        return float(np.mean(np.abs(self.errors) <= factor * self.spreads))

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for a model card."""
        return {
            "quantity": self.quantity,
            "unit": self.unit,
            "n_values": len(self.spreads),
            "n_groups": len(np.unique(self.groups)),
            "scale": round(self.scale, 4) if np.isfinite(self.scale) else None,
            "rank_correlation": None if np.isnan(self.rank_correlation) else round(self.rank_correlation, 4),
            "share_within_1_spread": round(self.share_within(1.0), 4),
            "share_within_2_spreads": round(self.share_within(2.0), 4),
            "bins": self.bins.round(4).to_dict("list"),
        }


def calibrate(
    predictions: ArrayLike, reference: ArrayLike, groups: ArrayLike, *, quantity: str, unit: str = "kcal/mol"
) -> CalibrationResult:
    """Spread over members against the error of the first.

    predictions: (n_models, n_values), the force field's own first; reference and groups: (n_values,).

    Raises ShapeError, and ValueError for fewer than two models or nothing to compare.
    """
    values, target = np.asarray(predictions, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    labels = np.asarray(groups)
    if values.ndim != 2 or values.shape[1:] != target.shape or labels.shape != target.shape:
        raise ShapeError(
            f"predictions, reference and groups have shapes {values.shape}, {target.shape} and {labels.shape}; "
            "expected (n_models, n), (n,) and (n,)"
        )
    if len(values) < 2 or not len(target):
        raise ValueError("a calibration needs two models or more and values to compare")
    return CalibrationResult(quantity, unit, values.std(axis=0, ddof=1), values[0] - target, labels)


def calibrations(errors: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> dict[str, CalibrationResult]:
    """`calibrate` by quantity, from errors (n_models, n), the force field's own first, and groups (n,).

    Errors that are not finite do not count; a quantity with fewer than two values, and all of a model without members,
    is left out.
    """
    results = {}
    for quantity, (values, groups) in errors.items():
        table, labels = np.asarray(values, dtype=np.float64), np.asarray(groups)
        known = np.isfinite(table).all(axis=0)
        if len(table) > 1 and known.sum() > 1:
            found = table[:, known]
            results[quantity] = calibrate(found, np.zeros(known.sum()), labels[known], quantity=quantity)
    return results
