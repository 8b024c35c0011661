"""An append-only file of label rows, whole tasks at a time, that a kill, a full disk or a power cut cannot spoil.

A record is a marker, the length of its content, the CRC-32 of its content and the content. The first holds the Arrow
schema, every other one the rows of one or more whole tasks as an Arrow record batch. Whatever follows the last whole
record is the torn rest of an append that did not finish, and is cut off when the journal is next opened for writing.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple, Self

import pyarrow as pa

from virialff.errors import StoreBusyError, StoreDamagedError, StoreError
from virialff.files import sync_folder
from virialff.labels.schema import ARROW_SCHEMA, Label, check_schema, fault_of_table, full_table, to_table
from virialff.locks import holder_of

_MARKER = b"\x89VLJ"
_HEADER = struct.Struct("<4sQI")


class _Record(NamedTuple):
    content: bytes
    end: int


class Journal:
    """A journal open for appending, held by this process alone. A context manager; closing keeps the file."""

    def __init__(self, path: Path, descriptor: int, end: int, tasks: set[str]) -> None:
        self.path = path
        self._descriptor = descriptor
        self._end = end
        self._tasks = tasks

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the journal at `path` and cut off a torn tail.

        Raises StoreBusyError while another process (or this one) has it open for appending, StoreDamagedError where
        whole records follow a damaged one, StoreSchemaError for a newer schema, StoreError if it cannot be written.
        """
        descriptor = _locked(path)
        try:
            with open(path, "rb") as file:
                if file.read(len(_MARKER)).strip(b"\0") not in (_MARKER[:n] for n in range(len(_MARKER) + 1)):
                    raise StoreDamagedError(f"{path} is no label journal and is left alone: move it out of the way.")
                end, tasks = 0, set[str]()
                for table, record in _tables(file, path, ["task"]):
                    end = record.end
                    tasks.update(table["task"].to_pylist() if table is not None else [])
            os.ftruncate(descriptor, end)
            journal = cls(path, descriptor, end, tasks)
            if end == 0:
                journal._write(ARROW_SCHEMA.serialize().to_pybytes())
                sync_folder(path.parent)
        except BaseException:
            os.close(descriptor)
            raise
        return journal

    @property
    def tasks(self) -> frozenset[str]:
        """Tasks whose rows are here."""
        return frozenset(self._tasks)

    def append(self, labels: Sequence[Label]) -> None:
        """Add all rows of one task, failures included; on return they are on the disk.

        Raises LabelError for a row that must not be stored and StoreError for rows that are not one new task with the
        identifiers "<task>/0", "<task>/1" and so on, or if they cannot be written; then none of them is kept.
        """
        self.append_tasks([labels])

    def append_tasks(self, tasks: Sequence[Sequence[Label]]) -> None:
        """Add several tasks, each as `append` does, by one write: all of them are kept or none."""
        new: set[str] = set()
        for labels in tasks:
            task = labels[0].task if labels else None
            if task is None or [label.identifier for label in labels] != [
                f"{task}/{row}" for row in range(len(labels))
            ]:
                raise StoreError(
                    f"The rows for {self.path} are not those of one task numbered from 0: append one task at a time."
                )
            if task in self._tasks or task in new:
                raise StoreError(f"The task {task!r} is in {self.path} already; a task is stored once.")
            new.add(task)
        table = to_table([label for labels in tasks for label in labels])
        self._write(table.combine_chunks().to_batches()[0].serialize().to_pybytes())
        self._tasks |= new

    def _write(self, content: bytes) -> None:
        record = memoryview(_HEADER.pack(_MARKER, len(content), zlib.crc32(content)) + content)
        try:
            written = 0
            while written < len(record):
                written += os.pwrite(self._descriptor, record[written:], self._end + written)
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, self._end)
            raise StoreError(
                f"The labels could not be written to {self.path} ({error.strerror}): make room and start again, "
                "everything stored before is kept."
            ) from error
        self._end += len(record)

    def remove(self) -> None:
        """Delete the file and close: its rows are elsewhere, or there are none."""
        self.path.unlink()
        self.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed or removed."""
        return self._descriptor < 0

    def close(self) -> None:
        """Let the journal go; another process may then open it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_journal(path: Path, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows of each task as a table of ARROW_SCHEMA, or of some of its columns, in the order they were appended.

    Needs no lock: rows that another process is appending are left out. Raises StoreDamagedError where whole records
    follow a damaged one, StoreSchemaError for a newer schema and FileNotFoundError.
    """
    with open(path, "rb") as file:
        for table, _ in _tables(file, path, columns):
            if table is not None:
                yield table


def torn_rest(path: Path) -> int:
    """Bytes after the last whole record, 0 while a process of this machine writes there.

    They are what a kill or a full disk left of an append, or damage to the last record: nobody can tell. Raises what
    `read_journal` raises.
    """
    with open(path, "rb") as file:
        end = 0
        for record in _records(file, path):
            end = record.end
        left = os.fstat(file.fileno()).st_size - end
    return 0 if left and holder_of(path) is not None else left


def _tables(file: BinaryIO, path: Path, columns: Sequence[str] | None) -> Iterator[tuple[pa.Table | None, _Record]]:
    """Each record and its rows; the first one, which holds the schema, has none."""
    schema = None
    for record in _records(file, path):
        try:
            if schema is None:
                schema = pa.ipc.read_schema(pa.BufferReader(record.content))
                check_schema(schema, str(path))
                yield None, record
                continue
            table = pa.Table.from_batches([pa.ipc.read_record_batch(pa.py_buffer(record.content), schema)])
            # Before anything looks at the values: lists may lead outside the record.
            table.validate(full=True)
            table = full_table(table)
        except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, OverflowError) as error:
            raise _damaged(path, record.end) from error
        if fault_of_table(table) is not None:
            raise _damaged(path, record.end)
        yield table if columns is None else table.select(columns), record


def _records(file: BinaryIO, path: Path) -> Iterator[_Record]:
    start = 0
    while True:
        record = _record(file, start)
        if record is None and _whole_record_after(file, start):
            # A writer that ran out of disk may just have taken back and written anew what was read here.
            record = _record(file, start)
            if record is None:
                raise _damaged(path, start)
        if record is None:
            return
        yield record
        start = record.end


def _record(file: BinaryIO, start: int) -> _Record | None:
    file.seek(start)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    marker, length, checksum = _HEADER.unpack(header)
    # The length is that of a damaged header until the rest has proved otherwise: never read by it alone.
    if marker != _MARKER or length > os.fstat(file.fileno()).st_size - file.tell():
        return None
    content = file.read(length)
    if len(content) < length or zlib.crc32(content) != checksum:
        return None
    return _Record(content, start + _HEADER.size + length)


def _whole_record_after(file: BinaryIO, start: int) -> bool:
    # Bytes that arrive from here on are the work of a living writer and no sign of damage.
    size = os.fstat(file.fileno()).st_size
    file.seek(start)
    rest = file.read(size - start)
    found = rest.find(_MARKER, 1)
    while found >= 0:
        record = _record(file, start + found)
        if record is not None and record.end <= size:
            return True
        found = rest.find(_MARKER, found + 1)
    return False


def _damaged(path: Path, offset: int) -> StoreDamagedError:
    return StoreDamagedError(
        f"The label journal {path} is damaged near byte {offset}, and whole rows follow: restore it from a copy, or "
        "delete it and run its part of the campaign again."
    )


def _locked(path: Path) -> int:
    """A descriptor of the file at `path` with an exclusive lock, which the system frees when the process ends."""
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"The label journal {path} cannot be opened for writing: {error.strerror}.") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The owner before may have removed the file between our opening and locking it.
            if _same_file(descriptor, path):
                return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            raise StoreBusyError(
                f"The part {path.stem!r} of the label store {path.parent} is being written by "
                f"{holder_of(path) or 'another process'}: wait for it, or write under another name."
            ) from error
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)
