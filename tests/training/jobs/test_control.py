"""Jobs on this machine, with real trainings: they outlive their starter, wait in line, stop, die and go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.jobs.job_process import at_work, over, parent_of, wait_until
from training.jobs.control import find, follow, list_jobs, resume, start, stop
from training.jobs.locks import is_held
from virialff.cli import main
from virialff.errors import ConfigError, JobError, ReadOnlyError


def started_at(run: Path) -> list[int]:
    """The step at which each attempt began."""
    return [json.loads(line)["step"] for line in (run / "environment.jsonl").read_text().splitlines()]


def test_a_job_outlives_its_starter_stops_and_goes_on(recipe, jobs, capsys):
    command = [sys.executable, "-m", "virialff.cli", "train", str(recipe), "--cluster", "local"]
    starter = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    wait_until(lambda: [job for job in list_jobs() if job.process], "the start of the training")
    # As a closed terminal does, and worse.
    os.killpg(starter.pid, signal.SIGKILL)
    starter.communicate()
    job = at_work("tiny")
    assert job.run == jobs / "tiny"
    assert job.steps == 100_000
    assert job.remaining_seconds is not None
    with pytest.raises(JobError, match="has a job already, tiny, which is running"):
        start(recipe)
    with pytest.raises(JobError, match="stop it before it is resumed"):
        resume("tiny")

    assert main(["jobs", "stop", "tiny", "--json"]) == 0
    stopped = json.loads(capsys.readouterr().out)
    assert (stopped["state"], stopped["reason"]) == ("stopped", "it was asked to stop")
    assert json.loads((job.run / "status.json").read_text())["status"] == "interrupted"
    with pytest.raises(JobError, match="is over already"):
        stop("tiny")

    assert main(["jobs", "resume", "tiny"]) == 0
    wait_until(lambda: find("tiny").step > stopped["step"], "a further step")
    assert started_at(job.run) == [0, stopped["step"]]
    again = stop("tiny")
    assert (again.state, again.attempt) == ("stopped", 2)


def test_of_two_jobs_one_waits_until_the_other_dies(recipe, jobs, capsys):
    first = start(recipe)
    # Another shell, another recipe of the same name.
    assert main(["train", str(recipe), "--cluster", "local", "--run", str(jobs / "second"), "--steps", "7"]) == 0
    third = start(recipe, run=jobs / "third")
    first = at_work(first.name)
    assert [(job.name, job.state, job.position) for job in list_jobs()] == [
        ("tiny", "running", None),
        ("second", "queued", 1),
        ("third", "queued", 2),
    ]
    assert stop(third.name).state == "stopped"
    assert first.process is not None
    os.kill(first.process, signal.SIGKILL)
    died = over("tiny")
    assert (died.state, died.reason) == ("died", "its process was ended by SIGKILL")

    lines = list(follow("second"))
    assert any(line.startswith("step 7/7") for line in lines)
    second = find("second")
    assert (second.state, second.step, second.steps) == ("finished", 7, 7)
    with pytest.raises(JobError, match="has finished its 7 steps"):
        resume("second")
    capsys.readouterr()
    assert main(["jobs"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in table[1:]] == [["tiny", "died"], ["second", "finished"], ["third", "stopped"]]
    assert main(["jobs", "show", "tiny"]) == 0
    assert "ended by SIGKILL" in capsys.readouterr().out


def test_a_job_whose_own_process_is_killed_died_and_its_training_saves(recipe, jobs):
    job = start(recipe)
    job = at_work(job.name)
    assert job.process is not None
    os.kill(parent_of(job.process), signal.SIGKILL)
    died = over(job.name)
    assert (died.state, died.reason) == ("died", "its process was killed, or the machine went down")
    assert json.loads((job.run / "status.json").read_text())["status"] == "interrupted"
    assert not is_held(jobs / "jobs" / "tiny" / "alive.lock")


def test_two_trainings_of_one_run_at_once(recipe, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "virialff.cli", "train", str(recipe), "--run", str(run)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        wait_until((run / "checkpoint.pt").exists, "the first steps")
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert second.returncode == 3
        assert second.stderr.startswith(f"virialff: The run {run} is in the hands of process {first.pid} of ")
        assert len(second.stderr.splitlines()) == 1
        assert first.poll() is None
    finally:
        first.kill()
        first.communicate()
    # However the first one ended, the run is free.
    again = subprocess.run([*command, "--steps", "1"], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr


def test_a_training_that_fails_gives_its_reason(recipe, jobs, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    text = recipe.read_text()
    labels = next(line.split(": ", 1)[1] for line in text.splitlines() if line.strip().startswith("labels:"))
    (tmp_path / "recipe.yaml").write_text(text.replace(labels, str(empty)))
    job = start(tmp_path / "recipe.yaml")
    job = over(job.name)
    assert job.state == "failed"
    assert "holds no labels" in job.reason
    assert list(follow(job.name))[-1] == f"virialff: {job.reason}"
    # What was wrong is put right, and the same run starts.
    again = start(recipe, options=["--steps", "2"])
    assert (again.name, again.attempt) == ("tiny", 2)
    assert over("tiny").state == "finished"


@pytest.mark.parametrize("name", ["nowhere", "../runs", ""])
def test_an_unknown_job_is_one_sentence(jobs, capsys, name):
    assert main(["jobs", "show", name]) == 3
    error = capsys.readouterr().err
    assert "There is no job" in error
    assert len(error.splitlines()) == 1


def test_a_read_only_installation_starts_nothing(recipe, jobs, monkeypatch, capsys):
    monkeypatch.setenv("VIRIALFF_READ_ONLY", "1")
    for attempt in (lambda: start(recipe), lambda: stop("tiny"), lambda: resume("tiny")):
        with pytest.raises(ReadOnlyError, match="VIRIALFF_READ_ONLY"):
            attempt()
    assert main(["train", str(recipe), "--run", str(jobs / "tiny")]) != 0
    assert "Training is refused because this installation is read-only" in capsys.readouterr().err
    assert not jobs.exists()
    assert main(["jobs"]) == 0
    assert "no jobs in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cluster", "local", "--gpus", "1"), "argument --gpus: 1: this machine has no NVIDIA GPU"),
        (("--cluster", "local", "--gpus", "-1"), "give the number of GPUs that train together"),
        (("--cluster", "local", "--nodes", "2"), "argument --nodes: 2 machines: several are had on SLURM only"),
        (("--cluster", "slurm", "--gpus", "1", "--processes", "2"), "with GPUs there is one process a GPU"),
        (("--cluster", "local", "--device", "cpu"), "--device is not for a job"),
        (("--cluster", "local", "--time", "10"), "go with --cluster slurm only"),
        (("--cluster", "slurm", "--time", "0"), "time_minutes: Input should be greater than or equal to 1"),
        (("--cluster", "slurm", "--sbatch", "qos"), "it takes OPTION=VALUE"),
        (("--cluster", "slurm"), "sbatch and squeue are not on the PATH"),
        (("--gpus", "1"), "this machine has no NVIDIA GPU"),
        (("--nodes", "2"), "argument --nodes: 2 nodes: several are had in a job of SLURM"),
        (("--time", "10"), "--time is for a job"),
    ],
)
def test_impossible_wishes_are_one_sentence(recipe, jobs, tmp_path, monkeypatch, capsys, options, words):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["train", str(recipe), *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1
    assert list_jobs() == []


def test_a_recipe_is_checked_before_anything_starts(recipe, jobs, tmp_path):
    (tmp_path / "recipe.yaml").write_text(recipe.read_text() + "tpyo: 1\n")
    with pytest.raises(ConfigError, match="tpyo: unknown key"):
        start(tmp_path / "recipe.yaml")
    with pytest.raises(ConfigError, match="among the records of the jobs"):
        start(recipe, run=jobs / "jobs" / "tiny")
    assert list_jobs() == []
