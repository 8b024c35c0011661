"""Commands in processes of their own: they end, fail, stop, die, and are found again."""

import os
import signal
from pathlib import Path

import pytest

from tests.training.jobs.job_process import wait_until
from training.jobs.control import find, forget, list_jobs, start_command, stop
from training.jobs.record import Following
from virialff.errors import JobError, ReadOnlyError
from virialff.settings import ASSETS


def words(file):
    """The command line of a process; empty for one that has ended."""
    try:
        return file.read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def over(name):
    wait_until(lambda: find(name).is_over, f"the end of {name}")
    return find(name)


def test_a_command_ends_and_one_that_fails_gives_its_reason(jobs):
    good = start_command("counting labels", "dft", ["data", "info", str(ASSETS / "data" / "dft.parquet")])
    bad = start_command("counting labels", "nothing", ["data", "info", str(jobs / "nothing")])
    good = over(good.name)
    assert (good.state, good.exit_code) == ("finished", 0)
    assert "rows with forces" in good.log.read_text()
    bad = over(bad.name)
    assert bad.state == "failed"
    assert bad.reason.startswith("There is no label store at")
    assert {run.name for run in list_jobs("counting labels")} == {good.name, bad.name}
    assert list_jobs("something else") == []
    forget(bad.name)
    assert [run.name for run in list_jobs(None)] == [good.name]


def test_what_follows_begins_once_the_first_has_finished(jobs):
    label = ["data", "info", str(ASSETS / "data" / "dft.parquet")]
    follows = Following(purpose="model of a run", subject="dft", arguments=("data", "info", str(jobs / "nothing")))
    first = over(start_command("counting labels", "dft", label, then=follows).name)
    assert (first.state, first.reason) == ("finished", "")
    # Whoever waits for the first finds the second.
    (second,) = list_jobs("model of a run")
    assert over(second.name).reason.startswith("There is no label store at")
    failed = over(start_command("counting labels", "nothing", follows.arguments, then=follows).name)
    assert failed.state == "failed"
    assert [job.name for job in list_jobs("model of a run")] == [second.name]


def test_why_what_follows_was_not_started_is_said(jobs):
    busy = start_command("check", "a", ["data", "check", str(ASSETS / "data" / "gfn2.parquet")])
    follows = Following(purpose="check", subject="a", arguments=busy.arguments)
    first = over(start_command("counting labels", "dft", ["--version"], then=follows).name)
    assert first.state == "finished"
    assert first.reason.startswith("the check that was to follow was not started: ")
    assert "at work already" in first.reason
    stop(busy.name)


def test_a_command_is_stopped_and_another_dies(jobs):
    arguments = ["data", "check", str(ASSETS / "data" / "gfn2.parquet")]
    first = start_command("check", "a", arguments)
    with pytest.raises(JobError, match="at work already"):
        start_command("check", "a", arguments)
    with pytest.raises(JobError, match="stop it first"):
        forget(first.name)
    stopped = stop(first.name)
    assert (stopped.state, stopped.reason) == ("stopped", "it was asked to stop")
    with pytest.raises(JobError, match="is over already"):
        stop(first.name)

    second = start_command("check", "a", arguments)
    folder = str(second.log.parent).encode()
    programs = {int(file.parent.name): file for file in Path("/proc").glob("[0-9]*/cmdline")}
    watching = [process for process, file in programs.items() if folder in words(file)]
    assert len(watching) == 1
    os.kill(watching[0], signal.SIGKILL)
    died = over(second.name)
    assert (died.state, died.reason) == ("died", "its process was killed, or the machine went down")


def test_progress_is_read_from_the_last_line_that_counts(jobs):
    run = start_command("check", "a", ["data", "info", str(ASSETS / "data" / "dft.parquet")])
    over(run.name)
    run.log.write_text("virialff: 12 of 48 structures, 3 a second\nno count here\n")
    assert run.share_done == 0.25
    run.log.write_text("12:00:00 5/20 tasks (25.0 %), 2 workers\n12:00:10 10/20 tasks\n")
    assert run.share_done == 0.5
    run.log.write_text("no count\n")
    assert run.share_done is None


def test_a_read_only_installation_starts_and_stops_nothing(jobs, monkeypatch):
    monkeypatch.setenv("VIRIALFF_READ_ONLY", "1")
    with pytest.raises(ReadOnlyError, match="Starting `virialff ship` is refused"):
        start_command("ship", "a", ["ship", "a"])
    assert not jobs.exists()
    with pytest.raises(JobError, match="There is no job"):
        find("../jobs")
