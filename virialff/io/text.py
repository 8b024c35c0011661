"""Lines of text from a file as people have them: compressed or not, in any of the usual encodings and line ends."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Generator, Iterator, Mapping
from os import PathLike
from types import MappingProxyType
from typing import IO, Any, NamedTuple

from virialff.errors import UnreadableRecordError
from virialff.io.inflate import GZIP_MARK, Inflated
from virialff.molecules.molecule import Molecule
from virialff.text import reason_of, shortened, without_control

#: Longest line that is read; beyond lies no molecule but a file of another kind.
MAX_LINE_CHARACTERS = 1_000_000
#: Most blank lines in a row.
MAX_BLANK_LINES = 100_000
_MAX_TITLE_CHARACTERS = 60
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Record(NamedTuple):
    """One record of a file: its title, how to make its molecule (which may raise a MoleculeError), and its data.

    portable: whether `make` can be sent to another process, and gives no coordinates.
    """

    title: str
    make: Callable[[], Molecule]
    fields: Mapping[str, str] = MappingProxyType({})
    portable: bool = False


def clean_title(text: str) -> str:
    """A record's title on one line, short enough for a message."""
    words = " ".join(without_control(text, " ").split())
    return shortened(words, _MAX_TITLE_CHARACTERS)


def open_lines(source: str | PathLike[str] | IO[bytes] | IO[str]) -> Generator[str, None, None]:
    """The lines of a file without their ends.

    A path is opened at once, which may raise OSError; UnreadableRecordError comes while reading what is not text.
    It is closed at its end or with the generator.
    A file object is read from where it stands and stays open.
    """
    if isinstance(source, (str, PathLike)):
        return _lines(open(source, "rb"))
    binary = getattr(source, "buffer", source)
    if isinstance(binary, io.TextIOBase):
        return _split_ends(iter(binary))
    return _lines(io.BufferedReader(_Borrowed(binary)))


class _Borrowed(io.RawIOBase):
    """A file object that is read but never closed."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _lines(file: io.BufferedReader) -> Generator[str, None, None]:
    with file:
        packed = file.peek(2)[:2] == GZIP_MARK
        stream: Any = io.BufferedReader(Inflated(file)) if packed else file
        yield from _split_ends(_decoded(stream))


def _decoded(stream: Any) -> Iterator[str]:
    """Lines in UTF-16 where the file is marked so, else each in UTF-8 or, where it is not, in Latin-1."""
    if stream.peek(2)[:2] in _UTF16_MARKS:
        try:
            with io.TextIOWrapper(stream, encoding="utf-16") as text:
                while line := text.readline(MAX_LINE_CHARACTERS + 1):
                    yield line
        except UnicodeError as error:
            raise UnreadableRecordError(
                f"the file is marked as UTF-16 but is not ({reason_of(error)}); save it as UTF-8"
            ) from None
        return
    mark = codecs.BOM_UTF8
    while data := stream.readline(MAX_LINE_CHARACTERS + 1):
        data, mark = data.removeprefix(mark), b""
        try:
            yield data.decode("utf-8")
        except UnicodeDecodeError:
            yield data.decode("latin-1")


def _split_ends(lines: Iterator[str]) -> Generator[str, None, None]:
    n_blank = 0
    for line in lines:
        n_blank = n_blank + 1 if line.isspace() else 0
        if n_blank > MAX_BLANK_LINES:
            raise UnreadableRecordError(
                f"the file has more than {MAX_BLANK_LINES} blank lines in a row; it is no file of molecules"
            )
        if len(line) > MAX_LINE_CHARACTERS:
            raise UnreadableRecordError(
                f"the file has a line of more than {MAX_LINE_CHARACTERS} characters; it is no file of molecules"
            )
        if "\0" in line:
            raise UnreadableRecordError("the file is not text; give SMILES, CSV, SDF, MOL, XYZ or PDB")
        # A lone carriage return ends lines in files of old Macintosh programs.
        yield from line.rstrip("\r\n").split("\r")
