"""A recipe that trains for as long as it is told to, and a folder of jobs that is left without processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from training.recipes.recipe import PRESETS
from virialff.settings import RUNS_VARIABLE


@pytest.fixture(scope="session")
def recipe(label_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    content = yaml.safe_load((PRESETS / "foundation.yaml").read_text())
    content["name"] = "tiny"
    content["data"] |= {"labels": str(label_store), "fractions": [0.6, 0.2, 0.2], "split_seed": 3}
    content["network"] |= {"hidden_size": 16, "charge_width": 16, "pair_width": 16}
    content["optimization"] |= {"steps": 100_000, "checkpoint_seconds": 0.2, "validate_every": 3}
    file: Path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of jobs; whatever a test leaves running in it is killed."""
    folder = tmp_path / "runs"
    monkeypatch.setenv(RUNS_VARIABLE, str(folder))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    yield folder
    # The job's own process first: it would tell the end of its training.
    for process in sorted(processes_of(folder)):
        os.kill(process, signal.SIGKILL)


def processes_of(folder: Path) -> set[int]:
    """The processes of jobs in the folder: their own, and the trainings."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
        except (FileNotFoundError, ProcessLookupError):
            continue
        if any(word.startswith(f"{folder}/jobs/".encode()) for word in words):
            found.add(int(entry.name))
    return found - {os.getpid()}
