"""Several label stores made one: every row once, in large Parquet files, on request quantised to be small."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from virialff.access import require_write_access
from virialff.errors import StoreError
from virialff.files import sync_folder
from virialff.labels.schema import ARROW_SCHEMA, COLUMN_OF, SCALE_KEY, map_lists
from virialff.labels.store import LabelStore, write_parquet

#: Unit of the last digit of the columns that are quantised: Angstrom, kcal/mol/Angstrom.
SCALES = {COLUMN_OF["positions"]: "0.001", COLUMN_OF["forces"]: "0.1", COLUMN_OF["interaction_forces"]: "0.1"}
#: For a file that is written once: long row groups and a high level of zstd.
_QUANTISED_ROWS, _QUANTISED_LEVEL = 16_000, 19
_IDENTIFIER, _TASK, _SECONDS = COLUMN_OF["identifier"], COLUMN_OF["task"], COLUMN_OF["seconds"]


@dataclass(frozen=True)
class MergeResult:
    """What a merge wrote."""

    files: tuple[Path, ...]
    rows: int
    repeated: int  #: rows that the sources hold more than once, written once
    n_bytes: int  #: of all files together


def merge(
    sources: Sequence[Path | str], target: Path | str, *, rows_per_file: int = 100_000, quantise: bool = False
) -> MergeResult:
    """Write the rows of all `sources` (stores or Parquet files) to `target`, each identifier once, in their order.

    A `target` that ends in `.parquet` becomes one file, any other a folder of files of about `rows_per_file` rows, none
    of which ends within a task. It appears whole or not at all. `quantise` keeps positions to 1e-3 Angstrom and
    forces to 0.1 kcal/mol/Angstrom, the rest exactly. Rows that a campaign adds meanwhile are left out.

    Raises StoreError if `target` exists or cannot be written, and where rows of one identifier differ in more than
    the time they took; ReadOnlyError and AccessError where nothing may be written.
    """
    require_write_access("Merging label stores")
    target = Path(target)
    if target.exists():
        raise StoreError(f"{target} exists already: give another target, or remove it first.")
    single = target.suffix == ".parquet"
    folder = target.parent if single else target.with_name(f"{target.name}.partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The folder {folder} cannot be made: {error.strerror}.") from error

    rows = _DistinctRows([LabelStore(source) for source in sources])
    parts = [rows.tables()] if single else _cut(rows.tables(), rows_per_file)
    names = []
    try:
        for index, part in enumerate(parts):
            names.append(target.name if single else f"labels_{index:05d}.parquet")
            if quantise:
                tables = (quantised(table) for table in part)
                write_parquet(
                    folder / names[-1], tables, QUANTISED_SCHEMA, level=_QUANTISED_LEVEL, rows=_QUANTISED_ROWS
                )
            else:
                write_parquet(folder / names[-1], part)
        if not single:
            os.rename(folder, target)
            sync_folder(target.parent)
    finally:
        if not single:
            shutil.rmtree(folder, ignore_errors=True)
    files = tuple((target.parent if single else target) / name for name in names)
    return MergeResult(files, rows.written, rows.repeated, sum(path.stat().st_size for path in files))


def _quantised_field(field: pa.Field) -> pa.Field:
    if field.name not in SCALES:
        return field
    return pa.field(field.name, pa.list_(pa.int32()), field.nullable, metadata={SCALE_KEY: SCALES[field.name]})


QUANTISED_SCHEMA = pa.schema([_quantised_field(field) for field in ARROW_SCHEMA], ARROW_SCHEMA.metadata)


def quantised(table: pa.Table) -> pa.Table:
    """A table of ARROW_SCHEMA in QUANTISED_SCHEMA: values are rounded to the nearest multiple of their scale."""
    arrays = []
    for field in QUANTISED_SCHEMA:
        column = table[field.name]
        if field.name in SCALES:
            rounded = partial(_rounded, steps=round(1.0 / float(SCALES[field.name])))
            column = pa.chunked_array([map_lists(chunk, field.type, rounded) for chunk in column.chunks], field.type)
        arrays.append(column)
    return pa.Table.from_arrays(arrays, schema=QUANTISED_SCHEMA)


def _rounded(values: NDArray[np.floating[Any]], steps: int) -> NDArray[np.float64]:
    return np.rint(values.astype(np.float64) * steps)


class _DistinctRows:
    """The rows of some stores as they are now, each identifier once, with 8 bytes a row in memory."""

    def __init__(self, stores: Sequence[LabelStore]) -> None:
        self._stores = stores
        self.written = self.repeated = 0
        found = [_digests(table[_IDENTIFIER]) for store in stores for table in store.tables([_IDENTIFIER])]
        self._known, counts = np.unique(np.concatenate(found or [np.zeros(0, np.uint64)]), return_counts=True)
        self._several = self._known[counts > 1]

    def tables(self) -> Iterator[pa.Table]:
        contents: dict[str, bytes] = {}
        for store in self._stores:
            for table in store.tables():
                digests = _digests(table[_IDENTIFIER])
                keep = np.isin(digests, self._known)
                for row in np.flatnonzero(np.isin(digests, self._several)):
                    identifier, content = table[_IDENTIFIER][row].as_py(), _content(table.slice(row, 1))
                    known = contents.setdefault(identifier, content)
                    if known is content:
                        continue
                    if known != content:
                        raise StoreError(
                            f"The sources hold different rows of the identifier {identifier!r}, one of them in "
                            f"{store.path}: merge only stores of the same campaign."
                        )
                    keep[row] = False
                    self.repeated += 1
                self.written += int(keep.sum())
                yield table.filter(pa.array(keep))


def _digests(identifiers: pa.ChunkedArray) -> NDArray[np.uint64]:
    digests = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in identifiers.to_pylist())
    return np.frombuffer(b"".join(digests), dtype=np.uint64)


def _content(row: pa.Table) -> bytes:
    return hashlib.blake2b(repr(row.drop_columns([_SECONDS]).to_pylist()).encode(), digest_size=16).digest()


def _cut(tables: Iterable[pa.Table], rows_per_file: int) -> Iterator[Iterator[pa.Table]]:
    """The same rows in parts of at least `rows_per_file` rows, cut where a task ends; to be used up one by one."""
    source = iter(tables)
    waiting: list[pa.Table] = []

    def part() -> Iterator[pa.Table]:
        count, last = 0, None
        while True:
            table = waiting.pop() if waiting else next(source, None)
            if table is None:
                return
            tasks = table[_TASK].to_pylist()
            for row, task in enumerate(tasks):
                if count + row >= rows_per_file and task != (tasks[row - 1] if row else last):
                    waiting.append(table.slice(row))
                    yield table.slice(0, row)
                    return
            count += len(table)
            last = tasks[-1] if tasks else last
            yield table

    while True:
        if not waiting:
            table = next(source, None)
            if table is None:
                return
            waiting.append(table)
        yield part()
