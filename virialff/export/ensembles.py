"""Ranked ensembles as SDF files."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import pandas as pd
from rdkit import Chem

from virialff.methods.comparison import Comparison
from virialff.methods.tables import ROOM_TEMPERATURE, ensemble_table
from virialff.molecules.molecule import Molecule


def geometry_sdf(molecule: Molecule, title: str = "", properties: Mapping[str, str] | None = None) -> str:
    """SDF text, a record a conformer, with these properties on each."""
    mol = molecule.to_rdkit()
    mol.SetProp("_Name", " ".join((title or molecule.name).split()))
    for name, value in (properties or {}).items():
        mol.SetProp(name, value)
    buffer = io.StringIO()
    writer = Chem.SDWriter(buffer)
    for conformer in mol.GetConformers():
        writer.write(mol, confId=conformer.GetId())
    writer.close()
    return buffer.getvalue()


def ranked_sdf(comparison: Comparison, by: str, temperature: float = ROOM_TEMPERATURE) -> str:
    """SDF text, a record a conformer, lowest energy by the method named `by` first; those without one come last.

    Properties of each record: CONFORMER (its number before), and for every method the columns of `ensemble_table`.
    Raises KeyError for a method that is not among the comparison's.
    """
    table = ensemble_table(comparison, temperature)
    energies = {method.name: method.values for method in comparison.methods}
    mol = comparison.molecule.to_rdkit()
    mol.SetProp("_Name", " ".join(comparison.molecule.name.split()))
    for method in comparison.methods:
        mol.SetProp(f"LEVEL_OF_THEORY {method.name}", method.level)
    numbers = [conformer.GetId() for conformer in mol.GetConformers()]
    buffer = io.StringIO()
    writer = Chem.SDWriter(buffer)
    for index in np.argsort(energies[by], kind="stable"):
        for name, value in table.iloc[int(index)].items():
            text = "" if pd.isna(value) else f"{value:.6g}" if isinstance(value, float) else str(value)
            mol.SetProp("CONFORMER" if name == "conformer" else str(name), text)
        writer.write(mol, confId=numbers[int(index)])
    writer.close()
    return buffer.getvalue()
