"""Parquet tables with a row a geometry: those of a label store, or any with columns that are named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from virialff.errors import DatasetError, UnreadableRecordError
from virialff.io.xyz import Perceiver
from virialff.labels.formats.entry import (
    MAX_ATOMS,
    SMILES,
    Budget,
    Entry,
    Fields,
    damaged,
    energy_unit,
    entry_of,
    length_unit,
    mapped,
    said_in,
)
from virialff.labels.schema import COLUMN_OF, SCALE_KEY, Label, full_array, to_table
from virialff.labels.store import ROWS_AT_ONCE, write_parquet
from virialff.units import ENERGY_UNITS

PACKED = False
_ROWS = 256


def read(path: Path, fields: Fields, budget: Budget) -> Iterator[Entry]:
    """The rows of a table. Raises OSError and DatasetError: for one without the columns, too."""
    columns = {
        "numbers": fields.numbers or COLUMN_OF["numbers"],
        "positions": fields.positions or COLUMN_OF["positions"],
        "energy": fields.energy or COLUMN_OF["energy"],
    }
    unit = energy_unit(fields.unit, "kcal/mol")
    length = length_unit(fields.length, "angstrom")
    perceiver = Perceiver(MAX_ATOMS)
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            lacking = [f"{what} (column {name!r})" for what, name in columns.items() if name not in names]
            if lacking:
                raise DatasetError(
                    f"The table {path} has no {lacking[0]}: its columns are {', '.join(names[:20])}; name the one."
                )
            optional = (fields.forces or COLUMN_OF["forces"], fields.smiles or SMILES, fields.level, "kind", "source")
            others = [name for name in (*optional, COLUMN_OF["level_of_theory"], "program") if name in names]
            wanted = list(dict.fromkeys((*columns.values(), *others)))
            _check_groups(path, file, budget)
            for batch in file.iter_batches(_ROWS, columns=wanted):
                for row in _decoded(batch).to_pylist():
                    number += 1
                    yield entry_of(
                        f"row {number}",
                        perceiver,
                        partial(_atoms, row[columns["numbers"]], row[columns["positions"]]),
                        energy=row[columns["energy"]],
                        unit=unit,
                        length=length,
                        forces=partial(_forces, row.get(optional[0])),
                        force_scale=ENERGY_UNITS[unit].in_kcal_mol / length,
                        smiles=mapped(row.get(optional[1])),
                        said=said_in(row, fields),
                    )
    except pa.ArrowException as error:
        raise damaged(path, "Parquet table", error) from error


def _decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same rows, quantised columns of a label store in their units."""
    columns = [
        full_array(field, batch.column(index)) if SCALE_KEY.encode() in (field.metadata or {}) else batch.column(index)
        for index, field in enumerate(batch.schema)
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _check_groups(path: Path, file: pq.ParquetFile, budget: Budget) -> None:
    """Raise DatasetError where rows that must be in memory together are too many, however small they are packed."""
    for index in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(index)
        largest = max((group.column(k).num_values for k in range(group.num_columns)), default=0)
        if 8 * largest > budget.piece_bytes:
            raise DatasetError(
                f"The table {path} has a row group with {largest} values of a column: write smaller row groups."
            )


def _atoms(numbers: Any, positions: Any) -> tuple[Any, Any]:
    if numbers is None or positions is None:
        raise UnreadableRecordError("it has no atomic numbers or no positions; fill them in")
    return numbers, _flat(positions)


def _forces(values: Any) -> Any:
    return None if values is None else _flat(values)


def _flat(values: Any) -> Any:
    """Numbers of a list, or of a list of rows."""
    if isinstance(values, list) and values and isinstance(values[0], list):
        return [number for row in values for number in row or [np.nan]]
    return values


def write(path: Path, labels: Iterable[Label]) -> None:
    """Write labels as the one file of a label store, with everything that their rows hold."""
    write_parquet(path, (to_table(part) for part in _parts(labels)))


def _parts(labels: Iterable[Label]) -> Iterator[list[Label]]:
    """Rows, as many at once as a row group has."""
    waiting: list[Label] = []
    for label in labels:
        waiting.append(label)
        if len(waiting) == ROWS_AT_ONCE:
            yield waiting
            waiting = []
    if waiting:
        yield waiting
