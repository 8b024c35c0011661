"""The examples in the documentation run as they are printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/api.md", "docs/simulation.md")
EXAMPLES = [
    (page, number)
    for page in PAGES
    for number, _ in enumerate(re.findall(r"```python\n", (ROOT / page).read_text(encoding="utf-8")))
]


def test_every_page_has_an_example():
    assert {page for page, _ in EXAMPLES} == set(PAGES)


@pytest.mark.parametrize(("page", "number"), EXAMPLES)
def test_python_example_runs(page, number, tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "example.py"
    file.write_text(blocks[number], encoding="utf-8")
    result = subprocess.run(
        [sys.executable, file],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip(), "an example shows something"


def test_the_figures_of_the_model_are_those_of_its_card():
    done = subprocess.run(
        [sys.executable, "-m", "scripts.model_page", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
