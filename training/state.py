"""Everything that a run needs to go on, and how it comes to be: anew or from a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from training.dataset import MINIMA, LabelledGraph
from training.optimization import Optimization
from training.run_folder import RunFolder
from training.stopping import LossMonitor
from virialff.errors import ConfigError
from virialff.networks.baseline import Baseline, baseline_features, fit_baseline
from virialff.networks.config import NetworkConfig
from virialff.networks.force_field import ForceFieldNetwork

_MINIMA = torch.tensor(MINIMA)


@dataclass
class State:
    """Everything that a run needs to go on."""

    network: ForceFieldNetwork
    average: ForceFieldNetwork
    optimizer: torch.optim.Optimizer
    baseline: Baseline
    step: int = 0
    seconds: float = 0.0
    monitor: LossMonitor = field(default_factory=LossMonitor)
    #: Sums of the losses since the last line of metrics, and the number of steps in them.
    sums: dict[str, float] = field(default_factory=dict)
    counted: int = 0

    def to_checkpoint(self) -> dict[str, Any]:
        """Plain values and tensors, as `restore` takes them."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "baseline_weights": self.baseline.weights,
            "baseline_seen": self.baseline.seen,
            "step": self.step,
            "seconds": self.seconds,
            "monitor": self.monitor.as_dict(),
            "sums": self.sums,
            "counted": self.counted,
            "random": torch.get_rng_state(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over a checkpoint."""
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.seconds = saved["step"], saved["seconds"]
        # What follows is not in the checkpoints of the first runs.
        self.monitor = LossMonitor(**saved.get("monitor", {}))
        self.sums, self.counted = dict(saved.get("sums", {})), saved.get("counted", 0)
        if "random" in saved:
            torch.set_rng_state(saved["random"].cpu())


def resume_or_start(
    folder: RunFolder,
    network_config: NetworkConfig,
    optimization: Optimization,
    records: Sequence[LabelledGraph],
    device: str,
) -> State:
    """The state of the last checkpoint, or a new one with the baseline fitted to `records`.

    Raises ConfigError if the folder has a run with another network.
    """
    torch.manual_seed(optimization.seed)
    network = ForceFieldNetwork(network_config)
    if optimization.double_precision:
        network.double()
    average = ForceFieldNetwork(network_config).to(next(network.parameters()).dtype)
    average.load_state_dict(network.state_dict())
    network.to(device)
    average.to(device).requires_grad_(False)
    optimizer = torch.optim.Adam(network.parameters(), lr=optimization.learning_rate, betas=(0.9, 0.99))
    saved = folder.checkpoint(device)
    if saved is None:
        return State(network, average, optimizer, _fit_baseline(records, network_config))
    baseline = Baseline(saved["baseline_weights"].cpu(), saved["baseline_seen"].cpu())
    state = State(network, average, optimizer, baseline)
    state.restore(saved)
    return state


def refuse_other_network(folder: RunFolder, network: NetworkConfig) -> None:
    """Raise ConfigError if the run in `folder` has a network that differs from `network`."""
    if not folder.has_config():
        return
    before, now = NetworkConfig.from_dict(folder.config()["network"]).to_dict(), network.to_dict()
    for name, value in before.items():
        if now[name] != value:
            raise ConfigError(
                f"The run in {folder.path} has a network with {name} {value} and the recipe says {now[name]}: "
                "take the run's own recipe or another run folder."
            )


def steps_done(path: Path) -> int:
    """Steps at the last checkpoint of the run in the folder `path`, 0 for a run that has none."""
    saved = RunFolder(path).checkpoint("cpu")
    return 0 if saved is None else int(saved["step"])


def read_run(path: Path, records: Sequence[LabelledGraph]) -> State:
    """The state of the run in the folder `path` at its last checkpoint; `records` are those it trains on."""
    folder = RunFolder(path)
    config = folder.config()
    network = NetworkConfig.from_dict(config["network"])
    return resume_or_start(folder, network, Optimization(**config["optimization"]), records, "cpu")


def _fit_baseline(records: Sequence[LabelledGraph], network_config: NetworkConfig) -> Baseline:
    """Fit on the mean energy of each training molecule's minima."""
    features, energies = [], []
    for record in records:
        minima = torch.isin(record.kinds, _MINIMA)
        if minima.any():
            features.append(baseline_features(record.graph))
            energies.append(record.energies[minima].mean())
    return fit_baseline(torch.cat(features), torch.stack(energies), bond_types=network_config.bond_type_baseline)
