"""Geometries and ranked ensembles as SDF files."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from rdkit import Chem

from virialff.methods.comparison import Comparison
from virialff.methods.tables import ROOM_TEMPERATURE, ensemble_table, with_energies_in
from virialff.molecules.molecule import Molecule
from virialff.units import ENERGY_UNITS, KCAL_MOL, EnergyUnit


def field_name(column: str) -> str:
    """A column of a table as the name of a data field, without blanks: "GFN2-xTB_relative_kJ_per_mol".

    Energies get their unit as a suffix; blanks of a method's name become underscores too.
    """
    for unit in ENERGY_UNITS.values():
        if column.endswith(f" ({unit.name})"):
            column = f"{column.removesuffix(f' ({unit.name})')}_relative_{unit.suffix}"
    return re.sub(r"[\s<>]+", "_", column.replace(" population at ", "_population_").strip())


def geometry_sdf(molecule: Molecule, title: str = "", properties: Mapping[str, str] | None = None) -> str:
    """SDF text, a record a conformer, with these data fields on each."""
    fields = [properties or {}] * molecule.n_conformers
    return _sdf(molecule, title or molecule.name, range(molecule.n_conformers), fields)


def ranked_sdf(
    comparison: Comparison, by: str, temperature: float = ROOM_TEMPERATURE, unit: EnergyUnit = KCAL_MOL
) -> str:
    """SDF text, a record a conformer, lowest energy by the method named `by` first; those without one come last.

    Data fields of each record, `field_name` of what follows: CONFORMER (its number before), LEVEL_OF_THEORY_ and the
    name of every method, and for every method the columns of `ensemble_table`. Raises KeyError for a method that is not
    among the comparison's.
    """
    table = with_energies_in(ensemble_table(comparison, temperature), unit)
    energies = {method.name: method.values for method in comparison.methods}
    levels = {field_name(f"LEVEL_OF_THEORY {method.name}"): method.level for method in comparison.methods}
    fields = []
    for _, row in table.iterrows():
        values = {"CONFORMER" if name == "conformer" else field_name(str(name)): value for name, value in row.items()}
        fields.append(levels | {name: _text(value) for name, value in values.items()})
    order = [int(index) for index in np.argsort(energies[by], kind="stable")]
    return _sdf(comparison.molecule, comparison.molecule.name, order, fields)


def _text(value: object) -> str:
    if pd.isna(value):
        return ""
    return f"{value + 0.0:.9g}" if isinstance(value, float) else str(value)


def _sdf(molecule: Molecule, title: str, order: Iterable[int], fields: Sequence[Mapping[str, str]]) -> str:
    """Conformers in this order, each with its fields."""
    mol = molecule.to_rdkit()
    mol.SetProp("_Name", " ".join(title.split()))
    numbers = [conformer.GetId() for conformer in mol.GetConformers()]
    buffer = io.StringIO()
    writer = Chem.SDWriter(buffer)
    for index in order:
        for name, value in fields[index].items():
            mol.SetProp(name, value)
        writer.write(mol, confId=numbers[index])
    writer.close()
    return buffer.getvalue()
