"""What a job's files say, damaged ones too."""

import json

import pytest

from training.jobs.record import JobFolder, Request, look, read_json
from training.jobs.work import outcome
from training.loop.metrics import read_metrics
from virialff.errors import JobError


def test_metrics_are_read_by_step_and_torn_lines_passed_over(tmp_path):
    assert read_metrics(tmp_path) == []
    lines = [json.dumps({"step": step, "loss": loss}) for step, loss in ((3, 1.0), (6, 0.5), (6, 0.4))]
    (tmp_path / "metrics.jsonl").write_text("\n".join([lines[0], '{"step": 6, "lo', *lines[1:]]) + '\n{"step": 9')
    assert read_metrics(tmp_path) == [{"step": 3, "loss": 1.0}, {"step": 6, "loss": 0.4}]


def test_a_damaged_record_names_its_file(tmp_path):
    (tmp_path / "job.json").write_text("{")
    with pytest.raises(JobError, match=r"job\.json is damaged"):
        read_json(tmp_path / "job.json")


def test_a_job_is_shown_whatever_its_run_folder_holds(jobs):
    folder = JobFolder(jobs / "jobs" / "lost")
    folder.path.mkdir(parents=True)
    (jobs / "lost").mkdir()
    (jobs / "lost" / "status.json").write_text('{"step": 4')
    (jobs / "lost" / "metrics.jsonl").write_text('{"step": 3, "seconds": 1.5}\n')
    request = Request(
        name="lost",
        recipe=str(folder.recipe),
        run=str(jobs / "lost"),
        directory=str(jobs),
        cluster="local",
        gpus=0,
        threads=1,
        options=("--steps", "6"),
        slurm={},
        devices=(),
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
