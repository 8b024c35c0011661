"""Who gets which GPU: each job its own, unless told otherwise, first come first served."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from tests.administration import administer
from training.jobs.locks import share
from training.jobs.record import OWN_TURN, JobFolder, Request, State
from training.jobs.slots import gpus_here, take_slots, waiting
from virialff.settings import JOBS_PER_GPU_VARIABLE


def ask(jobs: Path, name: str, submitted: float, **wanted: Any) -> tuple[JobFolder, Request]:
    """A job that waits on a machine of two GPUs: this process keeps it alive."""
    folder = JobFolder(jobs / "jobs" / name)
    folder.path.mkdir(parents=True)
    settings: dict[str, Any] = {
        "subject": str(jobs / name),
        "arguments": ("train", str(folder.recipe)),
        "directory": str(jobs),
        "gpus": 1,
        "cores": 1,
        "devices": ("4", "GPU-5/1"),
        "host": socket.gethostname(),
        "submitted": submitted,
    }
    request = Request(**(settings | wanted))
    share(folder.lock)
    folder.write_request(request)
    return folder, request


def test_each_job_has_a_gpu_of_its_own(jobs, monkeypatch):
    monkeypatch.delenv(JOBS_PER_GPU_VARIABLE, raising=False)
    asked = []
    for number in range(3):
        folder, request = ask(jobs, f"job{number}", float(number))
        slots = take_slots(folder, request, "GPUs")
        asked.append(None if slots is None else slots.devices)
        # No longer among those that wait.
        (folder.path / "job.json").unlink()
    assert asked == [("4",), ("GPU-5/1",), None]
    without = ask(jobs, "without", 3.0, gpus=0)
    slots = take_slots(*without, without[1].needs[0])
    assert slots is not None
    assert slots.devices == ()

    monkeypatch.setenv(JOBS_PER_GPU_VARIABLE, "2")
    shared = take_slots(*ask(jobs, "shared", 4.0), "GPUs")
    assert shared is not None
    assert shared.devices == ("4",)


def test_first_come_first_served(jobs):
    first, second = ask(jobs, "first", 1.0), ask(jobs, "second", 2.0)
    assert take_slots(*second, "GPUs") is None
    assert take_slots(*first, "GPUs") is not None


def test_trainings_and_campaigns_share_the_processors(jobs, monkeypatch):
    monkeypatch.delenv(JOBS_PER_GPU_VARIABLE, raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(4)))
    training = ask(jobs, "training", 1.0, gpus=0, cores=2)
    assert training[1].needs == ("the place for a training without GPU", "processors")
    held = [take_slots(*training, need) for need in training[1].needs]
    assert all(held)
    (training[0].path / "job.json").unlink()
    second = ask(jobs, "second", 2.0, gpus=0, cores=1)
    assert take_slots(*second, second[1].needs[0]) is None

    campaigns = [ask(jobs, f"campaign{n}", 3.0 + n, gpus=0, cores=3 - n, purpose="label campaign") for n in range(2)]
    assert campaigns[0][1].needs == ("processors",)
    assert [take_slots(*campaign, "processors") for campaign in campaigns] == [None, None]
    # The two processors that are left are enough for the second, which waits for the first none the less.
    (campaigns[0][0].path / "job.json").unlink()
    got = take_slots(*campaigns[1], "processors")
    assert got is not None
    assert got.devices == ()
    for slots in (*held, got):
        for descriptor in slots.descriptors:
            os.close(descriptor)
    # More than there are is all of them.
    (campaigns[1][0].path / "job.json").unlink()
    assert take_slots(*ask(jobs, "large", 9.0, gpus=0, cores=64, purpose="label campaign"), "processors") is not None
    small = ask(jobs, "small", 10.0, gpus=0, cores=0, purpose="import of labels")
    assert small[1].needs == ()


def test_the_gpus_of_this_machine(monkeypatch):
    for text, expected in (("", ()), ("-1", ()), ("2, GPU-a", ("2", "GPU-a"))):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", text)
        assert gpus_here() == expected


def test_users_take_turns(jobs):
    """Ten jobs of one user came before one of another, who is second."""
    asked = [ask(jobs, f"ada{n}", float(n), owner="ada@x.org") for n in range(10)]
    asked += [ask(jobs, "will", 20.0, owner="will@x.org"), ask(jobs, "owner", 21.0)]
    for folder, _ in asked:
        folder.write_state(State(state="queued", waits_for="GPUs"))
    assert [job.name for job in waiting(socket.gethostname(), "GPUs")][:4] == ["ada0", "will", "owner", "ada1"]
    # One that is at work counts too.
    asked[0][0].write_state(State(state="running"))
    assert [job.name for job in waiting(socket.gethostname(), "GPUs")][:4] == ["will", "owner", "ada1", "ada2"]


def test_a_user_has_so_many_at_once(jobs, monkeypatch, tmp_path):
    administer(monkeypatch, tmp_path, "[quota]\njobs_at_once = 2\n")
    got = []
    for n in range(3):
        folder, request = ask(jobs, f"ada{n}", float(n), owner="ada@x.org", gpus=0, cores=0, purpose="import")
        assert request.needs == (OWN_TURN,)
        folder.write_state(State(state="queued", waits_for=OWN_TURN))
        got.append(take_slots(folder, request, OWN_TURN))
        if got[-1] is not None:
            folder.write_state(State(state="running"))
    assert [slots is not None for slots in got] == [True, True, False]
    other, request = ask(jobs, "will", 9.0, owner="will@x.org", gpus=0, cores=0, purpose="import")
    other.write_state(State(state="queued", waits_for=OWN_TURN))
    assert take_slots(other, request, OWN_TURN) is not None
