"""Files that are replaced as a whole, and what users may call them."""

import os
import re
from pathlib import Path

#: What users may call what becomes a folder of ours, such as a model or a run.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def name_problem(name: str, what: str) -> str | None:
    """Why `what` ("model", "run") cannot have this name, as a sentence, or None."""
    if NAME.fullmatch(name):
        return None
    return f"{name!r} cannot name a {what}; use up to 64 letters, digits, '.', '_' and '-', the first a letter or digit"


def as_name(text: str, otherwise: str) -> str:
    """A name made of any text, short enough for a number after it; `otherwise` where nothing of the text is left."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).lstrip("._-")[:60].rstrip("-") or otherwise


def replace_file(path: Path, content: bytes | memoryview, *, writer: str = "") -> None:
    """Write `path` so that it is there whole or, whatever goes wrong, as it was before.

    writer: tells apart those who may write the same file at the same time. Raises OSError where the disk does.
    """
    partial = path.with_name(f"{path.name}{writer and '.'}{writer}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
