"""The loop learns, stops with a reason, survives kill -9, and needs nothing but torch and numpy."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.limits import files_end_at
from tests.small_network import SMALL_NETWORK
from training.data.pack import COMPLEXES, MOLECULES, load_pack
from training.loop.evaluate import evaluate
from training.loop.run_folder import RunFolder
from training.loop.state import steps_done
from training.loop.stopping import TrainingStopped
from training.loop.train import train
from training.recipes.optimization import Optimization, learning_rate
from virialff.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
SHORT = Optimization(
    steps=40, batch_pairs=200, complex_batch_pairs=100, warmup_steps=5, validate_every=10, double_precision=True
)

# Runs in a fresh interpreter in which the libraries of chemistry and of the app cannot be imported.
BARE = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"rdkit", "dgl", "pydantic", "streamlit"}:
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocker())
import json
from pathlib import Path
from training.data.pack import COMPLEXES, MOLECULES, load_pack
from training.loop.train import train
from training.recipes.optimization import Optimization
from training.loop.stopping import TrainingStopped
from virialff.networks.config import NetworkConfig
packs, run, steps, seconds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
network = NetworkConfig.from_dict(json.loads(sys.argv[5]))
optimization = Optimization(**json.loads(sys.argv[6]) | {"steps": steps, "checkpoint_seconds": seconds})
try:
    train(run, network, [optimization], load_pack(packs / MOLECULES), load_pack(packs / COMPLEXES))
except TrainingStopped as error:
    sys.exit(str(error))
"""


def bare_command(packs: Path, run: Path, steps: int, seconds: float) -> list[str]:
    settings = [json.dumps(SMALL_NETWORK.to_dict()), json.dumps(dataclasses.asdict(SHORT))]
    return [sys.executable, "-c", BARE, str(packs), str(run), str(steps), str(seconds), *settings]


def weights(run: Path) -> dict[str, torch.Tensor]:
    saved = torch.load(run / "checkpoint.pt", weights_only=True)
    tensors: dict[str, torch.Tensor] = saved["network"]
    return tensors


def run_here(packs: Path, run: Path, optimization: Optimization) -> dict[str, float]:
    molecules, complexes = load_pack(packs / MOLECULES), load_pack(packs / COMPLEXES)
    state = train(run, SMALL_NETWORK, [optimization], molecules, complexes, report=lambda line: None)
    return evaluate(state, molecules, complexes, "train")


def test_training_lowers_every_error(packs, tmp_path):
    before = run_here(packs, tmp_path / "short", dataclasses.replace(SHORT, steps=1))
    after = run_here(packs, tmp_path / "long", dataclasses.replace(SHORT, steps=300, learning_rate=5e-3))
    for name in ("energy_mae", "force_mae", "interaction_mae"):
        assert after[name] < 0.6 * before[name], name
    lines = [json.loads(line) for line in (tmp_path / "long" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(10, 301, 10))
    assert lines[-1]["train_force"] < lines[0]["train_force"]
    assert json.loads((tmp_path / "long" / "status.json").read_text())["status"] == "finished"


def test_ten_steps_without_chemistry_or_app_libraries(packs, tmp_path):
    done = subprocess.run(bare_command(packs, tmp_path / "run", 10, 60.0), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run" / "status.json").read_text())["step"] == 10


def start(packs: Path, run: Path, steps: int, seconds: float) -> subprocess.Popen[str]:
    """A run in a process of its own, once it has a checkpoint."""
    command = bare_command(packs, run, steps, seconds)
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    deadline = time.monotonic() + 120
    while steps_done(run) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


@pytest.fixture(scope="module")
def whole(packs, tmp_path_factory) -> Path:
    run: Path = tmp_path_factory.mktemp("whole")
    run_here(packs, run, dataclasses.replace(SHORT, steps=120))
    return run


def test_a_killed_run_goes_on_to_the_same_losses_and_weights(packs, whole, tmp_path):
    process = start(packs, tmp_path, 120, 0.0)
    process.kill()
    process.communicate()
    assert 0 < steps_done(tmp_path) < 120
    run_here(packs, tmp_path, dataclasses.replace(SHORT, steps=120))
    expected, found = RunFolder(whole).metrics(), RunFolder(tmp_path).metrics()
    assert [row["step"] for row in found] == list(range(10, 121, 10))
    for before, after in zip(expected, found, strict=True):
        assert set(before) == set(after)
        assert after["stage"] == before["stage"]
        for name in set(before) - {"seconds", "stage"}:
            assert after[name] == pytest.approx(before[name], rel=1e-10, abs=1e-12), name
    for name, value in weights(whole).items():
        torch.testing.assert_close(weights(tmp_path)[name], value, rtol=1e-9, atol=1e-12)
    starts = [json.loads(line) for line in (tmp_path / "environment.jsonl").read_text().splitlines()]
    assert starts[0]["step"] == 0
    assert starts[1]["step"] > 0
    assert starts[1]["versions"]["torch"] == torch.__version__


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1"])
def test_a_signal_saves_first(packs, tmp_path, name):
    process = start(packs, tmp_path, 100_000, 0.0 if name == "SIGTERM" else 1.0)
    process.send_signal(getattr(signal, name))
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    status = RunFolder(tmp_path).status()
    assert status["status"] == "interrupted"
    assert status["reason"] == error.strip()
    assert status["reason"].startswith(f"{name} ended the run at step {steps_done(tmp_path)}, which was saved")
    assert status["step"] == steps_done(tmp_path)


def test_a_loss_that_is_not_finite_stops_with_the_reason(packs, tmp_path):
    with pytest.raises(TrainingStopped, match="not finite at step"):
        run_here(packs, tmp_path, dataclasses.replace(SHORT, learning_rate=1e30, gradient_norm=1e30, explosion=1e300))
    status = RunFolder(tmp_path).status()
    assert status["status"] == "stopped"
    assert "not finite" in status["reason"]


def test_a_loss_that_explodes_keeps_the_last_good_checkpoint(packs, tmp_path):
    run_here(packs, tmp_path, dataclasses.replace(SHORT, steps=5))
    good = weights(tmp_path)
    wild = dataclasses.replace(SHORT, learning_rate=30.0, gradient_norm=1e9, warmup_steps=1, checkpoint_seconds=1e9)
    with pytest.raises(TrainingStopped, match=r"exploded at step .* the checkpoint of step 5 is kept"):
        run_here(packs, tmp_path, wild)
    assert RunFolder(tmp_path).status()["status"] == "stopped"
    assert RunFolder(tmp_path).status()["step"] == steps_done(tmp_path) == 5
    for name, value in weights(tmp_path).items():
        assert torch.equal(value, good[name])


def test_a_full_disk_stops_and_keeps_the_checkpoint(packs, tmp_path):
    run_here(packs, tmp_path, dataclasses.replace(SHORT, steps=5))
    # Room for the metrics and not for the checkpoint.
    with files_end_at(20_000), pytest.raises(TrainingStopped, match=r"File too large.*make room"):
        run_here(packs, tmp_path, dataclasses.replace(SHORT, steps=8))
    assert steps_done(tmp_path) == 5
    assert RunFolder(tmp_path).status()["status"] == "stopped"
    assert "File too large" in RunFolder(tmp_path).status()["reason"]
    run_here(packs, tmp_path, dataclasses.replace(SHORT, steps=8))
    assert RunFolder(tmp_path).status()["status"] == "finished"


def test_memory_that_runs_out_stops_with_advice(packs, tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
    command = bare_command(packs, tmp_path, 5, 1e9)
    command[2] = BARE.replace("try:\n", limit + "try:\n").replace(
        '"steps": steps', '"conformers": 3 * 10**6, "steps": steps'
    )
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "the memory of the device is full: lower batch_pairs" in done.stderr
    assert RunFolder(tmp_path).status()["reason"] in done.stderr


def test_another_network_in_the_run_folder_is_refused(packs, tmp_path):
    run_here(packs, tmp_path, dataclasses.replace(SHORT, steps=1))
    other = dataclasses.replace(SMALL_NETWORK, hidden_size=30)
    with pytest.raises(ConfigError, match="has a network with hidden_size 24 and the recipe says 30"):
        train(tmp_path, other, [SHORT], load_pack(packs / MOLECULES), None)


def test_learning_rate_warms_up_and_ends_at_zero():
    rates = [learning_rate(step, SHORT) for step in range(SHORT.steps + 1)]
    assert rates[0] == pytest.approx(SHORT.learning_rate / 5)
    assert max(rates) == pytest.approx(SHORT.learning_rate, rel=0.05)
    assert rates[-1] == pytest.approx(0.0, abs=1e-12)
