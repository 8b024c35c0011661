"""Files that commands write: the suffix of a name says in which form, and what a command cannot give is refused."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virialff.commands.parser import UsageError
from virialff.errors import ConfigError
from virialff.text import printable

if TYPE_CHECKING:
    import pandas as pd

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


def write(path: str, form: str, content: pd.DataFrame | Sequence[Mapping[str, Any]] | str) -> None:
    """Write a table, JSON-ready documents or text in one of the forms, whole or not at all; "-" prints it.

    Raises ConfigError where that cannot be.
    """
    from virialff.files import replace_file

    data = _WRITERS.get(form, _text)(content)
    if path == PRINTED:
        sys.stdout.flush()
        sys.stdout.write(data.decode())
        return
    file = Path(path)
    if file.suffix.lower() == ".gz":
        data = gzip.compress(data, mtime=0)
    try:
        if file.exists() and not file.is_file():  # a pipe or a device
            file.write_bytes(data)
        else:
            replace_file(file, data)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


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


_WRITERS: dict[str, Callable[[Any], bytes]] = {
    "csv": _csv,
    "tsv": _tsv,
    "parquet": _parquet,
    "json": _json,
    "jsonl": _jsonl,
}
