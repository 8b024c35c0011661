"""Several processes take the steps of one, whatever their number, and end together with the reason in the status."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from tests.small_network import SMALL_NETWORK
from training.loop.launcher import Nodes
from training.loop.ranks import Processes
from training.loop.run import prepare_run, train_recipe
from training.loop.run_folder import RunFolder
from training.loop.state import steps_done
from training.objectives.losses import Loss
from training.recipes.recipe import load_recipe
from virialff.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def recipe(label_store, tmp_path_factory) -> Path:
    content = {
        "name": "several",
        "level_of_theory": "GFN2-xTB",
        "data": {"labels": str(label_store), "split_seed": 3, "fractions": [0.6, 0.2, 0.2]},
        "network": json.loads(json.dumps(dataclasses.asdict(SMALL_NETWORK))),
        "optimization": {
            "steps": 20,
            "batch_pairs": 200,
            "complex_batch_pairs": 60,
            "warmup_steps": 5,
            "validate_every": 1,
            "dipole_weight": 1.0,
            "double_precision": True,
            "checkpoint_seconds": 0.2,
        },
    }
    file: Path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def start(recipe: Path, run: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "virialff.cli", "train", str(recipe), "--run", str(run), *options]
    settings = os.environ | {"CUDA_VISIBLE_DEVICES": ""} | environment
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=settings)


def finish(process: "subprocess.Popen[str]", code: int = 0) -> str:
    _, error = process.communicate(timeout=200)
    assert process.returncode == code, error
    return error


@pytest.fixture(scope="module")
def alone(recipe, tmp_path_factory) -> Path:
    run: Path = tmp_path_factory.mktemp("alone")
    train_here(recipe, run)
    return run


def train_here(recipe: Path, run: Path) -> None:
    checked = load_recipe(recipe)
    prepare_run(checked, run, say=lambda line: None)
    train_recipe(checked, checked.all_stages, run, Processes(), say=lambda line: None)


def assert_same_losses(found: Path, expected: Path) -> None:
    rows, others = RunFolder(found).metrics(), RunFolder(expected).metrics()
    assert [row["step"] for row in rows] == list(range(1, 21))
    for row, other in zip(rows, others, strict=True):
        losses = [name for name in other if name.startswith(("train_", "validation_"))]
        assert len(losses) >= 8
        for name in losses:
            assert row[name] == pytest.approx(other[name], rel=1e-5), (name, row["step"])


def test_two_processes_take_the_steps_of_one(recipe, alone, tmp_path):
    finish(start(recipe, tmp_path, "--processes", "2"))
    assert_same_losses(tmp_path, alone)
    assert RunFolder(tmp_path).status()["status"] == "finished"
    starts = [json.loads(line) for line in (tmp_path / "environment.jsonl").read_text().splitlines()]
    assert [(row["step"], row["processes"]) for row in starts] == [(0, 2)]


#: In the process of this rank, the fourth batch does what comes after it.
AT_THE_FOURTH = """
import os, signal, time
if os.environ.get("RANK") == "1":
    import training.loop.sources
    losses, calls = training.loop.sources.Source.losses, []
    def changed(self, state, processes):
        calls.append(1)
        if len(calls) == 4:
            {act}
        return losses(self, state, processes)
    training.loop.sources.Source.losses = changed
    def stop():
        # The command that started torchrun, which started this process, is asked to end.
        noted, before = [], signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda number, frame: noted.append(before(number, frame)))
        torchrun = open(f"/proc/{{os.getppid()}}/stat").read().rpartition(")")[2].split()
        os.kill(int(torchrun[1]), signal.SIGTERM)
        while not noted:
            time.sleep(0.01)
    def fail():
        raise MemoryError
"""


def hook(folder: Path, act: str) -> str:
    """A path for Python with which the second process does something else at its fourth step."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(AT_THE_FOURTH.format(act=act))
    return f"{folder}:{ROOT}"


def test_two_nodes_end_of_a_signal_to_one_and_one_process_goes_on(recipe, alone, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = (
        "import sys; from training.loop.launcher import Nodes, run_processes; "
        f"sys.exit(run_processes(sys.argv[2:], 1, Nodes(2, int(sys.argv[1]), '127.0.0.1', {port})))"
    )
    run = tmp_path / "run"
    options = [str(recipe), "--run", str(run), "--device", "cpu"]
    environment = os.environ | {"PYTHONPATH": hook(tmp_path / "site", "stop()")}
    nodes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(rank), *options],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        for rank in range(2)
    ]
    for node in nodes:
        error = finish(node, 130)
        assert "Traceback" not in error
        assert error.splitlines()[-1].startswith("virialff train: ")
        assert "ended the run at step 4, which was saved" in error.splitlines()[-1]
    status = RunFolder(run).status()
    assert (status["status"], status["step"], steps_done(run)) == ("interrupted", 4, 4)
    train_here(recipe, run)
    assert_same_losses(run, alone)


def test_an_error_in_one_of_them_ends_all_with_the_reason(recipe, tmp_path):
    process = start(recipe, tmp_path / "run", "--processes", "2", PYTHONPATH=hook(tmp_path / "site", "fail()"))
    error = finish(process, 3)
    reason = "the memory of the device is full: lower batch_pairs or conformers in the recipe"
    status = RunFolder(tmp_path / "run").status()
    assert (status["status"], status["reason"]) == ("stopped", f"process 1 of 2 failed: {reason}")
    assert error.splitlines()[-1].startswith("virialff: ")
    assert reason in error.splitlines()[-1]


def test_records_are_shared_out_evenly():
    sizes = [5, 1, 1, 1, 9, 3, 4]
    shares = [Processes(rank, 3).share(sizes) for rank in range(3)]
    assert sorted(position for share in shares for position in share) == list(range(7))
    assert max(sum(sizes[i] for i in share) for share in shares) == 9
    assert Processes(1, 2).share([7]) == []


def test_one_process_alone_changes_nothing():
    losses = {"energy": Loss(torch.tensor(6.0, requires_grad=True), torch.tensor(3.0))}
    parts, means = Processes().join_losses(losses, ["energy"])
    assert means["energy"].item() == 2.0
    parts["energy"].backward()
    assert losses["energy"].total.grad == pytest.approx(1 / 3)


def test_nodes_of_a_slurm_job():
    assert Nodes.of_slurm(1, {}) == Nodes()
    with pytest.raises(ConfigError, match="2 nodes: several are had in a job of SLURM"):
        Nodes.of_slurm(2, {"SLURM_JOB_NUM_NODES": "1", "SLURM_PROCID": "0"})
