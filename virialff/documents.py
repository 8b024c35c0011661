"""JSON that leaves the program, and JSON that comes in.

What leaves says what it is and of which version; docs/cli.md has the keys. What comes in may be damaged or hostile: it
is read within limits, and files of our own carry a checksum of their content under the key `crc32`.

The same words stand for the same things in all of them: `record` (number in the file, from 1) and `name` (title of the
molecule), `smiles`, `notes` (what was chosen, completed or failed), `methods` (by the name they were asked for by, each
with its `level_of_theory`), `units` (by quantity).
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from operator import ne
from pathlib import Path
from typing import Any, NamedTuple

from virialff.errors import DocumentError

#: Raised where a key changes its meaning or goes; keys that come do not count.
VERSION = 1
#: Key of the checksum of a file of our own; one without it is taken as it is.
SEAL = "crc32"
#: Limits of a document that is read, for which callers may give others.
MOST_BYTES = 8 * 2**20
MOST_DEPTH = 50
#: A file of lines is read up to this size: hundreds of thousands of lines of metrics.
_MOST_BYTES_OF_LINES = 64 * 2**20


def document(kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with what it is.

    Parameters
    ----------
    kind : str
        "energy", "params", "models", ...
    content : mapping of str to object
        JSON-ready, without NaN.

    Returns
    -------
    dict of str to object
        With the key `schema` first: name ("virialff.energy") and version.
    """
    return {"schema": {"name": f"virialff.{kind}", "version": VERSION}, **content}


def json_text(kind: str, content: Mapping[str, Any], *, indent: int | None = None) -> str:
    """The document as JSON text without a line end: one line, or indented.

    Raises ValueError for NaN and infinities, which JSON does not have.
    """
    return json.dumps(document(kind, content), indent=indent, ensure_ascii=False, allow_nan=False)


def read_json(path: Path, *, most_bytes: int = MOST_BYTES, finite: bool = True) -> Any:
    """The value in a JSON file; of an object with a checksum the rest of it.

    Raises DocumentError with what is wrong as `parse_json`, OSError where the file cannot be read.
    """
    with path.open("rb") as file:
        # What a file system says of sizes is not believed: a device has none.
        return parse_json(file.read(most_bytes + 1), most_bytes=most_bytes, finite=finite)


def read_object(path: Path, advice: str = "restore it from a copy") -> dict[str, Any]:
    """The object in a JSON file of our own.

    Raises DocumentError as a sentence with the file and the advice, OSError where the file cannot be read.
    """
    try:
        value = read_json(path)
        if not isinstance(value, dict):
            raise DocumentError("it is no JSON object")
    except DocumentError as error:
        raise DocumentError(f"{path} is damaged ({error}): {advice}.") from error
    return value


def parse_json(text: bytes, *, most_bytes: int = MOST_BYTES, finite: bool = True) -> Any:
    """The value of JSON text; of an object with a checksum the rest of it.

    finite: refuse NaN and infinities, which JSON does not have; losses may be such.

    Raises DocumentError with the reason: text that is no JSON in UTF-8, above the limits, with a key twice, with a
    number that is not finite or text that no file can hold, or with another checksum than its own.
    """
    if len(text) > most_bytes:
        raise DocumentError(f"it is larger than {most_bytes / 2**20:g} MiB")
    try:
        value = json.loads(
            text.decode("utf-8"),
            parse_constant=_no_number if finite else float,
            parse_float=_finite if finite else float,
            object_pairs_hook=_each_once,
        )
    except RecursionError as error:
        raise DocumentError(f"it is nested more than {MOST_DEPTH} deep") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"its byte {error.start} is no text in UTF-8") from error
    except ValueError as error:
        digits = "Exceeds the limit" in str(error)
        raise DocumentError("it has a number of thousands of digits" if digits else str(error)) from error
    _check(value)
    return _opened(value)


class Lines(NamedTuple):
    """The objects of a file of JSON lines."""

    rows: list[dict[str, Any]]
    #: What is wrong with whole lines that are not among them: number of the line, from 1, and the reason.
    damaged: list[tuple[int, str]]


def read_lines(path: Path) -> Lines:
    """The lines of a file that a run or a campaign appends to; none where there is no such file.

    The part of a line that a kill left at the end is passed over. Raises DocumentError where it cannot be read.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES_OF_LINES)
    except (FileNotFoundError, NotADirectoryError):
        return Lines([], [])
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror or error}.") from error
    *lines, last = text.split(b"\n")
    found = Lines([], [])
    for number, line in enumerate([*lines, last], start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line, finite=False)
            if not isinstance(row, dict):
                raise DocumentError("it is no JSON object")
            found.rows.append(row)
        except DocumentError as error:
            # A writer that was killed leaves a beginning, to which the next one adds the end of the line.
            if SEAL.encode() in line or line.rstrip().endswith(b"}"):
                found.damaged.append((number, str(error)))
    return found


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object with its checksum as the last key, as files of our own have it."""
    # As it will be read: tuples are lists then, and keys text.
    plain: dict[str, Any] = json.loads(json.dumps({key: value for key, value in content.items() if key != SEAL}))
    return plain | {SEAL: _crc32(plain)}


def json_lines(content: Mapping[str, Any]) -> bytes:
    """The text of a JSON file of our own: indented, with its checksum."""
    return (json.dumps(sealed(content), indent=1, ensure_ascii=False) + "\n").encode()


def json_line(content: Mapping[str, Any]) -> bytes:
    """One line of a file of JSON lines of our own, with its checksum and line end."""
    return (json.dumps(sealed(content)) + "\n").encode()


def _opened(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if SEAL not in value:
        if any(len(key) == len(SEAL) and sum(map(ne, key, SEAL)) == 1 for key in value):
            raise DocumentError(f"its key {SEAL} is damaged")
        return value
    content = {key: inner for key, inner in value.items() if key != SEAL}
    if value[SEAL] != _crc32(content):
        raise DocumentError(
            f"its content is not that of its checksum; where it was changed on purpose, take out the key {SEAL}"
        )
    return content


def _crc32(content: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(content, sort_keys=True, separators=(',', ':')).encode()):08x}"


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it has the key {twice[:60]!r} twice")
    return found


def _check(value: Any) -> None:
    """Level by level, so that no depth takes the stack."""
    level = [value]
    for _ in range(MOST_DEPTH + 1):
        inner: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                inner += part.keys()
                inner += part.values()
            elif isinstance(part, list):
                inner += part
            elif isinstance(part, str) and not part.isascii():
                _check_text(part)
        if not inner:
            return
        level = inner
    raise DocumentError(f"it is nested more than {MOST_DEPTH} deep")


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DocumentError("it has half a character (a lone surrogate)") from error
