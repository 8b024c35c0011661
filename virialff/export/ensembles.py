"""Ranked ensembles as tables and SDF files."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from rdkit import Chem

from virialff.export.energies import relative_energy_table
from virialff.methods.comparison import Comparison, MethodEnergies

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
