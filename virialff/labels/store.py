"""A folder of labels that several processes write, each its own part, while others read.

The part NAME is the journal `NAME.journal` while it is being written and the Parquet file `NAME.parquet` once it is
finished. Where both are there the Parquet file holds all the rows: its writer died before it removed the journal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from virialff import seals
from virialff.errors import StoreDamagedError, StoreError
from virialff.files import replacing
from virialff.labels.journal import Journal, read_journal
from virialff.labels.schema import ARROW_SCHEMA, SCALE_KEY, Label, check_schema, fault_of_table, from_table, full_table
from virialff.text import reason_of

#: Rows that are held in memory at once.
ROWS_AT_ONCE = 2000
_JOURNAL, _PARQUET = ".journal", ".parquet"
#: What pyarrow raises of a damaged file, beside what it calls its own.
_UNREADABLE = (pa.ArrowException, OSError, ValueError, TypeError, LookupError, OverflowError, MemoryError)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class LabelStore:
    """The labels in a folder, or in one Parquet file. Opening it reads nothing; it need not exist to be written."""

    def __init__(self, path: Path | str, passed_over: list[str] | None = None) -> None:
        """passed_over: takes the reasons of files that cannot be read, which are left out then; None: they raise."""
        self.path = Path(path)
        self._passed_over = passed_over

    def files(self) -> list[Path]:
        """The files that hold the rows now, by name, each part once.

        Raises StoreError if there is nothing at the path.
        """
        if self.path.is_file():
            return [self.path]
        if not self.path.is_dir():
            raise StoreError(f"There is no label store at {self.path}: give the folder of one, or a Parquet file.")
        parts = {path.stem: path for path in self.path.glob(f"*{_JOURNAL}")}
        parts |= {path.stem: path for path in self.path.glob(f"*{_PARQUET}")}
        return [parts[name] for name in sorted(parts)]

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """All rows as tables of ARROW_SCHEMA, or of some of its columns, of at most a few thousand rows each.

        Raises StoreDamagedError and StoreSchemaError, which name the file.
        """
        for path in self.files():
            with self._passing_over():
                yield from read_file(path, columns)

    def n_rows(self) -> int:
        """How many rows there are, by what the files say of themselves; journals are counted."""
        total = 0
        for path in self.files():
            with self._passing_over():
                if path.suffix == _PARQUET:
                    with reading(path), pq.ParquetFile(path) as file:
                        total += file.metadata.num_rows
                else:
                    total += sum(len(table) for table in read_file(path, ["task"]))
        return total

    @contextmanager
    def _passing_over(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            if self._passed_over is None:
                raise
            if str(error) not in self._passed_over:
                self._passed_over.append(str(error))

    def labels(self) -> Iterator[Label]:
        """All rows, a batch of them in memory at a time. Raises what `tables` raises."""
        for table in self.tables():
            yield from from_table(table)

    def tasks(self) -> set[str]:
        """The names of all tasks that have rows."""
        return {task for table in self.tables(["task"]) for task in table["task"].unique().to_pylist()}

    def writer(self, name: str) -> Writer:
        """Open the part `name` for writing; the folder is made if need be.

        Raises StoreBusyError while another process writes it, and StoreError if it cannot be written.
        """
        if not _NAME.fullmatch(name):
            raise StoreError(f"{name!r} cannot be the name of a part of a label store: use letters, digits, _ - and .")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"The label store {self.path} cannot be made: {error.strerror}.") from error
        return Writer(self.path, name)


class Writer:
    """One part of a store, open for writing by this process alone. Leaving the context keeps what was appended."""

    def __init__(self, folder: Path, name: str) -> None:
        self._parquet = folder / f"{name}{_PARQUET}"
        self._journal = Journal.open(folder / f"{name}{_JOURNAL}")
        #: Whether the part is complete: there is nothing more to append to it.
        self.finished = self._parquet.exists()
        if self.finished:
            self._journal.remove()
            tables = read_file(self._parquet, ["task"])
            self._tasks = frozenset(task for table in tables for task in table["task"].to_pylist())

    @property
    def tasks(self) -> frozenset[str]:
        """Tasks whose rows are in this part already."""
        return self._tasks if self.finished else self._journal.tasks

    def append(self, labels: Sequence[Label]) -> None:
        """Add all rows of one task; on return they are on the disk.

        Raises LabelError and StoreError as `Journal.append` does, and StoreError for a part that is finished.
        """
        self.append_tasks([labels])

    def append_tasks(self, tasks: Sequence[Sequence[Label]]) -> None:
        """Add all rows of several tasks at once: all are on the disk on return, or none. Raises as `append` does."""
        if self.finished:
            raise StoreError(f"{self._parquet} is finished: write further labels under another name.")
        self._journal.append_tasks(tasks)

    def finish(self) -> None:
        """Turn the journal into the Parquet file of this part, at once for every reader.

        Raises StoreError if it cannot be written; the journal then keeps every row, and the next attempt may succeed.
        """
        if self.finished:
            return
        write_parquet(self._parquet, read_journal(self._journal.path))
        self._tasks = self._journal.tasks
        self.finished = True
        self._journal.remove()

    def close(self) -> None:
        """Let the part go. A journal without any rows is removed."""
        if not self.finished and not self._journal.tasks and not self._journal.closed:
            self._journal.remove()
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_file(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of one Parquet file or journal, as `LabelStore.tables` gives them."""
    if path.suffix == _JOURNAL:
        try:
            yield from _gathered(read_journal(path, columns), ROWS_AT_ONCE)
            return
        except FileNotFoundError:
            # Its writer has just finished it, or has let it go without a row.
            path = path.with_suffix(_PARQUET)
            if not path.exists():
                return
    with reading(path):
        if (damage := seals.problem(path)) is not None:
            raise _damaged(path, damage)
        with parquet_file(path) as file:
            for group in range(file.num_row_groups):
                yield row_group(file, path, group, columns)


@contextmanager
def parquet_file(path: Path) -> Iterator[pq.ParquetFile]:
    """A Parquet file of labels, open for reading: its pages are held against their checksums as they are read.

    Raises StoreSchemaError for a file without labels, and what `reading` raises.
    """
    with reading(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        check_schema(file.schema_arrow, str(path))
        yield file


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises for a file that cannot be read into StoreError and StoreDamagedError."""
    try:
        yield
    except FileNotFoundError as error:
        raise StoreError(f"There is no label file {path}.") from error
    except PermissionError as error:
        raise StoreError(f"The label file {path} may not be read: {error.strerror}.") from error
    except _UNREADABLE as error:
        raise _damaged(path, reason_of(error)) from error


def row_group(file: pq.ParquetFile, path: Path, group: int, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of one group of `parquet_file`, in full. Raises StoreDamagedError and what pyarrow raises."""
    table = full_table(file.read_row_group(group, columns=None if columns is None else list(columns)))
    if (fault := fault_of_table(table)) is not None:
        raise _damaged(path, fault)
    return table


def _damaged(path: Path, reason: str) -> StoreDamagedError:
    return StoreDamagedError(
        f"The label file {path} is damaged ({reason}): restore it from a copy, or delete it and run its part of the "
        "campaign again."
    )


def _gathered(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of about `rows` rows."""
    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        if sum(len(part) for part in waiting) >= rows:
            yield pa.concat_tables(waiting).combine_chunks()
            waiting = []
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def write_parquet(
    path: Path,
    tables: Iterable[pa.Table],
    schema: pa.Schema = ARROW_SCHEMA,
    *,
    level: int = 3,
    rows: int = ROWS_AT_ONCE,
) -> None:
    """Write tables of `schema` to a Parquet file that appears whole or not at all.

    `level` is that of zstd, `rows` the number of rows of a row group, which a reader holds in memory.

    Raises StoreError if it cannot be written (a full disk); nothing is left behind.
    """
    dictionary, split = _encodings(schema)
    try:
        with replacing(path) as file:
            with pq.ParquetWriter(
                file,
                schema,
                compression="zstd",
                compression_level=level,
                use_dictionary=dictionary,
                column_encoding=dict.fromkeys(split, "BYTE_STREAM_SPLIT"),
                write_page_checksum=True,
            ) as writer:
                for table in _gathered(tables, rows):
                    writer.write_table(table)
            seals.seal_footer(file, b"PAR1")
    except OSError as error:
        raise StoreError(
            f"The label file {path} could not be written ({error.strerror or error}): make room and start again, "
            "everything stored before is kept."
        ) from error


def _encodings(schema: pa.Schema) -> tuple[list[str], list[str]]:
    """Leaf columns whose values repeat, and leaf columns of measured numbers, whose bytes compress one by one."""
    repeating, measured = [], []
    for field in schema:
        is_list = pa.types.is_list(field.type)
        values = field.type.value_type if is_list else field.type
        leaf = f"{field.name}.list.element" if is_list else field.name
        quantised = SCALE_KEY.encode() in (field.metadata or {})
        if quantised or (pa.types.is_floating(values) and field.name != "orders"):
            measured.append(leaf)
        elif not pa.types.is_boolean(values):
            repeating.append(leaf)
    return repeating, measured
