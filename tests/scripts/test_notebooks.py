"""The notebooks of the documentation run, and the .ipynb are the pages."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.notebooks import FOLDER, cells, names, notebook, outputs, page_with, sources

ROOT = FOLDER.parent.parent


def test_there_are_those_that_the_page_lists():
    (listed,) = re.findall(r"```\{toctree\}\n:maxdepth: 1\n\n(.*?)```", (FOLDER / "index.md").read_text(), re.DOTALL)
    assert sorted(listed.split()) == names()
    assert len(names()) == 4


@pytest.mark.parametrize("name", names())
def test_a_notebook_runs(name):
    done = subprocess.run(
        [sys.executable, "-m", "scripts.notebooks", "--check", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", names())
def test_page_and_notebook_are_the_same(name):
    page = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert sources((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8")) == cells(page), "run scripts/notebooks.py"


def test_output_stands_behind_its_cell_once():
    page = "# A\n\n```python\nprint(1)\n1 + 1\n```\n\n```text\nold\n```\n\nText.\n\n```python\nx = 3\n```\n"
    shown = list(outputs(page))
    assert shown == ["1\n2\n", ""]
    again = page_with(page, shown)
    assert again == page.replace("old", "1\n2")
    assert page_with(again, shown) == again
    assert sources(notebook(again, shown)) == ["print(1)\n1 + 1", "x = 3"]
    with pytest.raises(ZeroDivisionError):
        list(outputs("```python\n1 / 0\n```\n"))


def test_every_page_is_in_the_site():
    folder = ROOT / "docs"
    listed = set()
    for page in folder.rglob("*.md"):
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            entries = [line for line in tree.splitlines() if line and not line.startswith(":")]
            listed |= {str((page.parent / entry).relative_to(folder)) for entry in entries}
    pages = {str(Path(page).relative_to(folder).with_suffix("")) for page in folder.rglob("*.md")}
    assert pages - listed == {"index"}, "name it in docs/index.md"
    assert listed - pages == set()
