"""Files of a run survive what a kill leaves behind."""

import pytest
import torch

from tests.limits import files_end_at
from training.loop.run_folder import CHECKPOINT, RunFolder, environment


def test_metrics_are_one_row_a_step_whatever_a_kill_left(tmp_path):
    run = RunFolder(tmp_path)
    run.append_metrics({"step": 10, "train_energy": 3.0})
    run.append_metrics({"step": 20, "train_energy": 2.0})
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 30, "train_en')
    assert [row["step"] for row in run.metrics()] == [10, 20]
    run.append_metrics({"step": 20, "train_energy": 1.0})
    assert run.metrics() == [{"step": 10, "train_energy": 3.0}, {"step": 20, "train_energy": 1.0}]


def test_a_checkpoint_that_cannot_be_written_leaves_the_former_one(tmp_path):
    run = RunFolder(tmp_path)
    assert run.checkpoint("cpu") is None
    run.save_checkpoint({"step": 1, "weights": torch.ones(3)})
    with files_end_at(1000), pytest.raises(OSError, match="File too large"):
        run.save_checkpoint({"step": 2, "weights": torch.zeros(3000)})
    kept = run.checkpoint("cpu")
    assert kept is not None
    assert kept["step"] == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == [CHECKPOINT]


def test_the_environment_names_versions_and_commit():
    found = environment("cpu")
    assert found["versions"]["torch"] == torch.__version__
    assert found["commit"] is None or len(found["commit"].removesuffix("+changes")) == 40
