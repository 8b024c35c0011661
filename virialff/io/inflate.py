"""Compressed files, as far as the size of what is in them is believable: the one place that inflates what is read."""

from __future__ import annotations

import contextlib
import gzip
import io
import zipfile
import zlib
from typing import Any, BinaryIO

from virialff.errors import UnreadableRecordError
from virialff.text import reason_of

#: Bytes that a compressed file may grow to, whatever its size, and beyond that for each of its own bytes.
MAX_INFLATED_BYTES = 20_000_000
MAX_INFLATION = 50
GZIP_MARK = b"\x1f\x8b"


class Inflated(io.RawIOBase):
    """The content of a gzip file, read from where the file stands.

    Raises UnreadableRecordError for one that is damaged, and for one that grows beyond the limits above.
    """

    def __init__(self, file: BinaryIO | io.BufferedReader) -> None:
        self._stream = gzip.GzipFile(fileobj=file, mode="rb")
        self._compressed = file
        self._n_bytes = self._n_before = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read1(self, size: int) -> bytes:
        """At most so many bytes: what there is, so that nothing whole before a cut is lost."""
        try:
            data = self._stream.read1(size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UnreadableRecordError(
                f"the compressed file is damaged ({reason_of(error)}); compress it again"
            ) from None
        self._n_bytes += len(data)
        if self._n_bytes > MAX_INFLATED_BYTES + MAX_INFLATION * self._read():
            raise UnreadableRecordError(
                f"the compressed file grows to more than {self._n_bytes // 1_000_000} MB, {MAX_INFLATION} times its "
                "size; unpack it, look at what is in it, and give that"
            )
        return data

    def _read(self) -> int:
        with contextlib.suppress(OSError):  # a pipe has no position
            self._n_before = self._compressed.tell()
        return self._n_before


def unpacked(data: bytes) -> dict[str, bytes]:
    """The files of a ZIP archive by their paths in it, within the same limits; folders are left out.

    Raises UnreadableRecordError for an archive that is damaged, encrypted or grows too much.
    """
    most = MAX_INFLATED_BYTES + MAX_INFLATION * len(data)
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                with archive.open(entry) as file:
                    # The size that an archive announces may be wrong.
                    found[entry.filename] = file.read(most + 1)
                most -= len(found[entry.filename])
                if most < 0:
                    raise UnreadableRecordError(
                        f"the archive grows to more than {MAX_INFLATION} times its size; unpack it, look at what is in "
                        "it, and give that"
                    )
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise UnreadableRecordError(
            f"the archive cannot be unpacked ({reason_of(error)}); pack it again as .zip"
        ) from None
    return found
