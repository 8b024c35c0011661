"""Runs one backend in a process of its own: a request a line of JSON on stdin, an answer a line of JSON on stdout.

Started as `python serve.py BACKEND.py` by whichever Python has the program, so it imports nothing but the standard
library and numpy and keeps to what Python 3.8 understands. A request names the NPZ file that takes the arrays of the
answer. The answer is {"ok": true} or {"error": sentence}; the first line, before any request, is {"program": name
and version} or {"error": ...}. What the program prints goes to stderr. The process ends when stdin does.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from typing import Any


def main() -> None:
    """Load the backend named on the command line and answer requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    spec = importlib.util.spec_from_file_location("backend", sys.argv[1])
    assert spec is not None
    assert spec.loader is not None
    backend = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(backend)
    except (ImportError, OSError) as error:
        answer({"error": f"{type(error).__name__}: {error}"})
        return
    answer({"program": backend.PROGRAM})

    import numpy as np

    for line in sys.stdin:
        request = json.loads(line)
        try:
            arrays = backend.compute(request)
        except backend.Failure as failure:
            answer({"error": str(failure)})
            continue
        np.savez(request["output"], **arrays)
        answer({"ok": True})


if __name__ == "__main__":
    main()
