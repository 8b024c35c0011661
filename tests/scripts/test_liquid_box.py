"""A small box of water goes through the script: energies stay numbers and it ends with a density."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
RUN = ("O", "--count", "27", "--spacing", "3.4", "--compress", "0.1", "--picoseconds", "0.1", "--every", "0.05")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.liquid_box", *RUN, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


def test_a_box_runs_and_gives_its_density():
    done = run("--cutoff", "4")
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^ +(1000|1) +(\S+) +(\S+) +(\S+) +(\S+)$", done.stdout, re.MULTILINE)
    assert [(row[0], row[1]) for row in rows] == [("1000", "0.05"), ("1000", "0.10"), ("1", "0.05"), ("1", "0.10")]
    assert np.isfinite(np.array(rows, dtype=float)).all()
    densities = [float(row[4]) for row in rows]
    (mean,) = re.findall(r"^density (\S+) g/mL", done.stdout, re.MULTILINE)
    assert float(mean) == pytest.approx(densities[-1], abs=1e-3)
    assert 0.5 < float(mean) < 1.5


def test_a_cutoff_that_the_box_outgrows_is_said():
    done = run("--cutoff", "5.095")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("Take more molecules or a shorter cutoff.")
    assert "Traceback" not in done.stderr
