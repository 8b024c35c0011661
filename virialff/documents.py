"""JSON that leaves the program: every document says what it is and of which version. docs/cli.md has their keys.

The same words stand for the same things in all of them: `record` (number in the file, from 1) and `name` (title of the
molecule), `smiles`, `notes` (what was chosen, completed or failed), `methods` (by the name they were asked for by, each
with its `level_of_theory`), `units` (by quantity).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

#: Raised where a key changes its meaning or goes; keys that come do not count.
VERSION = 1


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
