"""Who gets which GPU: each job its own, unless told otherwise, first come first served."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from training.jobs.locks import share
from training.jobs.record import JobFolder, Request
from training.jobs.slots import SHARE_VARIABLE, gpus_here, jobs_per_gpu, take_slots
from virialff.errors import ConfigError


def ask(jobs: Path, name: str, submitted: float, *, gpus: int = 1) -> tuple[JobFolder, Request]:
    """A job that waits on a machine of two GPUs: this process keeps it alive."""
    folder = JobFolder(jobs / "jobs" / name)
    folder.path.mkdir(parents=True)
    request = Request(
        name=name,
        recipe=str(folder.recipe),
        run=str(jobs / name),
        directory=str(jobs),
        cluster="local",
        gpus=gpus,
        threads=1,
        options=(),
        slurm={},
        devices=("4", "GPU-5/1"),
        host=socket.gethostname(),
        submitted=submitted,
    )
    share(folder.lock)
    folder.write_request(request)
    return folder, request


def test_each_job_has_a_gpu_of_its_own(jobs, monkeypatch):
    monkeypatch.delenv(SHARE_VARIABLE, raising=False)
    asked = []
    for number in range(3):
        folder, request = ask(jobs, f"job{number}", float(number))
        slots = take_slots(folder, request)
        asked.append(None if slots is None else slots.devices)
        # No longer among those that wait.
        (folder.path / "job.json").unlink()
    assert asked == [("4",), ("GPU-5/1",), None]
    without = ask(jobs, "without", 3.0, gpus=0)
    slots = take_slots(*without)
    assert slots is not None
    assert slots.devices == ()

    monkeypatch.setenv(SHARE_VARIABLE, "2")
    shared = take_slots(*ask(jobs, "shared", 4.0))
    assert shared is not None
    assert shared.devices == ("4",)


def test_first_come_first_served(jobs):
    first, second = ask(jobs, "first", 1.0), ask(jobs, "second", 2.0)
    assert take_slots(*second) is None
    assert take_slots(*first) is not None


def test_the_gpus_of_this_machine(monkeypatch):
    for text, expected in (("", ()), ("-1", ()), ("2, GPU-a", ("2", "GPU-a"))):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", text)
        assert gpus_here() == expected
    for text in ("0", "many"):
        monkeypatch.setenv(SHARE_VARIABLE, text)
        with pytest.raises(ConfigError, match=SHARE_VARIABLE):
            jobs_per_gpu()
