"""Energies of conformers and scans as tables, the same on pages, in files and on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from virialff.conformers.scans import Scan
from virialff.methods.comparison import Comparison
from virialff.methods.method import Method, described
from virialff.models.intervals import EnergyIntervals
from virialff.units import EnergyUnit

#: Temperature of Boltzmann populations where none is given, kelvin.
ROOM_TEMPERATURE = 298.15
#: Shares of the errors whose intervals tables have where there is little room.
SHOWN_SHARES = (0.95,)


def relative_energies_above(comparison: Comparison, conformer: int | None = None) -> dict[str, np.ndarray]:
    """Each method's energies (n_conformers,) in kcal/mol above conformer `conformer` (from 0).

    None counts from each method's own lowest conformer; NaN marks a conformer without an energy.
    """
    if conformer is None:
        return {method.name: method.relative for method in comparison.methods}
    return {method.name: method.values - method.values[conformer] for method in comparison.methods}


def interval_columns(
    comparison: Comparison, conformer: int | None = None, shares: Sequence[float] = SHOWN_SHARES
) -> dict[str, np.ndarray]:
    """Half-widths (n_conformers,) in kcal/mol of the intervals of relative energies, by the names of their columns."""
    return {
        f"{name} ± {100 * share:g} % (kcal/mol)": values
        for share in shares
        for name, values in comparison.half_widths(share, conformer).items()
    }


def relative_energy_table(
    comparison: Comparison, conformer: int | None = None, shares: Sequence[float] = SHOWN_SHARES
) -> pd.DataFrame:
    """One row per conformer (from 1): relative energies in kcal/mol as `relative_energies_above`, intervals, ranks.

    shares: of the errors that the intervals hold, of those of `models.intervals.SHARES`.
    """
    columns: dict[str, object] = {"conformer": np.arange(1, comparison.molecule.n_conformers + 1)}
    for label, values in relative_energies_above(comparison, conformer).items():
        columns[f"{label} (kcal/mol)"] = values
    columns |= interval_columns(comparison, conformer, shares)
    for method in comparison.methods:
        ranks = [None if np.isnan(rank) else int(rank) for rank in method.ranks]
        columns[f"{method.name} rank"] = pd.array(ranks, dtype="Int64")
    return pd.DataFrame(columns)


def ensemble_table(
    comparison: Comparison, temperature: float = ROOM_TEMPERATURE, shares: Sequence[float] = SHOWN_SHARES
) -> pd.DataFrame:
    """A row a conformer (from 1): relative energies (kcal/mol) and ranks as `relative_energy_table`, then populations.

    The columns "<method> population at <temperature> K" sum to 1. Where conformers stand for their mirror
    images too, the column "mirror forms" says 2. Raises ValueError unless the temperature is positive.
    """
    table = relative_energy_table(comparison, shares=shares)
    if (comparison.degeneracies > 1).any():
        table["mirror forms"] = comparison.degeneracies
    for method in comparison.methods:
        population = method.weights(temperature, comparison.degeneracies)
        table[f"{method.name} population at {temperature:g} K"] = population
    return table


def atomization_table(comparison: Comparison, conformer: int) -> pd.DataFrame:
    """A row a method for one conformer (from 1): method, atomization energy (kcal/mol), level of theory."""
    return pd.DataFrame(
        {
            "method": [method.name for method in comparison.methods],
            "atomization energy (kcal/mol)": [
                method.atomization_energies[conformer - 1] for method in comparison.methods
            ],
            "level of theory": [method.level for method in comparison.methods],
        }
    )


def scan_differences(relative: dict[str, np.ndarray], reference: str) -> dict[str, np.ndarray]:
    """Each other method's relative energies (n_points,) minus those of `reference`, kcal/mol. Raises KeyError."""
    return {name: values - relative[reference] for name, values in relative.items() if name != reference}


def scan_table(
    scan: Scan,
    comparison: Comparison,
    reference: str | None = None,
    point: int | None = None,
    shares: Sequence[float] = SHOWN_SHARES,
) -> pd.DataFrame:
    """A row a point: the coordinate, "<method> (kcal/mol)", and "<method> - <reference> (kcal/mol)" where one is named.

    Energies count from each method's own lowest point, or from point `point` (from 0). NaN marks a point without one.
    Raises KeyError for a reference that is not among the methods.
    """
    relative = relative_energies_above(comparison, point)
    table = pd.DataFrame({scan.label: scan.values})
    for name, values in relative.items():
        table[f"{name} (kcal/mol)"] = values
    for name, widths in interval_columns(comparison, point, shares).items():
        table[name] = widths
    if reference is not None:
        for name, values in scan_differences(relative, reference).items():
            table[f"{name} - {reference} (kcal/mol)"] = values
    return table


def with_energies_in(table: pd.DataFrame, unit: EnergyUnit) -> pd.DataFrame:
    """A table whose energies are in kcal/mol, in another unit.

    Parameters
    ----------
    table : DataFrame
        Columns of energies have "(kcal/mol)" in their names, or end in "_kcal_per_mol" or, times a power of a length,
        in "_kcal_A6_per_mol".
    unit : EnergyUnit
        One of `virialff.units.ENERGY_UNITS`.

    Returns
    -------
    DataFrame
        The same with the values of these columns converted and their names saying so.
    """
    named = {str(column): unit.renamed(str(column)) for column in table.columns}
    energies = [old for old, new in named.items() if old != new]
    if not energies:
        return table.copy(deep=False)
    converted = table.astype(dict.fromkeys(energies, float))
    converted[energies] /= unit.in_kcal_mol
    return converted.rename(columns=named)


def json_numbers(values: ArrayLike) -> list[float | None]:
    """Numbers for JSON, which has no NaN: null is an undefined value."""
    return [float(value) + 0.0 if np.isfinite(value) else None for value in np.asarray(values)]


def json_energies(values: ArrayLike, unit: EnergyUnit) -> list[float | None]:
    """Energies in kcal/mol as `json_numbers` in another unit."""
    return json_numbers(np.asarray(values, dtype=float) / unit.in_kcal_mol)


def json_half_widths(intervals: EnergyIntervals, unit: EnergyUnit) -> dict[str, list[float | None]]:
    """Half-widths of intervals in a unit, by the per cent of the errors that they hold."""
    return {percent: json_energies(values, unit) for percent, values in intervals.by_percent().items()}


def json_methods(
    comparison: Comparison, methods: Mapping[str, Method], unit: EnergyUnit, temperature: float | None = None
) -> dict[str, Any]:
    """By method its level of theory and relative energies, or why it has none; at a temperature ranks and populations.

    `methods`: those of the comparison by their names in it.
    """
    found: dict[str, Any] = {name: {**described(method)} for name, method in methods.items()}
    for name, reason in comparison.left_out.items():
        found[name]["error"] = reason
    for method in comparison.methods:
        found[method.name]["relative"] = json_energies(method.relative, unit)
        if method.name in comparison.uncertainties:
            intervals = comparison.uncertainties[method.name].intervals()
            found[method.name]["relative_half_widths"] = json_half_widths(intervals, unit)
        if temperature is not None:
            found[method.name] |= {
                "rank": json_numbers(method.ranks),
                "population": json_numbers(method.weights(temperature, comparison.degeneracies)),
            }
    return found
