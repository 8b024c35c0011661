"""Run the notebooks of docs/notebooks: their pages and the .ipynb beside them get the output; --check only runs them.

A page is Markdown; its ```python blocks are the cells, and a ```text block behind one is its output. What the last
expression of a cell gives is shown, as in Jupyter. A notebook runs in an empty folder with the data files that lie
beside it.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "notebooks"
_CELL = re.compile(r"```python\n(.*?)```\n(?:\n```text\n.*?```\n)?", re.DOTALL)


def names() -> list[str]:
    """The notebooks there are."""
    return sorted(page.stem for page in FOLDER.glob("*.md") if _CELL.search(page.read_text(encoding="utf-8")))


def outputs(text: str) -> Iterator[str]:
    """What each cell of a page prints and shows, cell after cell in one namespace."""
    space: dict[str, Any] = {"__name__": "__main__"}
    for match in _CELL.finditer(text):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            _run(match[1], space)
        yield printed.getvalue()


def _run(cell: str, space: dict[str, Any]) -> None:
    tree = ast.parse(cell)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), space)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), space)
        if value is not None:
            print(value.to_string() if isinstance(value, pd.DataFrame) else value)


def page_with(text: str, shown: list[str]) -> str:
    """The page with this output of its cells."""
    left = iter(shown)

    def cell(match: re.Match[str]) -> str:
        output = next(left).rstrip("\n")
        return f"```python\n{match[1]}```\n" + (f"\n```text\n{output}\n```\n" if output else "")

    return _CELL.sub(cell, text)


def notebook(text: str, shown: list[str]) -> str:
    """The same as the JSON of a notebook of Jupyter."""
    cells: list[dict[str, Any]] = []

    def add(kind: str, source: str, **more: Any) -> None:
        lines = source.strip("\n").splitlines(keepends=True)
        if lines:
            cells.append({"cell_type": kind, "id": f"cell-{len(cells)}", "metadata": {}, "source": lines} | more)

    end = 0
    for number, (match, output) in enumerate(zip(_CELL.finditer(text), shown, strict=True), start=1):
        add("markdown", text[end : match.start()])
        stream = {"output_type": "stream", "name": "stdout", "text": output.splitlines(keepends=True)}
        add("code", match[1], execution_count=number, outputs=[stream] if output else [])
        end = match.end()
    add("markdown", text[end:])
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def sources(content: str) -> list[str]:
    """The code of the cells of a notebook."""
    return ["".join(cell["source"]) for cell in json.loads(content)["cells"] if cell["cell_type"] == "code"]


def cells(text: str) -> list[str]:
    """The code of the cells of a page."""
    return [match[1].strip("\n") for match in _CELL.finditer(text)]


def run(name: str, *, write: bool) -> None:
    """Run one notebook here; raises what a cell raises."""
    page, back = FOLDER / f"{name}.md", Path.cwd()
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        for file in FOLDER.iterdir():
            if file.suffix not in (".md", ".ipynb"):
                shutil.copy(file, folder)
        os.chdir(folder)
        try:
            shown = list(outputs(text))
        finally:
            os.chdir(back)
    if write:
        text = page_with(text, shown)
        page.write_text(text, encoding="utf-8")
        page.with_suffix(".ipynb").write_text(notebook(text, shown), encoding="utf-8")


def main() -> int:
    """Run the notebooks named, or all, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="notebooks to run (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    if len(arguments.names) == 1:
        run(arguments.names[0], write=not arguments.check)
        return 0
    options = ["--check"] if arguments.check else []
    codes = [
        subprocess.run([sys.executable, "-m", "scripts.notebooks", name, *options], cwd=FOLDER.parent.parent).returncode
        for name in arguments.names or names()
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
