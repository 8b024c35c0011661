"""The loop learns, stops with a reason, survives kill -9, and needs nothing but torch and numpy."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.small_network import SMALL_NETWORK
from training.dataset import COMPLEXES, MOLECULES, load_pack
from training.loop import Optimization, TrainingStopped, evaluate, learning_rate, train

ROOT = Path(__file__).resolve().parents[2]
SHORT = Optimization(steps=40, batch_pairs=200, complex_batch_pairs=100, warmup_steps=5, validate_every=10)

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
from training.dataset import COMPLEXES, MOLECULES, load_pack
from training.loop import Optimization, train
from virialff.networks.config import NetworkConfig
packs, run, steps, seconds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
network = NetworkConfig.from_dict(json.loads(sys.argv[5]))
optimization = Optimization(**json.loads(sys.argv[6]) | {"steps": steps, "checkpoint_seconds": seconds})
train(run, network, optimization, load_pack(packs / MOLECULES), load_pack(packs / COMPLEXES))
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
    state = train(run, SMALL_NETWORK, optimization, molecules, complexes, report=lambda line: None)
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


def test_killed_run_goes_on_to_the_same_weights(packs, tmp_path):
    whole = subprocess.run(bare_command(packs, tmp_path / "whole", 400, 1e9), cwd=ROOT, capture_output=True, text=True)
    assert whole.returncode == 0, whole.stderr

    process = subprocess.Popen(
        bare_command(packs, tmp_path / "killed", 400, 0.0), cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not (tmp_path / "killed" / "checkpoint.pt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    step = torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["step"]
    assert 0 < step < 400
    resumed = subprocess.run(
        bare_command(packs, tmp_path / "killed", 400, 1e9), cwd=ROOT, capture_output=True, text=True
    )
    assert resumed.returncode == 0, resumed.stderr
    for name, value in weights(tmp_path / "whole").items():
        torch.testing.assert_close(weights(tmp_path / "killed")[name], value, rtol=1e-5, atol=1e-7)


def test_a_loss_that_is_not_finite_stops_with_the_reason(packs, tmp_path):
    with pytest.raises(TrainingStopped, match="not finite at step"):
        run_here(packs, tmp_path, dataclasses.replace(SHORT, learning_rate=1e30, gradient_norm=1e30))
    status = json.loads((tmp_path / "status.json").read_text())
    assert status["status"] == "stopped"
    assert "not finite" in status["reason"]


def test_learning_rate_warms_up_and_ends_at_zero():
    rates = [learning_rate(step, SHORT) for step in range(SHORT.steps + 1)]
    assert rates[0] == pytest.approx(SHORT.learning_rate / 5)
    assert max(rates) == pytest.approx(SHORT.learning_rate, rel=0.05)
    assert rates[-1] == pytest.approx(0.0, abs=1e-12)
