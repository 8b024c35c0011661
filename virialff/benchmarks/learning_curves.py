"""Learning curves: error against number of training molecules, a power law through it, and what more data would give.

The law E = a N^-b is fitted to the logarithms (Hestness et al., arXiv:1712.00409); intervals come from drawing the
repeated trainings at each number anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from virialff.benchmarks.statistics import LEVEL, Interval
from virialff.errors import ConfigError

_RESAMPLES = 2000
#: No extrapolation goes further than this many times the largest number of molecules.
FURTHEST = 10.0


@dataclass(frozen=True)
class LearningPoint:
    """Errors of trainings with `n_molecules`, one for each seed."""

    n_molecules: int
    errors: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.errors))


@dataclass(frozen=True)
class LearningCurve:
    """Error of one quantity against number of training molecules; `unit` of the errors."""

    quantity: str
    unit: str
    points: tuple[LearningPoint, ...]
    steps: int

    def as_dict(self) -> dict[str, Any]:
        """JSON values, with the fit."""
        return asdict(self) | {"exponent": asdict(self.exponent()), "extrapolated": self._extrapolated()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LearningCurve:
        """The curve of `as_dict`."""
        points = tuple(LearningPoint(point["n_molecules"], tuple(point["errors"])) for point in values["points"])
        return cls(values["quantity"], values["unit"], points, values["steps"])

    def exponent(self) -> Interval:
        """b of E = a N^-b."""
        slopes = -self._fits()[:, 0]
        return _interval(float(-_fit(self._numbers(), self._means())[0]), slopes)

    def predict(self, n_molecules: float) -> Interval:
        """Error by the power law. Raises ConfigError beyond FURTHEST times the largest number of molecules."""
        if n_molecules > FURTHEST * self.points[-1].n_molecules * (1 + 1e-9):
            raise ConfigError(
                f"A learning curve up to {self.points[-1].n_molecules} molecules says nothing of {n_molecules:g}: ask "
                f"for at most {FURTHEST:g} times as many."
            )
        slope, offset = _fit(self._numbers(), self._means())
        fits = self._fits()
        values = np.exp(fits[:, 0] * np.log(n_molecules) + fits[:, 1])
        return _interval(float(np.exp(slope * np.log(n_molecules) + offset)), values)

    def _extrapolated(self) -> dict[str, Any]:
        furthest = FURTHEST * self.points[-1].n_molecules
        return {"n_molecules": furthest} | asdict(self.predict(furthest))

    def _numbers(self) -> np.ndarray:
        return np.array([point.n_molecules for point in self.points], dtype=float)

    def _means(self) -> np.ndarray:
        return np.array([point.mean for point in self.points])

    def _fits(self) -> np.ndarray:
        """Slope and offset of every resample, (n_resamples, 2)."""
        generator = np.random.default_rng(0)
        columns = [
            generator.choice(point.errors, (_RESAMPLES, len(point.errors))).mean(axis=1) for point in self.points
        ]
        return _fit(self._numbers(), np.stack(columns)).T


def make_curve(quantity: str, unit: str, errors: Mapping[int, Sequence[float]], steps: int) -> LearningCurve:
    """A curve from errors by number of molecules. Raises ConfigError for fewer than two numbers."""
    if len(errors) < 2:
        raise ConfigError("A learning curve needs trainings with at least two numbers of molecules.")
    points = tuple(LearningPoint(number, tuple(errors[number])) for number in sorted(errors))
    return LearningCurve(quantity, unit, points, steps)


def _fit(numbers: np.ndarray, errors: np.ndarray) -> np.ndarray:
    fitted: np.ndarray = np.polyfit(np.log(numbers), np.log(errors), 1)
    return fitted


def _interval(estimate: float, values: np.ndarray) -> Interval:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(estimate, float(low), float(high))
