"""Geometries and ranked ensembles as SDF and extended XYZ files."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

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
    comparison: Comparison,
    by: str,
    temperature: float = ROOM_TEMPERATURE,
    unit: EnergyUnit = KCAL_MOL,
    place: Callable[[int], Mapping[str, str]] = lambda _: {},
) -> str:
    """SDF text, a record a conformer, lowest energy by the method named `by` first; those without one come last.

    Data fields of each record, `field_name` of what follows: CONFORMER (its number before), LEVEL_OF_THEORY_ and the
    name of every method, and for every method the columns of `ensemble_table`. Raises KeyError for a method that is not
    among the comparison's.
    """
    return _ranked(geometries_sdf, comparison, by, temperature, unit, place)


def ranked_xyz(
    comparison: Comparison,
    by: str,
    temperature: float = ROOM_TEMPERATURE,
    unit: EnergyUnit = KCAL_MOL,
    place: Callable[[int], Mapping[str, str]] = lambda _: {},
) -> str:
    """The same as frames of an extended XYZ file."""
    return _ranked(geometries_xyz, comparison, by, temperature, unit, place)


def table_fields(
    table: pd.DataFrame, levels: Mapping[str, str], place: Callable[[int], Mapping[str, str]] = lambda _: {}
) -> list[dict[str, str]]:
    """The rows of a table as data fields, and the level of theory of each method; `conformer` becomes CONFORMER.

    place: further fields of each row (from 0), such as where it comes from.
    """
    fixed = {field_name(f"LEVEL_OF_THEORY {method}"): level for method, level in levels.items()}
    names = ["CONFORMER" if name == "conformer" else field_name(str(name)) for name in table.columns]
    return [
        {**place(number), **fixed, **{name: _text(value) for name, value in zip(names, row, strict=True)}}
        for number, row in enumerate(table.itertuples(index=False, name=None))
    ]


def geometries_sdf(
    molecule: Molecule, fields: Sequence[Mapping[str, str]], order: Iterable[int] | None = None, title: str = ""
) -> str:
    """SDF text, a record a conformer in this order (by default their own), each with its data fields."""
    return _sdf(molecule, title or molecule.name, range(molecule.n_conformers) if order is None else order, fields)


def geometries_xyz(
    molecule: Molecule, fields: Sequence[Mapping[str, str]], order: Iterable[int] | None = None, title: str = ""
) -> str:
    """Extended XYZ text, a frame a conformer in this order (by default their own), the data as key=value pairs."""
    title = " ".join((title or molecule.name).split())
    frames = []
    for index in range(molecule.n_conformers) if order is None else order:
        pairs = {"Properties": "species:S:1:pos:R:3"} | ({"name": title} if title else {})
        pairs |= {name: value for name, value in fields[index].items() if value}
        lines = [str(molecule.n_atoms), " ".join(f"{name}={_quoted(value)}" for name, value in pairs.items())]
        for symbol, (x, y, z) in zip(molecule.symbols, molecule.positions[index], strict=True):
            lines.append(f"{symbol:<2} {x:14.8f} {y:14.8f} {z:14.8f}")
        frames.append("\n".join(lines) + "\n")
    return "".join(frames)


def _quoted(value: str) -> str:
    return '"' + value.replace('"', "'") + '"' if re.search(r"[\s\"=]", value) else value


def _ranked(
    write: Callable[[Molecule, Sequence[Mapping[str, str]], Iterable[int]], str],
    comparison: Comparison,
    by: str,
    temperature: float,
    unit: EnergyUnit,
    place: Callable[[int], Mapping[str, str]],
) -> str:
    table = with_energies_in(ensemble_table(comparison, temperature), unit)
    energies = {method.name: method.values for method in comparison.methods}
    levels = {method.name: method.level for method in comparison.methods}
    order = [int(index) for index in np.argsort(energies[by], kind="stable")]
    return write(comparison.molecule, table_fields(table, levels, place), order)


def _text(value: Any) -> str:
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
