"""Files that commands write: the suffix of a name says in which form, and what a command cannot give is refused."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from virialff.commands.parser import UsageError
from virialff.errors import ConfigError
from virialff.text import printable

if TYPE_CHECKING:
    import pandas as pd

#: What a file is made of, and what a part of it is on its way there: bytes, or rows of a table.
Content: TypeAlias = "pd.DataFrame | Sequence[Mapping[str, Any]] | str"
Piece: TypeAlias = "bytes | pd.DataFrame"

#: Forms of a table.
TABLES = ("csv", "tsv", "parquet")
#: Forms of JSON: one array, or an object a line.
DOCUMENTS = ("json", "jsonl")
#: Forms of geometries.
STRUCTURES = ("sdf", "xyz")
_ALIASES = {"sd": "sdf", "ndjson": "jsonl", "pq": "parquet"}
#: Standard output.
PRINTED = "-"


def form_of(path: str, forms: Sequence[str], option: str = "-o/--output") -> str:
    """The form that a file's name asks for: its suffix, also before .gz; the first form without one and for "-".

    Raises UsageError for a form that is not among `forms`, and ConfigError where there is no such folder.
    """
    if path == PRINTED:
        return forms[0]
    file = Path(path)
    suffix = (file.with_suffix("") if file.suffix.lower() == ".gz" else file).suffix.lstrip(".").lower()
    form = _ALIASES.get(suffix, suffix) or forms[0]
    if form not in forms or (form == "parquet" and file.suffix.lower() == ".gz"):
        written = ", ".join(f".{form}" for form in forms)
        packed = ", those of text also with .gz" if forms != ("parquet",) else ""
        raise UsageError(f"argument {option}: {path}: .{suffix or 'gz'} is not written here, only {written}{packed}")
    if file.is_dir():
        raise ConfigError(f"{path} cannot be written: it is a folder")
    if not file.parent.is_dir():
        raise ConfigError(f"{path} cannot be written: there is no folder {file.parent}")
    return form


def require_folder(path: str | Path, also: Sequence[str] = (), option: str = "-o/--output") -> None:
    """Raise UsageError where a folder is to be written and the name has the suffix of a file, but those of `also`."""
    suffix = Path(path).suffix.lstrip(".").lower()
    if _ALIASES.get(suffix, suffix) in (*TABLES, *DOCUMENTS, *STRUCTURES) and suffix not in also:
        one = "".join(f", or one .{form} file" for form in also)
        raise UsageError(f"argument {option}: {path}: .{suffix} is not written here, only a folder{one}")


def write(path: str, form: str, content: Content) -> None:
    """Write a table, JSON-ready documents or text in one of the forms, whole or not at all; "-" prints it.

    Raises ConfigError where that cannot be.
    """
    with Output(path, form) as output:
        output.add(encoded(form, content))


def encoded(form: str, content: Content) -> Piece:
    """A table, JSON-ready documents or text as a piece of a file of this form."""
    encode: Callable[[Any], Piece] = _ENCODERS.get(form, _text)
    return encode(content)


class Output:
    """A file that is written in pieces and takes its name when this context ends without an error; "-" prints them.

    Tables of CSV and Parquet must have the same columns in each piece. A Parquet file of fewer than `ROWS` rows is
    written at once. Raises ConfigError where it cannot be written.
    """

    #: Rows of a table that are held until they are written together.
    ROWS = 2**18

    def __init__(self, path: str, form: str) -> None:
        self._path, self._form = path, form
        self._context = contextlib.ExitStack()
        self._file: IO[bytes] | None = None
        self._packer: Any = None
        self._head = b""
        self._frames: list[pd.DataFrame] = []
        self._rows = 0
        self._parquet: Any = None

    def __enter__(self) -> Output:
        return self

    def add(self, piece: Piece) -> None:
        """Write what `encoded` gave."""
        if not isinstance(piece, bytes):
            self._frames.append(piece)
            self._rows += len(piece)
            if self._rows >= self.ROWS:
                self._write_rows()
            return
        first = self._file is None
        if self._form in ("csv", "tsv"):
            head, _, rest = piece.partition(b"\n")
            assert first or head == self._head, "the columns of a table changed"
            self._head, piece = head, piece if first else rest
        elif self._form == "json":
            # An array of all: its brackets come first and last.
            piece = (b"[\n" if first else b",\n") + piece[2:-3]
        self._write(piece)

    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> None:
        if kind is not None:
            self._context.__exit__(kind, *error)
            return
        try:
            if self._form == "json" and self._file is not None:
                self._write(b"\n]\n")
            if self._frames and self._parquet is None:
                self._write(_parquet(self._rows_held()))
            elif self._frames:
                self._write_rows()
            if self._parquet is not None:
                self._parquet.close()
            if self._packer is not None:
                self._opened().write(self._packer.flush())
        except BaseException:
            self._context.__exit__(*sys.exc_info())
            raise
        with self._sentence():
            self._context.close()

    def _rows_held(self) -> pd.DataFrame:
        import pandas as pd

        table = pd.concat(self._frames, ignore_index=True)
        self._frames, self._rows = [], 0
        return table

    def _write_rows(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        known = None if self._parquet is None else self._parquet.schema
        table = pa.Table.from_pandas(self._rows_held(), schema=known, preserve_index=False)
        with self._sentence():
            if self._parquet is None:
                self._parquet = pq.ParquetWriter(self._opened(), table.schema)
            self._parquet.write_table(table)

    def _write(self, data: bytes) -> None:
        if self._path == PRINTED:
            sys.stdout.flush()
            sys.stdout.write(data.decode())
            self._file = self._file or io.BytesIO()
            return
        with self._sentence():
            file = self._opened()
            file.write(data if self._packer is None else self._packer.compress(data))

    def _opened(self) -> IO[bytes]:
        from virialff.files import replacing

        if self._file is None:
            file = Path(self._path)
            if file.suffix.lower() == ".gz":
                self._packer = zlib.compressobj(9, wbits=31)
            # A pipe or a device cannot be replaced.
            device = file.exists() and not file.is_file()
            self._file = self._context.enter_context(file.open("wb") if device else replacing(file))
        return self._file

    @contextlib.contextmanager
    def _sentence(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be written: {error.strerror}") from error


def write_folder(path: str, files: Mapping[str, str]) -> None:
    """Write text files by name into a folder, which is made, each whole or not at all.

    Raises ConfigError where that cannot be.
    """
    from virialff.files import replace_file

    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            replace_file(folder / name, text.encode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


class _Screen:
    """A stream of text on which names and comments of files cannot command the terminal."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(printable(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def harmless_output() -> Iterator[None]:
    """Everything that is printed in this block goes through `virialff.text.printable`."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Screen(sys.stdout), _Screen(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _csv(table: Any) -> bytes:
    from virialff.parameters.tables import to_csv

    return to_csv(table).encode()


def _tsv(table: Any) -> bytes:
    from virialff.parameters.tables import to_csv

    return to_csv(table, "\t").encode()


def _parquet(table: Any) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _json(documents: Any) -> bytes:
    return (json.dumps(list(documents), indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _jsonl(documents: Any) -> bytes:
    return "".join(json.dumps(part, ensure_ascii=False, allow_nan=False) + "\n" for part in documents).encode()


def _text(text: Any) -> bytes:
    return str(text).encode()


def _rows(table: Any) -> Piece:
    return table


_ENCODERS: dict[str, Callable[[Any], Piece]] = {
    "csv": _csv,
    "tsv": _tsv,
    "parquet": _rows,
    "json": _json,
    "jsonl": _jsonl,
}
