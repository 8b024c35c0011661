"""Looking at the rows of a label store: a page of those that fit a filter, one row in full. Memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from virialff.elements import SYMBOL_OF
from virialff.errors import StoreError
from virialff.labels.schema import COLUMN_OF, Label, from_table, plain_values
from virialff.labels.store import LabelStore, parquet_file, read_file, row_group
from virialff.text import counted, fixed

_SHOWN = ("identifier", "level_of_theory", "kind", "detail", "source", "energy", "interaction_energy", "failure")
_READ = (*_SHOWN, "inchikeys", "numbers")
_TITLES = {
    "level_of_theory": "level of theory",
    "energy": "energy (kcal/mol)",
    "interaction_energy": "interaction energy (kcal/mol)",
}


@dataclass(frozen=True)
class RowFilter:
    """Which rows to show; empty entries let everything pass."""

    levels: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    text: str = ""  #: in the identifier, the InChIKeys, the source or the reason of a failure, in any case
    failures: bool | None = None  #: only failures, or only rows with a label


class RowPage(NamedTuple):
    """Some rows of those that fit."""

    n_fitting: int
    n_rows: int  #: of the whole store
    table: pd.DataFrame  #: column `row` counts from 1 through the store; energies in kcal/mol
    damaged: tuple[str, ...] = ()  #: why files of the store are left out


def rows(
    path: Path | str,
    chosen: RowFilter,
    *,
    start: int = 0,
    count: int = 100,
    progress: Callable[[int], None] | None = None,
) -> RowPage:
    """Rows `start` to `start + count` of those that fit; files that cannot be read are left out.

    Raises StoreError where there is no store.
    """
    fitting, seen = 0, 0
    damaged: list[str] = []
    parts: list[pd.DataFrame] = []
    for table in LabelStore(path, damaged).tables([COLUMN_OF[name] for name in _READ]):
        indices = np.flatnonzero(_fits(table, chosen))
        wanted = indices[max(0, start - fitting) : max(0, start + count - fitting)]
        if len(wanted):
            parts.append(_shown(table.take(pa.array(wanted)), seen + wanted + 1))
        fitting += len(indices)
        seen += len(table)
        if progress is not None:
            progress(seen)
    empty = pd.DataFrame(columns=["row", "atoms", *(_TITLES.get(name, name) for name in _SHOWN)])
    return RowPage(fitting, seen, pd.concat(parts, ignore_index=True) if parts else empty, tuple(damaged))


def _fits(table: pa.Table, chosen: RowFilter) -> np.ndarray:
    mask = pa.array(np.ones(len(table), dtype=bool))
    pairs = (("level_of_theory", chosen.levels), ("kind", chosen.kinds), ("detail", chosen.details))
    for name, values in pairs:
        if values:
            mask = pc.and_(mask, pc.is_in(table[COLUMN_OF[name]], value_set=pa.array(list(values))))
    if chosen.failures is not None:
        failed = pc.is_valid(table["failure"])
        mask = pc.and_(mask, failed if chosen.failures else pc.invert(failed))
    if text := chosen.text.strip():
        found = [_contains(table[name], text) for name in ("identifier", "source", "failure")]
        found.append(_contains(pc.binary_join(table["inchikeys"].combine_chunks(), " "), text))
        anywhere = found[0]
        for other in found[1:]:
            anywhere = pc.or_(anywhere, other)
        mask = pc.and_(mask, anywhere)
    result: np.ndarray = np.asarray(mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask)
    return result


def _contains(column: pa.Array | pa.ChunkedArray, text: str) -> pa.Array:
    return pc.fill_null(pc.match_substring(column, text, ignore_case=True), False)


def _shown(table: pa.Table, numbers: np.ndarray) -> pd.DataFrame:
    columns = {_TITLES.get(name, name): plain_values(name, table[COLUMN_OF[name]]) for name in _SHOWN}
    atoms = pc.list_value_length(table["numbers"]).to_pylist()
    return pd.DataFrame({"row": numbers, "atoms": atoms, **columns})


def label_at(path: Path | str, row: int) -> Label:
    """One row in full, counted from 1 through the store as in `rows`. Raises StoreError if there is none."""
    before = 0
    for file in LabelStore(path).files():
        found: int | None = None
        # A file that cannot be read counts as far as `rows` reads it.
        with suppress(StoreError):
            for number, table in enumerate(read_file(file, [COLUMN_OF["identifier"]])):
                if row <= before + len(table):
                    found = number
                    break
                before += len(table)
        if found is not None:
            return next(iter(from_table(_part_of(file, found).slice(row - before - 1, 1))))
    raise StoreError(f"The label store {path} has {counted(before, 'row')}, so there is no row {row:,}.")


def _part_of(file: Path, number: int) -> pa.Table:
    """The rows of one of the tables that `read_file` gives."""
    if file.suffix == ".parquet":
        with parquet_file(file) as parquet:
            return row_group(parquet, file, number)
    return next(islice(read_file(file), number, None))


def atom_table(label: Label) -> pd.DataFrame:
    """A row an atom: position (Angstrom), and what the label has of force (kcal/mol/Angstrom), charge (e), and kinetic
    energy (kcal/mol)."""
    table = pd.DataFrame(
        {
            "atom": np.arange(1, label.n_atoms + 1),
            "element": [SYMBOL_OF.get(int(number), f"Z={number}") for number in label.numbers],
        }
    )
    for name, unit, values in (("", "Å", label.positions), ("force ", "kcal/mol/Å", label.forces)):
        if values is not None:
            for axis, letter in enumerate("xyz"):
                table[f"{name}{letter} ({unit})"] = values[:, axis]
    if label.charges is not None:
        table[f"charge, {label.charge_scheme} (e)"] = label.charges
    if label.kinetic_atoms is not None:
        table["kinetic energy (kcal/mol)"] = label.kinetic_atoms
    return table


def summary_of(label: Label) -> pd.DataFrame:
    """What a row says beside its atoms: a line each, empty ones left out, units in the names."""
    largest = None if label.forces is None else float(np.linalg.norm(label.forces, axis=1).max())
    dipole = None if label.dipole is None else float(np.linalg.norm(label.dipole))
    kinetic = None
    if label.kinetic_atoms is not None and label.kinetic_bonds is not None and label.kinetic_nonbonded is not None:
        kinetic = float(label.kinetic_atoms.sum() + label.kinetic_bonds.sum() + label.kinetic_nonbonded)
    values: dict[str, object] = {
        "identifier": label.identifier,
        "InChIKey": " + ".join(label.inchikeys),
        "SMILES": label.smiles,
        "source": label.source,
        "kind": label.kind,
        "detail": label.detail,
        "level of theory": label.level_of_theory,
        "program": label.program,
        "energy (kcal/mol)": _number(label.energy),
        "interaction energy (kcal/mol)": _number(label.interaction_energy),
        "kinetic energy (kcal/mol)": _number(kinetic),
        "largest force (kcal/mol/Å)": _number(largest),
        "dipole (e Å)": _number(dipole),
        "counterpoise": None if label.counterpoise is None else "yes" if label.counterpoise else "no",
        "time of the calculation (s)": f"{label.seconds:.3g}",
        "failure": label.failure,
    }
    return pd.DataFrame(
        [(name, str(value)) for name, value in values.items() if value is not None], columns=["quantity", "value"]
    )


def _number(value: float | None) -> str | None:
    return None if value is None else fixed(value, 4)
