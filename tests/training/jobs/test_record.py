"""What a job's files say, damaged ones too."""

import json
import os
import time
from typing import Any

import pytest

from tests.training.jobs.job_process import over
from training.jobs.control import find, forget, list_jobs, resume, start, start_command, stop
from training.jobs.locks import share
from training.jobs.record import JobFolder, Request, State, look
from training.jobs.work import outcome
from training.labelling.campaign.progress import duration
from training.loop.metrics import read_metrics
from virialff.cli import main
from virialff.errors import JobError


def test_metrics_are_read_by_step_and_torn_lines_passed_over(tmp_path):
    assert read_metrics(tmp_path) == []
    lines = [json.dumps({"step": step, "loss": loss}) for step, loss in ((3, 1.0), (6, 0.5), (6, 0.4))]
    (tmp_path / "metrics.jsonl").write_text("\n".join([lines[0], '{"step": 6, "lo', *lines[1:]]) + '\n{"step": 9')
    assert read_metrics(tmp_path) == [{"step": 3, "loss": 1.0}, {"step": 6, "loss": 0.4}]


def test_a_damaged_record_names_its_file(tmp_path):
    (tmp_path / "job.json").write_text("{")
    with pytest.raises(JobError, match=r"job\.json is damaged"):
        JobFolder(tmp_path).request()


def test_a_job_is_shown_whatever_its_run_folder_holds(jobs):
    folder = JobFolder(jobs / "jobs" / "lost")
    folder.path.mkdir(parents=True)
    (jobs / "lost").mkdir()
    (jobs / "lost" / "status.json").write_text('{"step": 4')
    (jobs / "lost" / "metrics.jsonl").write_text('{"step": 3, "seconds": 1.5}\n')
    request = Request(
        subject=str(jobs / "lost"),
        arguments=("train", str(folder.recipe), "--steps", "6"),
        directory=str(jobs),
        host="elsewhere",
        submitted=1.0,
    )
    folder.write_request(request)
    assert folder.request() == request
    job = look(folder)
    assert (job.state, job.step, job.steps, job.seconds) == ("died", 3, None, 1.5)
    folder.ask_to_stop(1)
    assert look(folder).state == "stopped"


@pytest.mark.parametrize(
    ("code", "asked", "last_line", "expected"),
    [
        (0, None, "", ("finished", "")),
        (0, "it was asked to stop", "", ("finished", "")),
        (130, "it was asked to stop", "virialff train: ...", ("stopped", "it was asked to stop")),
        (130, None, "", ("stopped", "it received a signal to stop")),
        (-15, "it was asked to stop", "", ("stopped", "it was asked to stop")),
        (-15, None, "", ("died", "its process was ended by SIGTERM")),
        (-9, "it was asked to stop", "", ("died", "its process was ended by SIGKILL")),
        (3, None, "virialff: no labels", ("failed", "no labels")),
        (70, None, "", ("failed", "the training ended with exit code 70")),
    ],
)
def test_how_a_training_ended(code, asked, last_line, expected):
    assert outcome(code, asked, last_line) == expected


@pytest.mark.parametrize(
    ("code", "asked", "last_line", "expected"),
    [
        (1, None, "3 records were left out", ("finished", "")),
        (130, "it was asked to stop", "virialff: interrupted", ("stopped", "it was asked to stop")),
        (3, None, "virialff: no labels", ("failed", "no labels")),
        (70, None, "", ("failed", "the label campaign ended with exit code 70")),
    ],
)
def test_how_another_command_ended(code, asked, last_line, expected):
    assert outcome(code, asked, last_line, "label campaign") == expected


def finished(place, name, **changes):
    """The record of a job that has finished."""
    folder = JobFolder(place / name)
    folder.path.mkdir(parents=True)
    settings: dict[str, Any] = {
        "subject": str(place / name / "run"),
        "arguments": ("data", "info"),
        "directory": str(place),
        "host": "here",
        "submitted": 1000.0,
    }
    folder.write_request(Request(**(settings | changes)))
    folder.write_state(State(state="finished", started=1000.0, ended=1010.0, exit_code=0))
    return folder


DAMAGES = {
    "truncated": b'{"subject": "/somewhere", "argum',
    "empty": b"",
    "null": b"null",
    "a list": b"[1, 2]",
    "a null where a number belongs": b'{"step": null}',
    "wrong types": b'{"subject": 3, "arguments": "train", "submitted": "now", "attempt": [], "state": {}}',
    "a time no calendar has": b'{"subject": "a", "arguments": ["a"], "directory": "/", "host": "", "submitted": 1e300,'
    b' "state": "finished", "started": 1e300}',
    "an unknown state": b'{"attempt": 1, "state": "asleep"}',
    "nested": b"[" * 100_000,
    "no text": bytes(range(128, 256)),
    "an earlier version with wrong types": b'{"recipe": "r", "run": "r", "options": null, "threads": "a", "gpus": 9}',
    "a command of an earlier version": b'{"started": "now", "purpose": "check", "arguments": []}',
}


@pytest.mark.parametrize("name", ["job.json", "state.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_itself_damaged_and_nothing_else(jobs, capsys, name, damage):
    for place, purpose in ((jobs / "jobs", "training"), (jobs / "commands", "check")):
        bad = finished(place, f"{purpose}-1", purpose=purpose)
        (bad.path / name).write_bytes(DAMAGES[damage])
        finished(place, f"{purpose}-2", purpose=purpose)
        listed = {job.name: job for job in list_jobs(purpose)}
        assert (listed[f"{purpose}-1"].state, listed[f"{purpose}-2"].state) == ("damaged", "finished")
        assert str(bad.path / name) in listed[f"{purpose}-1"].reason
        assert main(["jobs", "show", f"{purpose}-1"]) == 0
        assert f"{name} is damaged" in capsys.readouterr().out
        with pytest.raises(JobError, match="is over already"):
            stop(f"{purpose}-1")
    assert main(["jobs"]) == 0
    rows = [line.split()[:2] for line in capsys.readouterr().out.splitlines()[1:]]
    assert sorted(rows) == [["training-1", "damaged"], ["training-2", "finished"]]
    assert main(["jobs", "list", "--all", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["jobs"]) == 4
    if name == "job.json":
        with pytest.raises(JobError, match=r"job\.json is damaged"):
            resume("check-1")
    # Others start beside it.
    again = start_command("check", "another store", ["--version"])
    assert over(again.name).state == "finished"
    forget("check-1")
    assert "check-1" not in [job.name for job in list_jobs(None)]


def test_a_training_starts_beside_damaged_records(recipe, jobs):
    for name, damage in (("tiny", b"{"), ("other", b'{"step": null}')):
        (finished(jobs / "jobs", name).path / "job.json").write_bytes(damage)
    (jobs / "tiny").mkdir()
    for file in ("status.json", "metrics.jsonl"):
        (jobs / "tiny" / file).write_text('{"step": null}\n')
    job = start(recipe, options=["--steps", "2"])
    job = over(job.name)
    assert (job.name, job.state, job.step) == ("tiny-2", "finished", 2)


@pytest.mark.parametrize("damage", [b'{"step": null}', b'{"step": "three", "steps": []}', b"[]", b"5", b"{", b"\xff"])
def test_a_run_that_tells_nonsense_has_told_nothing(jobs, damage):
    job = finished(jobs / "jobs", "odd", purpose="training", subject=str(jobs / "odd"))
    (jobs / "odd").mkdir()
    for file in ("status.json", "metrics.jsonl"):
        (jobs / "odd" / file).write_bytes(damage)
    assert (look(job).state, look(job).step, look(job).steps) == ("finished", 0, None)


def test_a_running_job_with_a_damaged_state_is_not_taken_for_ended(jobs):
    folder = finished(jobs / "jobs", "alive")
    (folder.path / "state.json").write_bytes(b"{")
    descriptor = share(folder.lock)
    assert (look(folder).state, "state.json is damaged" in look(folder).reason) == ("running", True)
    (folder.path / "stop.json").write_bytes(b"{")
    assert not folder.is_asked_to_stop(1)
    os.close(descriptor)
    assert look(folder).state == "damaged"


def test_records_of_version_0_1_are_shown_and_go_on(jobs):
    training, command = jobs / "jobs" / "old", jobs / "commands" / "check-1"
    for folder in (training, command):
        folder.mkdir(parents=True)
    request = {
        "name": "old",
        "recipe": str(training / "recipe.yaml"),
        "run": str(jobs / "old"),
        "directory": str(jobs),
        "cluster": "slurm",
        "gpus": 2,
        "threads": 3,
        "options": ["--steps", "6"],
        "slurm": {"memory_gb": 8.0, "partition": "gpu"},
        "devices": [],
        "host": "there",
        "submitted": 1000.0,
        "attempt": 2,
        "nodes": 1,
        "processes": None,
    }
    state = {"attempt": 2, "state": "stopped", "reason": "it was asked to stop", "host": "node1", "process": 5}
    state |= {"devices": ["0", "1"], "scheduler_id": "17", "started": 1001.0, "ended": 1100.0}
    (training / "job.json").write_text(json.dumps(request))
    (training / "state.json").write_text(json.dumps(state))
    job = find("old")
    assert (job.purpose, job.state, job.reason, job.attempt) == ("training", "stopped", "it was asked to stop", 2)
    assert (job.run, job.recipe, job.log) == (jobs / "old", training / "recipe.yaml", training / "attempt_2.log")
    assert (job.host, job.devices, job.scheduler_id, job.gpus) == ("node1", ("0", "1"), "17", 2)
    assert job.arguments[:4] == ("train", str(training / "recipe.yaml"), "--run", str(jobs / "old"))
    assert job.arguments[-2:] == ("--steps", "6")
    read = JobFolder(training).request()
    assert (read.cores, read.slurm.partition) == (6, "gpu")

    old = {"name": "check-1", "purpose": "check", "subject": "labels", "arguments": ["--version"]}
    (command / "request.json").write_text(json.dumps(old | {"directory": str(jobs), "started": 1000.0}))
    (command / "output.log").write_text("3 of 4 rows\nvirialff: no rows\n")
    end = {"state": "failed", "reason": "no rows", "exit_code": 3, "ended": 1010.0}
    (command / "end.json").write_text(json.dumps(end))
    (job,) = list_jobs("check")
    assert (job.name, job.subject, job.state, job.reason) == ("check-1", "labels", "failed", "no rows")
    assert (job.exit_code, job.seconds, job.share_done) == (3, 10.0, 0.75)
    resume("check-1")
    again = over("check-1")
    assert (again.state, again.attempt, again.log.name) == ("finished", 2, "attempt_2.log")
    assert (command / "output.log").exists()


def test_a_clock_that_was_set_back_shows_no_negative_time(jobs):
    folder = finished(jobs / "commands", "check-1", purpose="check", submitted=time.time() + 100_000)
    (folder.path / "state.json").unlink()
    descriptor = share(folder.lock)
    assert look(folder).seconds == 0.0
    folder.write_state(State(state="finished", started=2000.0, ended=1000.0))
    assert look(folder).seconds == 0.0
    os.close(descriptor)
    assert duration(-1000.0) == "0 s"
