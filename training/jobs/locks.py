"""Locks that live as long as the processes that hold them, however these end, and that can be asked for."""

import fcntl
import os
import struct
from pathlib import Path

#: struct flock of 64-bit Linux: type, whence, start, length, process.
_FLOCK = "hhqqi4x"
#: Length 0 means to the end of the file.
_WHOLE_FILE = (os.SEEK_SET, 0, 0, 0)


def share(path: Path) -> int:
    """Hold `path` together with others; returns the descriptor that holds it, also in processes that inherit it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW, struct.pack(_FLOCK, fcntl.F_RDLCK, *_WHOLE_FILE))
    return descriptor


def take(path: Path) -> int | None:
    """Hold `path` alone: the descriptor that holds it, also in processes that inherit it, or None if it is held."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, *_WHOLE_FILE))
    except (BlockingIOError, PermissionError):
        os.close(descriptor)
        return None
    return descriptor


def is_held(path: Path) -> bool:
    """Whether a process holds `path`. Nothing is locked by asking."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        asked = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, *_WHOLE_FILE))
    finally:
        os.close(descriptor)
    kind: int = struct.unpack(_FLOCK, asked)[0]
    return kind != fcntl.F_UNLCK
