"""Does the disagreement of a model's members tell the error? Spread against error on held-out data.

A spread is calibrated where, among results of nearly the same spread, the root mean square error is as large as the
spread (Kuleshov, Fenner, Ermon, Proc. Mach. Learn. Res. 80, 2796 (2018), for the idea of calibrated regression).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from virialff.benchmarks.labelled import HeldOutSet
from virialff.benchmarks.statistics import summarize_errors
from virialff.errors import MoleculeError, ShapeError
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule

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


def calibrate_model(model: Model, held_out: HeldOutSet) -> dict[str, CalibrationResult]:
    """Calibrations of a model with members on data that it was not trained on, by quantity.

    Total energies only where the labels are of the model's own level, energies above the lowest minimum, and
    interaction energies; what the set has not, and what has fewer than two values, is left out. Empty for a model
    without members.
    """
    parts = (model, *model.members)
    if len(parts) < 2:
        return {}
    same_level = model.level_of_theory == held_out.level_of_theory
    rows: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64], int]]] = {}
    for number, entry in enumerate(held_out.molecules):
        energies = _energies(parts, entry.molecule)
        if energies is None or not entry.minima.any():
            continue
        energies, reference = energies[:, entry.minima], entry.energies[entry.minima]
        if same_level:
            rows.setdefault("total energy", []).append((energies, reference, number))
        details = np.array(entry.details)[entry.minima]
        for detail in np.unique(details):
            chosen = np.flatnonzero(details == detail)
            lowest = chosen[np.argmin(reference[chosen])]
            others = chosen[chosen != lowest]
            relative = energies[:, others] - energies[:, [lowest]]
            rows.setdefault("energy above the lowest minimum", []).append(
                (relative, reference[others] - reference[lowest], number)
            )
    for number, pair in enumerate(held_out.complexes):
        interactions = _interactions(parts, pair.molecule)
        if interactions is not None:
            rows.setdefault("interaction energy", []).append((interactions, pair.interaction_energies, number))
    return calibrations(rows)


def calibrations(
    rows: Mapping[str, Sequence[tuple[NDArray[np.float64], NDArray[np.float64], Any]]],
) -> dict[str, CalibrationResult]:
    """`calibrate` by quantity, from (predictions (n_models, n), reference (n,), group) of each molecule."""
    results = {}
    for quantity, parts in rows.items():
        predictions = np.concatenate([part[0] for part in parts], axis=1)
        reference = np.concatenate([part[1] for part in parts])
        groups = np.concatenate([np.full(len(part[1]), part[2]) for part in parts])
        known = np.isfinite(reference)
        if known.sum() > 1:
            results[quantity] = calibrate(predictions[:, known], reference[known], groups[known], quantity=quantity)
    return results


def _energies(parts: Sequence[Model], molecule: Molecule) -> NDArray[np.float64] | None:
    """(n_models, n_conformers); None for an element that the model does not know."""
    try:
        return np.stack([part.force_field(molecule).energy(molecule.positions) for part in parts])
    except MoleculeError:
        return None


def _interactions(parts: Sequence[Model], molecule: Molecule) -> NDArray[np.float64] | None:
    try:
        return np.stack([part.force_field(molecule).interaction_energy(molecule.positions) for part in parts])
    except MoleculeError:
        return None
