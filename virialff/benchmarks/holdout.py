"""Errors of a model on molecules that it never saw, from arrays of predictions and references. Pure functions.

Energies are in kcal/mol, forces in kcal/mol/Angstrom. Every statistic carries a bootstrap interval over molecules (or
complexes), because the conformers of one molecule are not independent.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from virialff.benchmarks.statistics import ErrorSummary, summarize_errors
from virialff.errors import ShapeError


@dataclass(frozen=True)
class HoldoutResult:
    """Held-out errors; what was not measured is None.

    total_energy: energy minus reference, every conformer (kcal/mol).
    relative_conformers: see `relative_energy_errors` (kcal/mol).
    forces: every Cartesian component (kcal/mol/Angstrom).
    interaction: E_int of complexes (kcal/mol).
    """

    total_energy: ErrorSummary | None = None
    relative_conformers: ErrorSummary | None = None
    forces: ErrorSummary | None = None
    interaction: ErrorSummary | None = None

    def as_dict(self) -> dict[str, dict[str, float]]:
        """By quantity (its unit in the name): n_values, n_groups, mae, mae_low, ..., as a model card stores it."""
        return {name: summary.as_row() for name, summary in self._named()}

    @property
    def table(self) -> pd.DataFrame:
        """One row a quantity."""
        return pd.DataFrame([{"quantity": name, **summary.as_row()} for name, summary in self._named()])

    def _named(self) -> list[tuple[str, ErrorSummary]]:
        named = {
            "total energy (kcal/mol)": self.total_energy,
            "relative conformer energy (kcal/mol)": self.relative_conformers,
            "force component (kcal/mol/Angstrom)": self.forces,
            "interaction energy (kcal/mol)": self.interaction,
        }
        return [(name, summary) for name, summary in named.items() if summary is not None]


def total_energy_errors(predicted: np.ndarray, reference: np.ndarray, molecules: np.ndarray) -> ErrorSummary:
    """Errors of total energies (n_conformers,); `molecules` (n_conformers,) says which molecule each belongs to.

    Raises ShapeError, and ValueError where nothing or nothing finite is given.
    """
    predicted, reference, molecules = _same_length(predicted, reference, molecules)
    return summarize_errors(predicted - reference, molecules)


def relative_energy_errors(predicted: np.ndarray, reference: np.ndarray, molecules: np.ndarray) -> ErrorSummary:
    """Errors of conformer energies relative to the conformer of lowest reference energy, that one left out.

    All three (n_conformers,). A molecule of one conformer has no relative energy and does not count. Raises ShapeError,
    and ValueError if no molecule has two conformers.
    """
    errors, groups = relative_errors(predicted, reference, molecules)
    return summarize_errors(errors, groups)


def relative_errors(
    predicted: np.ndarray, reference: np.ndarray, molecules: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The single errors behind `relative_energy_errors` (n_errors,), and the molecule of each."""
    predicted, reference, molecules = _same_length(predicted, reference, molecules)
    errors, groups = [], []
    names, members, counts = np.unique(molecules, return_inverse=True, return_counts=True)
    by_molecule = np.split(np.argsort(members, kind="stable"), np.cumsum(counts)[:-1]) if len(names) else []
    for molecule, rows in zip(names, by_molecule, strict=True):
        lowest = rows[np.argmin(reference[rows])]
        others = rows[rows != lowest]
        errors.append((predicted[others] - predicted[lowest]) - (reference[others] - reference[lowest]))
        groups.append(np.full(len(others), molecule))
    return np.concatenate(errors or [np.zeros(0)]), np.concatenate(groups or [molecules])


def force_errors(predicted: np.ndarray, reference: np.ndarray, molecules: np.ndarray) -> ErrorSummary:
    """Errors of force components; predicted and reference (n_rows, 3) with a row an atom, molecules (n_rows,).

    Raises ShapeError and ValueError as `total_energy_errors`.
    """
    predicted, reference = np.asarray(predicted, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    molecules = np.asarray(molecules)
    if predicted.shape != reference.shape or predicted.shape != (len(molecules), 3):
        raise ShapeError(
            f"forces have shapes {predicted.shape} and {reference.shape}, expected ({len(molecules)}, 3) for both"
        )
    return summarize_errors((predicted - reference).ravel(), np.repeat(molecules, 3))


def interaction_energy_errors(predicted: np.ndarray, reference: np.ndarray, complexes: np.ndarray) -> ErrorSummary:
    """Errors of interaction energies (n_geometries,); `complexes` says which complex each geometry belongs to.

    Raises ShapeError and ValueError as `total_energy_errors`.
    """
    return total_energy_errors(predicted, reference, complexes)


def _same_length(
    predicted: np.ndarray, reference: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    arrays = np.asarray(predicted, dtype=np.float64), np.asarray(reference, dtype=np.float64), np.asarray(groups)
    shapes = {array.shape for array in arrays}
    if len(shapes) != 1 or arrays[0].ndim != 1:
        raise ShapeError(
            f"predictions, references and groups have shapes {', '.join(str(array.shape) for array in arrays)}; "
            "expected one (n,) for all"
        )
    return arrays
