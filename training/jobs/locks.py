"""Locks that live as long as the processes that hold them, however these end, and that can be asked for."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from virialff.errors import JobError
from virialff.files import disk_problem
from virialff.locks import this_process

#: struct flock of 64-bit Linux: type, whence, start, length (0: to the end of the file), process.
_FLOCK = "hhqqi4x"
#: What this process is `holding`.
_ours: set[Path] = set()


def share(path: Path) -> int:
    """Hold `path` together with others; returns the descriptor that holds it, also in processes that inherit it."""
    descriptor = _open(path)
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW, _flock(fcntl.F_RDLCK))
    return descriptor


def take(path: Path, *, wanted: int = 1, places: int = 1) -> int | None:
    """Hold `wanted` of the `places` that a file stands for, alone: the descriptor that holds them, also in processes
    that inherit it, or None if so many are not free."""
    descriptor = _open(path)
    held = 0
    for place in range(places):
        try:
            fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, place, 1))
        except (BlockingIOError, PermissionError):
            continue
        held += 1
        if held == wanted:
            return descriptor
    os.close(descriptor)
    return None


def is_held(path: Path) -> bool:
    """Whether a process holds `path`, or some of its places. Nothing is locked by asking."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        asked = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK))
    finally:
        os.close(descriptor)
    kind: int = struct.unpack(_FLOCK, asked)[0]
    return kind != fcntl.F_UNLCK


@contextmanager
def holding(path: Path, what: str, *, remove: bool = False) -> Iterator[None]:
    """Hold `path` alone during the block, with the name of this process in it; blocks of one process may be nested.

    remove: take the file away in the end. Raises JobError with number, user and machine of the process that holds it
    and since when, and for a folder that cannot be written; `what` begins the sentence.
    """
    if path.absolute() in _ours:
        yield
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while (descriptor := take(path)) is not None and not _is_at(descriptor, path):
            # Its holder has just removed it.
            os.close(descriptor)
        if descriptor is None:
            holder = _named_in(path) or "another process"
            raise JobError(f"{what} is in the hands of {holder}: wait for its end, or stop it.")
        try:
            os.truncate(descriptor, 0)
            os.write(descriptor, f"{this_process()}\n".encode())
        except OSError:
            os.close(descriptor)
            raise
    except OSError as error:
        raise JobError(f"{what} cannot be written: {disk_problem(error)}.") from error
    _ours.add(path.absolute())
    try:
        yield
    finally:
        _ours.discard(path.absolute())
        if remove:
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _named_in(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return " ".join(file.read(500).decode(errors="replace").split())
    except FileNotFoundError:
        return ""


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _flock(kind: int, start: int = 0, length: int = 0) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, start, length, 0)
