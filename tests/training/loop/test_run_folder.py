"""Files of a run survive what a kill leaves behind."""

import pytest
import torch

from tests.limits import files_end_at
from training.loop.run_folder import CHECKPOINT, RunFolder, environment
from virialff.errors import CheckpointError, DocumentError


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


def damaged(content: bytes, place: int) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 4
    return bytes(changed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: damaged(content, len(content) // 2),
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"no archive",
    ],
)
def test_a_damaged_checkpoint_is_a_sentence(tmp_path, damage):
    run = RunFolder(tmp_path)
    run.save_checkpoint({"step": 1, "weights": torch.ones(300)})
    (tmp_path / CHECKPOINT).write_bytes(damage((tmp_path / CHECKPOINT).read_bytes()))
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt is damaged .*restore it from a copy, or train the run"):
        run.checkpoint("cpu")


@pytest.mark.parametrize("content", [[1, 2], {"weights": torch.ones(2)}, {"step": "one"}, {"step": -1}, torch.ones(3)])
def test_what_is_no_checkpoint_of_a_run_is_a_sentence(tmp_path, content):
    torch.save(content, tmp_path / CHECKPOINT)
    with pytest.raises(CheckpointError, match="it does not tell its step"):
        RunFolder(tmp_path).checkpoint("cpu")


def test_a_checkpoint_with_code_in_it_is_not_run(tmp_path):
    torch.save({"step": 1, "code": print}, tmp_path / CHECKPOINT)
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt is damaged"):
        RunFolder(tmp_path).checkpoint("cpu")


def test_a_checkpoint_of_an_earlier_version_is_read_and_its_parts_are_held_against_their_checksums(tmp_path):
    torch.save({"step": 5, "weights": torch.ones(300)}, tmp_path / CHECKPOINT)
    content = (tmp_path / CHECKPOINT).read_bytes()
    assert (RunFolder(tmp_path).checkpoint("cpu") or {}).get("step") == 5
    place = content.index(torch.ones(300).numpy().tobytes())
    (tmp_path / CHECKPOINT).write_bytes(damaged(content, place + 100))
    with pytest.raises(CheckpointError, match=r"the checksum of its part|CRC"):
        RunFolder(tmp_path).checkpoint("cpu")


def test_a_config_or_status_that_is_damaged_is_a_sentence(tmp_path):
    run = RunFolder(tmp_path)
    run.write_config({"network": {"hidden_size": 8}})
    run.write_status("running", step=3)
    for name, read in (("config.json", run.config), ("status.json", run.status)):
        (tmp_path / name).write_bytes(damaged((tmp_path / name).read_bytes(), 9))
        with pytest.raises(DocumentError, match=rf"{name} is damaged"):
            read()
