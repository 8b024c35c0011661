"""Tables and files of a molecule's parameters: CSV, SDF with charges, JSON. Units are in the column names."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rdkit import Chem

from virialff.documents import json_text
from virialff.errors import MissingCoordinatesError
from virialff.models.members import charge_spread
from virialff.text import cell
from virialff.units import KCAL_MOL, EnergyUnit

if TYPE_CHECKING:
    from virialff.models.force_field import ForceField, Model
    from virialff.models.members import ChargeSpread, PairSpread
    from virialff.molecules.environments import RareAtoms
    from virialff.molecules.molecule import Molecule

#: Units of the 14 numbers of a pair (Eq. 21 and 22): C0, C1, then six times amplitude and width.
COEFFICIENT_UNITS = ("kcal_A6_per_mol", "kcal_A12_per_mol", *("kcal_per_mol", "A") * 6)
#: Per-atom list that RDKit reads back as the double property PartialCharge of each atom.
_PAIR_COLUMNS = {"sigma": "sigma_A", "epsilon": "epsilon_kcal_per_mol", "R_min": "R_min_A"} | {
    f"C{k}": f"C{k}_{unit}" for k, unit in enumerate(COEFFICIENT_UNITS)
}

# Odd, its bits half of them set (Steele et al. 2014).
_MIXING = np.uint64(0x9E3779B97F4A7C15)


def charges_table(
    molecule: Molecule,
    charges: np.ndarray,
    *,
    spread: ChargeSpread | None = None,
    rare: RareAtoms | None = None,
) -> pd.DataFrame:
    """One row per atom: atom (from 1), element, fragment (from 1), charge_e.

    With `spread` also charge_spread_e, over the model's members; with `rare` also training_molecules, those that have
    an atom with the same surroundings, and rare, where they are few.
    """
    table = pd.DataFrame(
        {
            "atom": np.arange(1, molecule.n_atoms + 1),
            "element": list(molecule.symbols),
            "fragment": np.asarray(molecule.fragments) + 1,
            "charge_e": np.asarray(charges, dtype=float),
        }
    )
    if spread is not None:
        table["charge_spread_e"] = spread.spread
    if rare is not None:
        table["training_molecules"] = rare.counts
        table["rare"] = rare.mask
    return table


def pairs_table(
    force_field: ForceField, positions: np.ndarray | None = None, spread: PairSpread | None = None
) -> pd.DataFrame:
    """One row per atom pair: atom_i, atom_j (from 1), elements, relation, sigma, epsilon, R_min and C0..C13 with units.

    With `positions` (n_atoms, 3) in A the distance of each pair is added as distance_A, with `spread` those of sigma,
    epsilon and R_min over the model's members at the end. Undefined sigma and R_min (C0 = 0) are NaN.
    """
    pairs = force_field.pairs
    table = _counted_from_one(pairs)
    if positions is not None:
        apart = positions[pairs["i"].to_numpy()] - positions[pairs["j"].to_numpy()]
        table.insert(5, "distance_A", np.linalg.norm(apart, axis=1))
    if spread is not None:
        table["sigma_spread_A"] = spread.sigma
        table["epsilon_spread_kcal_per_mol"] = spread.epsilon
        table["R_min_spread_A"] = spread.R_min
    return table


def pairs_tables(force_fields: Sequence[ForceField]) -> pd.DataFrame:
    """`pairs_table` of molecules below each other, made at once."""
    from virialff.models.force_field import pair_rows

    return _counted_from_one(pair_rows(force_fields))


def _counted_from_one(pairs: pd.DataFrame) -> pd.DataFrame:
    atoms = {"atom_i": pairs["i"] + 1, "atom_j": pairs["j"] + 1}
    return pd.DataFrame(atoms | {_PAIR_COLUMNS.get(name, name): pairs[name] for name in pairs.columns[2:]})


def to_csv(table: pd.DataFrame, separator: str = ",") -> str:
    """The table as CSV text; undefined values are empty cells, and no text is a formula to a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=separator, lineterminator="\n")
    writer.writerow([cell(title) for title in table.columns])
    # By columns, and each text once: pandas and csv ask for each cell what it is, longer than the networks take.
    columns: list[list[str]] = []
    places = range(table.shape[1])
    for are_floats, together in groupby(places, lambda k: pd.api.types.is_float_dtype(table.iloc[:, k])):
        chosen = [table.iloc[:, k] for k in together]
        columns += [_numbers(chosen, separator)] if are_floats else [_cells(column, separator) for column in chosen]
    rows = map(separator.join, zip(*columns, strict=True))
    alone = table.shape[1] == 1  # an empty cell needs its quotes there
    return buffer.getvalue() + "".join([f"{row}\n" if row or not alone else '""\n' for row in rows])


def _numbers(columns: Sequence[pd.Series], separator: str) -> list[str]:
    """Each row of these columns of floats as text; equal rows, as equal pairs of a molecule have, are made once."""
    numbers = np.stack([column.to_numpy(dtype=np.float64, na_value=np.nan) for column in columns], axis=1)
    numbers += 0.0  # a zero has no sign
    bits = numbers.view(np.uint64)
    keys = np.zeros(len(bits), dtype=np.uint64)
    for column in bits.T:
        keys = (keys ^ column) * _MIXING
        keys ^= keys >> np.uint64(29)
    _, first, of = np.unique(keys, return_index=True, return_inverse=True)
    if not np.array_equal(bits[first][of], bits):  # rows that differ had the same key
        first = of = np.arange(len(bits))
    numbers = numbers[first]
    form = separator.join(["%.12g"] * len(columns))
    texts = np.array([form % values for values in map(tuple, numbers.tolist())], dtype=object)
    for row in np.flatnonzero(np.isnan(numbers).any(axis=1)):
        texts[row] = separator.join("" if math.isnan(value) else f"{value:.12g}" for value in numbers[row])
    return list(texts[of])


def _cells(column: pd.Series, separator: str) -> list[str]:
    if pd.api.types.is_integer_dtype(column) and not column.hasnans:
        places = column.to_numpy(dtype=np.int64)
        if len(places) and places.min() >= 0 and places.max() < len(places):
            return list(np.array(list(map(str, range(places.max() + 1))), dtype=object)[places])
    if pd.api.types.is_numeric_dtype(column) and not column.hasnans:
        return list(map(str, column.tolist()))
    if isinstance(column.dtype, (pd.StringDtype, pd.CategoricalDtype)):
        of, known = pd.factorize(column)
        # The last is the text of -1, an undefined value.
        return list(np.array([*(_quoted(value, separator) for value in known), ""], dtype=object)[of])
    quoted: dict[object, str] = {}
    values = column.astype(object).where(column.notna(), "").tolist()
    for value in values:
        if isinstance(value, str) and value not in quoted:
            quoted[value] = _quoted(value, separator)
    return [quoted[value] if isinstance(value, str) else _quoted(value, separator) for value in values]


def _quoted(value: object, separator: str) -> str:
    """A value as a cell of CSV beside others."""
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=separator, lineterminator="\n").writerow([cell(value), ""])
    return buffer.getvalue()[: -len(separator) - 1]


def sdf_with_charges(
    molecule: Molecule,
    charges: np.ndarray,
    *,
    model: Model,
    geometry: str = "",
    fields: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """SDF text, one record per conformer, charges (n_atoms,) in e as a per-atom property list.

    RDKit reads them back as the atoms' property PartialCharge. `geometry` says where the coordinates come from;
    `fields` are further data fields. Raises MissingCoordinatesError for a molecule without conformers.
    """
    if molecule.n_conformers == 0:
        raise MissingCoordinatesError("an SDF needs coordinates and this molecule has none; generate a conformer first")
    mol = molecule.to_rdkit()
    mol.SetProp("_Name", " ".join(molecule.name.split()))
    for atom, charge in zip(mol.GetAtoms(), charges, strict=True):
        atom.SetDoubleProp("PartialCharge", round(float(charge), 5))
    Chem.CreateAtomDoublePropertyList(mol, "PartialCharge")
    mol.SetProp("MODEL", f"{model.name} (sha256 {model.sha256[:16]})")
    mol.SetProp("LEVEL_OF_THEORY", model.level_of_theory)
    mol.SetProp("CHARGE_UNIT", "e")
    if geometry:
        mol.SetProp("GEOMETRY", geometry)
    for name, value in fields.items():
        mol.SetProp(name, value)
    buffer = io.StringIO()
    writer = Chem.SDWriter(buffer)
    for conformer in mol.GetConformers():
        writer.write(mol, confId=conformer.GetId())
    writer.close()
    return buffer.getvalue()


def force_field_json(force_field: ForceField, *, model: Model) -> str:
    """The document of `force_field_record`: JSON text."""
    record = force_field_record(force_field, model=model)
    return json_text("params", {"name": force_field.molecule.name, **record})


def force_field_record(
    force_field: ForceField, *, model: Model, unit: EnergyUnit = KCAL_MOL, spread: ChargeSpread | None = None
) -> dict[str, Any]:
    """Everything predicted for one molecule: model, atoms, bonds, charges, pairs; JSON-ready, undefined values null.

    `charge_spread` is over the members of the model, null where it has none (`spread` where it is known already);
    `training_molecules` counts for each atom
    the molecules of the training that have one with the same surroundings, `rare` names what training had little or
    nothing of, both null where that is not known. Atoms are numbered from 0 here, as in the Python interface. Raises
    CheckpointError where a member's file is damaged.
    """
    molecule = force_field.molecule
    spread, rare = spread or charge_spread(model, molecule), model.rare_atoms(molecule)
    return {
        "smiles": molecule.smiles,
        "model": {"name": model.name, "sha256": model.sha256, "level_of_theory": model.level_of_theory},
        "units": {"charge": "e", "distance": "A", "energy": unit.name},
        "molecule": {
            "name": molecule.name,
            "smiles": molecule.smiles,
            "inchikey": molecule.inchikey,
            "elements": list(molecule.symbols),
            "bonds": np.asarray(molecule.bonds).tolist(),
            "orders": np.asarray(molecule.orders).tolist(),
        },
        "charges": np.asarray(force_field.charges, dtype=float).tolist(),
        "charge_spread": None if spread is None else spread.spread.tolist(),
        "training_molecules": None if rare is None else rare.counts.tolist(),
        "rare_atoms": None if rare is None else np.flatnonzero(rare.mask).tolist(),
        "rare": None if rare is None else rare.as_dict(),
        "pairs": {name: _plain(_in_unit(column, unit)) for name, column in force_field.pairs.items()},
        "notes": [*molecule.notes, *([rare.sentence] if rare is not None and rare.any else [])],
    }


def _in_unit(column: pd.Series, unit: EnergyUnit) -> pd.Series:
    """A column of pairs in another unit, where it is an energy."""
    name = _PAIR_COLUMNS.get(str(column.name), "")
    return column if unit.renamed(name) == name else column / unit.in_kcal_mol


def _plain(column: pd.Series) -> list[Any]:
    if pd.api.types.is_float_dtype(column):
        return [value if np.isfinite(value) else None for value in column.to_numpy(dtype=float).tolist()]
    values: list[Any] = column.tolist()
    return values
