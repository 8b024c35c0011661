"""On CI a skipped test is a failure; elsewhere it is a skip with its reason."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parent / "conftest.py"
SUITE = """
import pytest

def test_passes():
    pass

def test_skips_itself():
    pytest.skip("no such luck")

@pytest.mark.skip(reason="marked")
def test_is_marked():
    pass

@pytest.mark.program("a-program-that-is-not-there")
def test_needs_a_program():
    pass

@pytest.mark.xfail(reason="known", strict=True)
def test_is_expected_to_fail():
    assert False
"""
MODULE = """
import pytest

pytest.importorskip("a_module_that_is_not_there")
"""


def run_suite(folder: Path, *, ci: str, options: list[str]) -> tuple[int, dict[str, int], str]:
    """Exit code, counts of the closing line and the output of pytest on the two files above."""
    (folder / "conftest.py").write_text(CONFTEST.read_text())
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = program\naddopts = --import-mode=importlib\n")
    (folder / "test_suite.py").write_text(SUITE)
    (folder / "test_module.py").write_text(MODULE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | {"CI": ci}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--continue-on-collection-errors", *options]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    closing = result.stdout.strip().splitlines()[-1]
    return result.returncode, {word: int(n) for n, word in re.findall(r"(\d+) (\w+?)s?\b", closing)}, result.stdout


@pytest.mark.parametrize("options", [[], ["-n", "1"]], ids=["one process", "xdist"])
def test_skips_fail_on_ci(tmp_path, options):
    code, counts, output = run_suite(tmp_path, ci="true", options=options)
    assert code == 1
    assert counts["passed"] == 1
    assert counts["xfailed"] == 1
    assert "skipped" not in counts
    assert counts["failed"] + counts["error"] == 4
    for reason in ("no such luck", "marked", "a-program-that-is-not-there", "a_module_that_is_not_there"):
        assert reason in output


def test_skips_are_skips_elsewhere(tmp_path):
    code, counts, output = run_suite(tmp_path, ci="", options=["-rs"])
    assert code == 0
    assert counts["skipped"] == 4
    assert "the program a-program-that-is-not-there is not installed" in output
