"""What a user's jobs may take: their number, hours, memory and disk; the owner of the machine has no limits."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from tests.administration import administer
from tests.training.jobs.job_process import wait_until
from tests.training.jobs.test_slots import ask
from training.jobs import work
from training.jobs.control import find, start_command
from training.jobs.quota import disk_used, hours_over, memory_over, memory_used, require_room
from training.slurm import SlurmConfig
from virialff import access, children
from virialff.access import User
from virialff.administrator import Role
from virialff.errors import QuotaError
from virialff.settings import ASSETS

USERS = '[users]\n"ada@x.org" = "worker"\n'
ADA = User("ada@x.org", Role.WORKER)


def test_the_number_of_jobs(jobs, monkeypatch, tmp_path):
    administer(monkeypatch, tmp_path, "[quota]\njobs_at_once = 1\njobs_waiting = 2\n")
    for n in range(3):
        _, request = ask(jobs, f"ada{n}", float(n), owner="ada@x.org")
    with pytest.raises(QuotaError, match=r"ada@x\.org has 3 jobs at work or waiting"):
        require_room(request)
    require_room(request.model_copy(update={"owner": "will@x.org"}))
    require_room(request.model_copy(update={"owner": ""}))


def test_the_disk(jobs, monkeypatch, tmp_path):
    administer(monkeypatch, tmp_path, "[quota]\ndisk_gb = 0.001\n")
    _, request = ask(jobs, "ada", 1.0, owner="ada@x.org")
    require_room(request)
    run = Path(request.subject)
    run.mkdir()
    (run / "checkpoint.pt").write_bytes(b"x" * 1_000_001)
    (run / "elsewhere").symlink_to("/")
    assert 1_000_001 <= disk_used("ada@x.org") < 1_010_000
    with pytest.raises(QuotaError, match=r"have written 0\.0 GB, and a user's may write 0\.001 GB"):
        require_room(request)
    require_room(request.model_copy(update={"owner": "will@x.org"}))


def test_what_slurm_is_asked_for(jobs, monkeypatch, tmp_path):
    administer(monkeypatch, tmp_path, "[quota]\nhours = 2\nmemory_gb = 4\n")
    _, request = ask(jobs, "ada", 1.0, owner="ada@x.org", cluster="slurm")
    require_room(request.model_copy(update={"slurm": SlurmConfig(time_minutes=120, memory_gb=4)}))
    for slurm, sentence in (
        (SlurmConfig(time_minutes=121, memory_gb=4), "ask for 120 minutes or less"),
        (SlurmConfig(time_minutes=120, memory_gb=4.1), "A job may take 4 GB here"),
    ):
        with pytest.raises(QuotaError, match=sentence):
            require_room(request.model_copy(update={"slurm": slurm}))


def test_hours_and_memory(monkeypatch, tmp_path):
    administer(monkeypatch, tmp_path, "[quota]\nhours = 1\nmemory_gb = 0.15\n")
    assert hours_over("ada@x.org", 3599) is None
    assert "the 1 h that a user's job may take here are over" in str(hours_over("ada@x.org", 3601))
    assert hours_over("", 1e9) is None
    # A child of the child counts too.
    grandchild = "x = b'x' * 200_000_000; print(1, flush=True); input()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    process = children.start([sys.executable, "-c", code], by=signal.SIGKILL, stdin=-1, stdout=-1)
    assert process.stdout is not None
    assert process.stdout.read(1) == b"1"
    assert 2e8 < memory_used(process.pid) < 3e8
    assert memory_over("", process.pid) is None
    assert "and a user's job may take 0.15 GB here" in str(memory_over("ada@x.org", process.pid))
    process.communicate(b"\n")
    assert memory_used(process.pid) == 0


def test_a_job_that_takes_too_much_memory_ends(jobs, monkeypatch, tmp_path):
    administer(monkeypatch, tmp_path, USERS + "[quota]\nmemory_gb = 0.02\n")
    monkeypatch.setattr(access, "_identify", lambda: ADA)
    job = start_command("check", "a", ["data", "check", str(ASSETS / "data" / "gfn2.parquet")])
    assert job.owner == ADA.name
    wait_until(lambda: find(job.name).is_over, "the end of the job")
    ended = find(job.name)
    assert ended.state == "died"
    assert "of memory, and a user's job may take 0.02 GB here" in ended.reason


def test_a_job_of_a_user_who_was_removed_does_not_begin(jobs, monkeypatch, tmp_path):
    administer(monkeypatch, tmp_path, "")
    monkeypatch.setattr(access, "_identify", lambda: ADA)
    job = start_command("count", "a", ["data", "info", str(ASSETS / "data" / "dft.parquet")])
    wait_until(lambda: find(job.name).is_over, "the end of the job")
    assert find(job.name).state == "failed"
    assert "ada@x.org is not among its users" in find(job.name).reason
    assert work.outcome(-9, "it took 9 GB", "")[1] == "it took 9 GB"
