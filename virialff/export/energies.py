"""Energies, ranks and scans as tables, ranked ensembles as SDF files."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from rdkit import Chem

from virialff.conformers.scans import Scan
from virialff.methods.comparison import Comparison, MethodEnergies


def relative_energies_above(comparison: Comparison, conformer: int | None = None) -> dict[str, np.ndarray]:
    """Each method's energies (n_conformers,) in kcal/mol above conformer `conformer` (from 0).

    None counts from each method's own lowest conformer; NaN marks a conformer without an energy.
    """
    if conformer is None:
        return {method.name: method.relative for method in comparison.methods}
    return {method.name: method.energies - method.energies[conformer] for method in comparison.methods}


def relative_energy_table(comparison: Comparison, conformer: int | None = None) -> pd.DataFrame:
    """One row per conformer (from 1): relative energies in kcal/mol as `relative_energies_above`, then ranks."""
    columns: dict[str, object] = {"conformer": np.arange(1, len(comparison.positions) + 1)}
    for label, values in relative_energies_above(comparison, conformer).items():
        columns[f"{label} (kcal/mol)"] = values
    for method in comparison.methods:
        ranks = [None if np.isnan(rank) else int(rank) for rank in method.ranks]
        columns[f"{method.name} rank"] = pd.array(ranks, dtype="Int64")
    return pd.DataFrame(columns)


#: Temperature of Boltzmann populations where none is given, kelvin.
ROOM_TEMPERATURE = 298.15


def ensemble_table(comparison: Comparison, temperature: float = ROOM_TEMPERATURE) -> pd.DataFrame:
    """A row a conformer (from 1): relative energies (kcal/mol) and ranks as `relative_energy_table`, then populations.

    The columns "<method> population at <temperature> K" sum to 1. Raises ValueError unless the temperature is positive.
    """
    table = relative_energy_table(comparison)
    for method in comparison.methods:
        table[f"{method.name} population at {temperature:g} K"] = method.weights(temperature)
    return table


def ranked_sdf(comparison: Comparison, by: str, temperature: float = ROOM_TEMPERATURE) -> str:
    """SDF text, a record a conformer, lowest energy by the method named `by` first; those without one come last.

    Properties of each record: CONFORMER (its number before), and for every method the columns of `ensemble_table`.
    Raises KeyError for a method that is not among the comparison's.
    """
    molecule = comparison.molecule.with_positions(comparison.positions)
    table = ensemble_table(comparison, temperature)
    order = np.argsort(method_named(comparison, by).energies, kind="stable")
    mol = molecule.to_rdkit()
    mol.SetProp("_Name", " ".join(molecule.name.split()))
    for method in comparison.methods:
        mol.SetProp(f"LEVEL_OF_THEORY {method.name}", method.level_of_theory)
    numbers = [conformer.GetId() for conformer in mol.GetConformers()]
    buffer = io.StringIO()
    writer = Chem.SDWriter(buffer)
    for index in order:
        for name, value in table.iloc[int(index)].items():
            text = "" if pd.isna(value) else f"{value:.6g}" if isinstance(value, float) else str(value)
            mol.SetProp("CONFORMER" if name == "conformer" else str(name), text)
        writer.write(mol, confId=numbers[int(index)])
    writer.close()
    return buffer.getvalue()


def method_named(comparison: Comparison, name: str) -> MethodEnergies:
    """The method of this name. Raises KeyError."""
    for method in comparison.methods:
        if method.name == name:
            return method
    raise KeyError(name)


def scan_differences(relative: dict[str, np.ndarray], reference: str) -> dict[str, np.ndarray]:
    """Each other method's relative energies (n_points,) minus those of `reference`, kcal/mol. Raises KeyError."""
    return {name: values - relative[reference] for name, values in relative.items() if name != reference}


def scan_table(
    scan: Scan, comparison: Comparison, reference: str | None = None, point: int | None = None
) -> pd.DataFrame:
    """A row a point: the coordinate, "<method> (kcal/mol)", and "<method> - <reference> (kcal/mol)" where one is named.

    Energies count from each method's own lowest point, or from point `point` (from 0). NaN marks a point without one.
    Raises KeyError for a reference that is not among the methods.
    """
    relative = relative_energies_above(comparison, point)
    table = pd.DataFrame({scan.label: scan.values})
    for name, values in relative.items():
        table[f"{name} (kcal/mol)"] = values
    if reference is not None:
        for name, values in scan_differences(relative, reference).items():
            table[f"{name} - {reference} (kcal/mol)"] = values
    return table
