"""Looking at the processes of jobs from outside."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.jobs.control import find
from training.jobs.record import Job


def wait_until(true: Callable[[], Any], what: str, seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.05)


def at_work(name: str) -> Job:
    """The job, once it has trained some steps and saved them."""

    def saved() -> bool:
        job = find(name)
        assert not job.is_over, f"{job.state}: {job.reason}\n{job.log.read_text() if job.log.exists() else ''}"
        return job.state == "running" and job.step > 0 and (job.run / "checkpoint.pt").exists()

    wait_until(saved, f"the first steps of {name}")
    return find(name)


def over(name: str) -> Job:
    """The job, once it has ended."""
    wait_until(lambda: find(name).is_over, f"the end of {name}")
    return find(name)


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
