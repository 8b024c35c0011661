"""Fitting intervals of energies (virialff.models.intervals) to errors on held-out labels, and measuring what they hold.

Errors of few molecules do not give quantiles of their own. Where the level of a model has few, the dependence on the
features and the shape of the distribution come from labels of another level, of which there are more, and one factor
from those of the model's level.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from virialff.benchmarks.statistics import summarize_errors
from virialff.models.intervals import FEATURES, SHARES, ErrorScale, percent

FloatArray = NDArray[np.float64]
#: Molecules or complexes of the validation split from which on the test split is left for measuring alone.
ENOUGH_TO_SPLIT = 100
#: Fewest at the level of a model that give quantiles, fewest of another level, and fewest that give a factor.
ENOUGH, ENOUGH_ELSEWHERE, FEWEST = 60, 30, 5
_FOLDS = 10
_UPDATES = 300
_CUT = 0.98
_SMALLEST = 0.05  # kcal/mol; no error is expected to be smaller, however alike the members are


@dataclass(frozen=True, eq=False)
class HeldOutErrors:
    """Errors of one quantity on molecules that no weight was fitted to, kcal/mol.

    errors: (n,); features: (n, 5) as `intervals.feature_table`; groups: (n,) InChIKeys of the molecule or complex;
    test: (n,) whether it is of the test split, otherwise of validation.
    """

    errors: FloatArray
    features: FloatArray
    groups: NDArray[np.str_]
    test: NDArray[np.bool_]

    def where(self, chosen: NDArray[np.bool_]) -> HeldOutErrors:
        return HeldOutErrors(self.errors[chosen], self.features[chosen], self.groups[chosen], self.test[chosen])

    @property
    def n_groups(self) -> int:
        return len(np.unique(self.groups))


def fit_scale(rows: HeldOutErrors, against: str) -> ErrorScale:
    """The scale of these errors; quantiles are of scores whose molecules had no part in their coefficients."""
    scores = np.zeros(len(rows.errors))
    for left_out in _folds(rows.groups):
        coefficients = _coefficients(rows.where(~left_out))
        scores[left_out] = np.abs(rows.errors[left_out]) / (rows.features[left_out] @ coefficients)
    # The rank that split conformal prediction takes.
    n = len(scores)
    factors = [float(np.quantile(scores, min(1.0, share * (n + 1) / n), method="higher")) for share in SHARES]
    return ErrorScale(tuple(_coefficients(rows).tolist()), tuple(factors), against)


def widened(scale: ErrorScale, rows: HeldOutErrors, against: str) -> ErrorScale:
    """The scale times the factor with which its intervals hold as many of these errors as they say, on average."""
    scores = np.abs(rows.errors) / scale.expected(rows.features)
    # Each error asks for the factor at which a share's interval reaches it; a part of them, the mean share, is served.
    asked = np.concatenate([scores / factor for factor in scale.factors])
    factor = float(np.quantile(asked, np.mean(SHARES)))
    return replace(scale, factors=tuple(factor * value for value in scale.factors), against=against)


def interval_entry(
    own: HeldOutErrors | None, level: str, other: HeldOutErrors | None = None, other_level: str = ""
) -> dict[str, Any] | None:
    """What the card says of one quantity: the scale, how it came about and what its intervals hold; None for nothing.

    own: errors against the level of the model; other: against that level of which there are most labels.
    """
    if own is not None and own.where(~own.test).n_groups >= ENOUGH_TO_SPLIT:
        scale = fit_scale(own.where(~own.test), level)
        test = own.where(own.test)
        return _entry(scale, "validation", test, [(np.ones(len(test.errors), dtype=bool), scale)])
    if own is not None and own.n_groups >= ENOUGH:
        return _in_turns(own, lambda rows: fit_scale(rows, level), "validation and test, in ten parts")
    if other is None or other.n_groups < ENOUGH_ELSEWHERE:
        return None
    shape = fit_scale(other, other_level)
    if own is None or own.n_groups < FEWEST:
        return _in_turns(other, lambda rows: fit_scale(rows, other_level), f"{other_level}, in ten parts")
    by = f"shape on {other.n_groups:,} molecules of {other_level}, width in ten parts"
    return _in_turns(own, lambda rows: widened(shape, rows, level), by)


def _in_turns(rows: HeldOutErrors, fit: Callable[[HeldOutErrors], ErrorScale], by: str) -> dict[str, Any]:
    """Fitted on all, measured on each part by what the others give."""
    parts = [(part, fit(rows.where(~part))) for part in _folds(rows.groups)]
    return _entry(fit(rows), by, rows, parts)


def _entry(
    scale: ErrorScale, by: str, rows: HeldOutErrors, parts: list[tuple[NDArray[np.bool_], ErrorScale]]
) -> dict[str, Any]:
    widths = np.zeros((len(SHARES), len(rows.errors)))
    for part, own in parts:
        widths[:, part] = own.intervals(rows.features[part]).half_widths
    entry: dict[str, Any] = {
        "against": scale.against,
        "calibrated_on": by,
        "coefficients": {name: round(value, 6) for name, value in zip(FEATURES, scale.coefficients, strict=True)},
        "factors": {percent(share): round(value, 4) for share, value in zip(SHARES, scale.factors, strict=True)},
        "n_values": len(rows.errors),
        "n_groups": rows.n_groups,
        "coverage": _coverage(rows, widths),
    }
    marked = rows.features[:, FEATURES.index("marked")] > 0
    for name, chosen in (("coverage_marked", marked), ("coverage_unmarked", ~marked)):
        if chosen.any() and not chosen.all():
            entry[name] = _coverage(rows.where(chosen), widths[:, chosen])
    return entry


def _coverage(rows: HeldOutErrors, widths: FloatArray) -> dict[str, Any]:
    """By share: how much of the errors lies inside, its 95 % bootstrap interval, and the median half-width."""
    found: dict[str, Any] = {}
    for share, width in zip(SHARES, widths, strict=True):
        held = summarize_errors((np.abs(rows.errors) <= width).astype(np.float64), rows.groups).mean_signed
        found[percent(share)] = {
            "held": round(held.estimate, 4),
            "held_low": round(held.low, 4),
            "held_high": round(held.high, 4),
            "median_half_width": round(float(np.median(width)), 4),
        }
    return found


def _folds(groups: NDArray[np.str_]) -> list[NDArray[np.bool_]]:
    """Ten parts or fewer, (n,) bool each, that no molecule is divided between; the same for the same molecules."""
    names = sorted(set(groups.tolist()), key=lambda name: (zlib.crc32(name.encode()), name))
    n_folds = max(2, min(_FOLDS, len(names)))
    fold = {name: place % n_folds for place, name in enumerate(names)}
    places = np.array([fold[name] for name in groups.tolist()])
    return [places == place for place in range(n_folds) if (places == place).any()]


def _coefficients(rows: HeldOutErrors) -> FloatArray:
    """Coefficients (5,), none negative, of the expected size of errors that are exponential in it.

    By multiplicative updates of the likelihood, which cannot turn negative (Fevotte, Bertin, Durrieu, Neural Comput.
    21, 793 (2009), for one column).
    """
    # One molecule that goes quite wrong must not widen the intervals of all.
    sizes = np.clip(np.abs(rows.errors), 1e-6, np.quantile(np.abs(rows.errors), _CUT))
    means = rows.features.mean(axis=0)
    used = means > 0
    table = rows.features[:, used] / means[used]
    weights = np.full(table.shape[1], sizes.mean() / table.shape[1])
    for _ in range(_UPDATES):
        expected = table @ weights
        weights = weights * np.sqrt(table.T @ (sizes / expected**2) / (table.T @ (1.0 / expected)))
    coefficients = np.zeros(len(means))
    coefficients[used] = weights / means[used]
    constant = FEATURES.index("constant")
    coefficients[constant] = max(coefficients[constant], _SMALLEST)
    return coefficients


def describe(name: str, quantities: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lines that say what was found, for a terminal."""
    lines = []
    for quantity, entry in quantities.items():
        held = ", ".join(
            f"{share} % hold {100 * part['held']:.1f} ({100 * part['held_low']:.1f} to {100 * part['held_high']:.1f})"
            for share, part in entry["coverage"].items()
        )
        lines.append(
            f"{name}, {quantity}: {held}; {entry['n_values']:,} values of {entry['n_groups']:,} against "
            f"{entry['against']}, calibrated on {entry['calibrated_on']}; median half-width at 95 % "
            f"{entry['coverage']['95']['median_half_width']:.2f} kcal/mol"
        )
    return lines
