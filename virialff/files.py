"""Files that are replaced as a whole, and what users may call them."""

import errno
import os
import re
import secrets
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

#: What users may call what becomes a folder of ours, such as a model or a run.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: End of the names of files that are not whole yet.
PARTIAL = ".partial"
#: After this time without a change a partial file is what a killed writer left.
_LEFT_SECONDS = 3600.0
#: In the name of a partial file: machine, process and a number of its own.
_WRITER = r"[0-9a-f]{8}-[0-9]+-[0-9a-f]{8}"


def name_problem(name: str, what: str) -> str | None:
    """Why `what` ("model", "run") cannot have this name, as a sentence, or None."""
    if NAME.fullmatch(name):
        return None
    return f"{name!r} cannot name a {what}; use up to 64 letters, digits, '.', '_' and '-', the first a letter or digit"


def as_name(text: str, otherwise: str) -> str:
    """A name made of any text, short enough for a number after it; `otherwise` where nothing of the text is left."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip("._-")[:60].rstrip("-") or otherwise


def replace_file(path: Path, content: bytes | memoryview) -> None:
    """Write `path` so that it is there whole or, whatever goes wrong, as it was before.

    On return it outlives a power cut. Several processes and threads may write the same file: the last one counts.
    Raises OSError where the disk does.
    """
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file open for writing and reading that takes the place of `path` when the block ends without an error.

    What it held is lost after an error, and `path` stays as it was. Raises OSError where the disk does.
    """
    _remove_left(path)
    partial = path.with_name(f"{path.name}.{_machine()}-{os.getpid()}-{secrets.token_hex(4)}{PARTIAL}")
    try:
        with partial.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names just given or removed in `folder` survive a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@cache
def _machine() -> str:
    """Tells apart the systems that may write one folder, as each numbers its processes: machines, containers, boots."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts += [Path("/proc/sys/kernel/random/boot_id").read_text(), os.readlink("/proc/self/ns/pid")]
    return f"{zlib.crc32(' '.join(parts).encode()):08x}"


def _remove_left(path: Path) -> None:
    """Remove what writers of this file that were killed have left."""
    # Version 0.1 wrote without the writer.
    name = re.compile(rf"{re.escape(path.name)}(?:[.]({_WRITER}))?{re.escape(PARTIAL)}")
    with suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if (found := name.fullmatch(entry.name)) is not None and _is_left(entry, found[1]):
                with suppress(OSError):
                    os.unlink(entry.path)


def _is_left(entry: os.DirEntry[str], writer: str | None) -> bool:
    """Whether the writer is gone; of another machine, whether nobody has written there for long."""
    if writer is None:
        return True
    machine, process, _ = writer.split("-")
    try:
        if machine == _machine():
            os.kill(int(process), 0)
        return time.time() - entry.stat().st_mtime > _LEFT_SECONDS
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False


#: What to do about what the system says.
_REMEDIES = {
    errno.ENOSPC: "make room and try again",
    errno.EDQUOT: "make room and try again",
    errno.EFBIG: "choose a folder that takes larger files",
    errno.EACCES: "allow it, or choose another folder",
    errno.EPERM: "allow it, or choose another folder",
    errno.EROFS: "choose a folder that can be written",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EMFILE: "close other programs and try again",
    errno.ENFILE: "close other programs and try again",
    errno.EIO: "see to the disk, or choose another",
}


def disk_problem(error: OSError) -> str:
    """What went wrong with which file and what to do, as a sentence without its period."""
    reason = error.strerror or str(error)
    if (remedy := _REMEDIES.get(error.errno or 0)) is not None:
        reason = f"{reason}; {remedy}"
    name = error.filename if error.filename2 is None else error.filename2
    if name is None or isinstance(name, int):
        return f"a file cannot be read or written: {reason}"
    text = os.fsdecode(name)
    # The partial file is no business of who reads this.
    return f"{re.sub(rf'[.]{_WRITER}{re.escape(PARTIAL)}$', '', text)}: {reason}"
