"""Checksums that files of our own carry, other than JSON: a few bytes that other readers of their formats pass over.

Parquet files, Arrow files and the zip archives of torch are read from their end. Where they have room that no reader
looks at, a mark stands with the CRC-32 of everything else. A file without the mark is taken as it is: it is older.
"""

from __future__ import annotations

import io
import mmap
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

_MARK = b"virialff crc32 "
_DIGITS = 8
#: Length of what is put before a footer, so that what follows keeps its alignment.
_BLOCK = 64
#: The mark stands before a footer, which is shorter than this.
_TAIL = 16 * 2**20
_PART = 2**20
#: End of a zip archive: its record without a comment ends in the length of that, 0.
_ZIP_END, _ZIP_LENGTH = b"PK\x05\x06", 22


def seal_footer(file: BinaryIO, magic: bytes) -> None:
    """Put a checksum before the footer of a whole Parquet ("PAR1") or Arrow ("ARROW1") file open for both.

    Raises OSError where the disk does.
    """
    after = struct.calcsize("<i") + len(magic)
    file.flush()
    file.seek(-after, os.SEEK_END)
    length = struct.unpack("<i", file.read(after)[: -len(magic)])[0]
    start = file.seek(-after - length, os.SEEK_END)
    footer = file.read()
    # Aligned as it was: flatbuffers are refused otherwise.
    block = _MARK + b"0" * _DIGITS
    file.seek(start)
    file.write(block.ljust(_BLOCK, b"\n") + footer)
    file.flush()
    file.seek(0)
    digits = _of_stream(file, start + len(_MARK))
    file.seek(start + len(_MARK))
    file.write(digits)
    file.flush()


def seal_zip(archive: io.BytesIO) -> None:
    """Put a checksum as its comment at the end of a zip archive without one. Raises ValueError where it is none."""
    archive.seek(-_ZIP_LENGTH, os.SEEK_END)
    if archive.read(len(_ZIP_END)) != _ZIP_END:
        raise ValueError("it does not end as a zip archive without a comment")
    length = struct.pack("<H", len(_MARK) + _DIGITS)
    archive.seek(-len(length), os.SEEK_END)
    archive.write(length + _MARK)
    at = archive.tell()
    archive.seek(0)
    digits = _of_stream(archive, at)
    archive.seek(at)
    archive.write(digits)


def sealed_text(text: bytes) -> bytes:
    """A text whose comments begin with #, with its checksum in a comment at its end."""
    content = text + (b"" if text.endswith(b"\n") else b"\n") + b"# " + _MARK
    return content + _of_stream(io.BytesIO(content + b"0" * _DIGITS + b"\n"), len(content)) + b"\n"


def problem_in(content: bytes) -> str | None:
    """Why the content of a file is damaged by the checksum it carries, as `problem` says it of a file."""
    found = content.rfind(_MARK)
    if found < 0:
        return None
    at = found + len(_MARK)
    return _compared(content[at : at + _DIGITS], _of_stream(io.BytesIO(content), at))


def problem(path: Path) -> str | None:
    """Why a file is damaged by the checksum it carries, as the end of a sentence; None if it has none or fits it.

    Raises OSError where it cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < len(_MARK):
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = content.rfind(_MARK, max(0, size - _TAIL))
            if found < 0:
                return None
            at = found + len(_MARK)
            stored = content[at : at + _DIGITS]
        actual = _of_stream(file, at)
    return _compared(stored, actual)


def _compared(stored: bytes, actual: bytes) -> str | None:
    return None if stored == actual else "its content is not that of its checksum"


def _of_stream(file: BinaryIO | io.BytesIO, without: int) -> bytes:
    """The CRC-32 of a file from here on as hexadecimal digits, without those at one place."""
    checksum = zlib.crc32(b"")
    at = file.tell()
    while at < without:
        part = file.read(min(_PART, without - at))
        if not part:
            break
        checksum = zlib.crc32(part, checksum)
        at += len(part)
    file.seek(without + _DIGITS)
    while part := file.read(_PART):
        checksum = zlib.crc32(part, checksum)
    return f"{checksum:08x}".encode()
