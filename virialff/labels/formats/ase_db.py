"""Databases of ASE in SQLite: energies in eV, forces in eV/Angstrom, as a calculator has left them.

They are read as tables of numbers and JSON text, without ASE, which would make the objects that a file names.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from virialff.errors import NetChargeError, RadicalError, UnreadableRecordError
from virialff.io.xyz import Perceiver
from virialff.labels.formats.entry import (
    ENERGY,
    MAX_ATOMS,
    SMILES,
    Budget,
    Entry,
    Fields,
    bad_entry,
    damaged,
    energy_unit,
    entry_of,
    mapped,
    missing,
    said_in,
    said_of,
)
from virialff.labels.schema import Label
from virialff.units import ENERGY_UNITS, EV_IN_KCAL_MOL

PACKED = False
_COLUMNS = "id, numbers, positions, energy, forces, key_value_pairs, calculator"
_START = b"SQLite format 3\0"


def read(path: Path, fields: Fields, budget: Budget) -> Iterator[Entry]:
    """The rows of a database. Raises OSError and DatasetError."""
    with path.open("rb") as file:
        if file.read(len(_START)) != _START:
            raise damaged(path, "SQLite database of ASE")
    perceiver, unit = Perceiver(MAX_ATOMS), energy_unit(fields.unit, "eV")
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, min(budget.piece_bytes, 2**31 - 1))
            # A view or a trigger could run anything.
            database.execute("PRAGMA trusted_schema = OFF")
            kind = database.execute("SELECT type FROM sqlite_master WHERE name = 'systems'").fetchone()
            if kind != ("table",):
                raise damaged(path, "database of ASE")
            for row in database.execute(f"SELECT {_COLUMNS} FROM systems ORDER BY id"):
                yield _entry(row, fields, unit, perceiver)
    except sqlite3.Error as error:
        raise damaged(path, "database of ASE", error) from error


def _entry(row: tuple[Any, ...], fields: Fields, unit: str, perceiver: Perceiver) -> Entry:
    number, numbers, positions, energy, forces, text, program = row
    where = f"row {number}"
    try:
        data = json.loads(text or "{}")
    except (TypeError, ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        return bad_entry(where, "its key-value pairs are no JSON object; write it again")
    ours = fields.energy is None and ENERGY in data
    if ours:
        energy = data[ENERGY]
    elif fields.energy is not None:
        energy = data.get(fields.energy)
    said = said_in(data, fields)
    if isinstance(program, str) and program and program != "unknown":
        said.setdefault("program", program)
    return entry_of(
        where,
        perceiver,
        partial(_atoms, numbers, positions, data),
        energy=energy,
        unit="kcal/mol" if ours else unit,
        forces=partial(_numbers, forces, "<f8", "forces"),
        force_scale=ENERGY_UNITS[unit].in_kcal_mol,
        smiles=mapped(data.get(fields.smiles or SMILES)),
        said=said,
    )


def _atoms(numbers: Any, positions: Any, data: Mapping[str, Any]) -> tuple[Any, Any]:
    charge, multiplicity = data.get("charge", 0), data.get("multiplicity", data.get("spin_multiplicity", 1))
    if isinstance(charge, int | float) and charge:
        raise NetChargeError(f"it has the charge {charge:+g}, and only neutral molecules are covered")
    if isinstance(multiplicity, int | float) and multiplicity > 1:
        raise RadicalError("it has unpaired electrons, and only closed-shell molecules are covered")
    atoms, places = _numbers(numbers, "<i4", "atomic numbers"), _numbers(positions, "<f8", "positions")
    if atoms is None or places is None:
        raise UnreadableRecordError("it has no atoms or no positions; write it again")
    return atoms, places


def _numbers(blob: Any, kind: str, what: str) -> np.ndarray | None:
    if blob is None:
        return None
    if not isinstance(blob, bytes) or len(blob) % np.dtype(kind).itemsize:
        raise UnreadableRecordError(f"its {what} are no numbers; write it again")
    return np.frombuffer(blob, dtype=kind)


def write(path: Path, labels: Iterable[Label]) -> None:
    """Write labels as rows, the energy once more in `energy_kcal_mol`, exactly as the store has it; needs ASE."""
    try:
        import ase.db
        from ase import Atoms
        from ase.calculators.singlepoint import SinglePointCalculator
    except ModuleNotFoundError as error:
        raise missing("written .db files", error) from error

    with ase.db.connect(path, type="db") as database:
        for label in labels:
            assert label.positions is not None
            assert label.energy is not None
            atoms = Atoms(label.numbers, label.positions)
            results: dict[str, Any] = {"energy": label.energy / EV_IN_KCAL_MOL}
            if label.forces is not None:
                results["forces"] = label.forces / EV_IN_KCAL_MOL
            atoms.calc = SinglePointCalculator(atoms, **results)
            # ASE refuses text that reads as a number.
            said = {name: value for name, value in said_of(label).items() if value and not _is_number(value)}
            database.write(atoms, key_value_pairs={ENERGY: float(label.energy), **said})


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return text in ("True", "False")
    return True
