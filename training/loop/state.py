"""Everything that a run needs to go on, and how it comes to be: anew, from another's weights or from a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.data.pack import LabelledGraph
from training.loop.initial import copy_initial_weights
from training.loop.optimizer import make_optimizer
from training.loop.run_folder import ADVICE, CHECKPOINT, RunFolder
from training.loop.stopping import LossMonitor
from training.objectives.baselines import fit_total_baseline, move_baseline
from training.objectives.charge_sign import orient_charges
from training.objectives.kinetic import fit_kinetic_baseline
from training.recipes.optimization import COMPANION, Optimization
from virialff.errors import CheckpointError, ConfigError, DocumentError
from virialff.networks.baseline import Baseline
from virialff.networks.config import NetworkConfig
from virialff.networks.force_field import ForceFieldNetwork
from virialff.networks.kinetic import KineticNetwork
from virialff.text import reason_of

_TWIN = "twin_"


@dataclass
class State:
    """Everything that a run needs to go on."""

    network: ForceFieldNetwork
    average: ForceFieldNetwork
    baseline: Baseline
    #: The kinetic-energy network, its average and its baseline, in a run that has a stage for it.
    kinetic: KineticNetwork | None = None
    average_kinetic: KineticNetwork | None = None
    kinetic_baseline: Baseline | None = None
    #: Of the companion, in a run that has one.
    companion_baseline: Baseline | None = None
    #: Of the kinetic energy, in a run that trains a kinetic-energy twin.
    twin_baseline: Baseline | None = None
    optimizer: torch.optim.Optimizer | None = None
    step: int = 0
    seconds: float = 0.0
    monitor: LossMonitor = field(default_factory=LossMonitor)
    #: Sums of the losses since the last line of metrics, and the number of steps in them.
    sums: dict[str, float] = field(default_factory=dict)
    counted: int = 0

    def modules(self) -> Iterator[tuple[str, nn.Module, nn.Module]]:
        """Name in a checkpoint, network and average of each network."""
        yield "", self.network, self.average
        if self.kinetic is not None and self.average_kinetic is not None:
            yield "kinetic_", self.kinetic, self.average_kinetic

    def parameters(self) -> list[nn.Parameter]:
        """All parameters that the present stage trains."""
        return [x for _, network, _ in self.modules() for x in network.parameters() if x.requires_grad]

    def baselines(self) -> Iterator[tuple[str, Baseline]]:
        """Name in a checkpoint and values of each baseline."""
        for name, baseline in (
            ("", self.baseline),
            ("kinetic_", self.kinetic_baseline),
            (COMPANION, self.companion_baseline),
            (_TWIN, self.twin_baseline),
        ):
            if baseline is not None:
                yield name, baseline

    def tensors(self) -> list[Tensor]:
        """Everything learned or fitted that a new run starts with."""
        networks = [part for _, network, average in self.modules() for part in (network, average)]
        learned = [x for network in networks for x in network.state_dict().values()]
        return [*learned, *(baseline.weights for _, baseline in self.baselines())]

    def begin_stage(self, stage: Optimization) -> None:
        """Go on from the averaged weights with a new optimizer."""
        for _, network, average in self.modules():
            network.load_state_dict(average.state_dict())
        self.network.message_passing.requires_grad_(not stage.freeze_embeddings)
        self.optimizer = make_optimizer(stage.optimizer, self.parameters(), stage.learning_rate)
        self.monitor, self.sums, self.counted = LossMonitor(), {}, 0

    def to_checkpoint(self) -> dict[str, Any]:
        """Plain values and tensors, as `restore` takes them."""
        content: dict[str, Any] = {}
        for name, network, average in self.modules():
            content |= {f"{name}network": network.state_dict(), f"{name}average": average.state_dict()}
        for name, baseline in self.baselines():
            content |= {f"{name}baseline_weights": baseline.weights, f"{name}baseline_seen": baseline.seen}
        return content | {
            "optimizer": None if self.optimizer is None else self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "monitor": self.monitor.as_dict(),
            "sums": self.sums,
            "counted": self.counted,
            "random": torch.get_rng_state(),
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over a checkpoint of the same networks, without what belongs to a stage in progress."""
        for name, network, average in self.modules():
            network.load_state_dict(saved[f"{name}network"])
            average.load_state_dict(saved[f"{name}average"])
        self.step, self.seconds = saved["step"], saved["seconds"]
        # The checkpoints of the first runs have no random state.
        if "random" in saved:
            torch.set_rng_state(saved["random"].cpu())

    def restore_stage(self, saved: dict[str, Any]) -> None:
        """Take over optimizer and counts of the stage in which a checkpoint was written, after `begin_stage`."""
        for name, network, _ in self.modules():
            network.load_state_dict(saved[f"{name}network"])
        if self.optimizer is not None:
            self.optimizer.load_state_dict(saved["optimizer"])
        self.monitor = LossMonitor(**saved.get("monitor", {}))
        self.sums, self.counted = dict(saved.get("sums", {})), saved.get("counted", 0)


def resume_or_start(
    folder: RunFolder,
    network_config: NetworkConfig,
    stages: Sequence[Optimization],
    records: Sequence[LabelledGraph],
    device: str,
    initial: Path | None = None,
    *,
    companion: Sequence[LabelledGraph] | None = None,
) -> State:
    """The state of the last checkpoint, or a new one with the baselines fitted to `records`.

    A new one takes its weights from the run or model in the folder `initial` where one is given, whose baseline is
    moved to `records`; `companion`, records of its own level of theory, keep it as it is. Raises ConfigError for
    weights of another network, for records without the labels that a stage needs, and for a companion without
    `initial`.
    """
    torch.manual_seed(stages[0].seed)
    double, kinetic = stages[0].double_precision, [stage for stage in stages if stage.trains_kinetic]

    def build() -> tuple[ForceFieldNetwork, KineticNetwork | None]:
        networks = ForceFieldNetwork(network_config), KineticNetwork(network_config) if kinetic else None
        for network in networks:
            if network is not None:
                network.to(device, torch.float64 if double else torch.float32)
        return networks

    network, kinetic_network = build()
    average, average_kinetic = build()
    saved = folder.checkpoint(device)
    if saved is not None:
        with fitting(folder.path):
            state = State(network, average, _baseline(saved, ""), kinetic_network, average_kinetic)
            state.kinetic_baseline = _baseline(saved, "kinetic_") if kinetic else None
            state.companion_baseline = _baseline(saved, COMPANION) if f"{COMPANION}baseline_weights" in saved else None
            state.twin_baseline = _baseline(saved, _TWIN) if f"{_TWIN}baseline_weights" in saved else None
            state.restore(saved)
    else:
        detail = network_config.baseline_detail
        if initial is None:
            before, baseline = None, fit_total_baseline(records, detail=detail)
        else:
            before = copy_initial_weights(initial, network, kinetic_network)
            if any(stage.dipole_weight for stage in stages):
                # Energies alone may have left the charges negated, and dipoles would first have to undo that.
                orient_charges(network, records)
            baseline = move_baseline(records, before, network, detail=detail, companions=companion or ())
        if companion is not None and before is None:
            raise ConfigError("A companion needs `initial`, whose baseline it keeps: name a run or a model there.")
        state = State(network, average, baseline, kinetic_network, average_kinetic)
        state.companion_baseline = before if companion is not None else None
        if any(stage.twin_weight for stage in stages):
            state.twin_baseline = fit_kinetic_baseline(records, detail=detail, descriptors=False)
        if kinetic:
            state.kinetic_baseline = fit_kinetic_baseline(
                records, detail=detail, descriptors=kinetic[0].kinetic_descriptor_weight > 0
            )
        for _, trained, mean in state.modules():
            mean.load_state_dict(trained.state_dict())
    for _, _, mean in state.modules():
        mean.requires_grad_(False)
    return state


@contextmanager
def fitting(run: Path) -> Iterator[None]:
    """What torch raises of a checkpoint that is not of the networks of its run is a CheckpointError."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise CheckpointError(f"{run / CHECKPOINT} does not fit its run ({reason_of(error)}): {ADVICE}.") from error


def refuse_other_run(folder: RunFolder, network: NetworkConfig, stages: Sequence[Optimization]) -> None:
    """Raise ConfigError if the run in `folder` has another network, or other stages before its last one."""
    if not folder.has_config():
        return
    config = folder.config()
    before, now = network_of(config).to_dict(), network.to_dict()
    advice = "take the run's own recipe or another run folder."
    for name, value in before.items():
        if now[name] != value:
            raise ConfigError(
                f"The run in {folder.path} has a network with {name} {value} and the recipe says {now[name]}: {advice}"
            )
    lengths = [(stage.name, stage.steps) for stage in stages_of(config)]
    if len(lengths) != len(stages) or lengths[:-1] != [(stage.name, stage.steps) for stage in stages[:-1]]:
        raise ConfigError(f"The run in {folder.path} has other stages than the recipe: {advice}")


def stages_of(config: dict[str, Any]) -> tuple[Optimization, ...]:
    """The stages in the config of a run; the first runs had one, under another name."""
    try:
        return tuple(Optimization(**values) for values in config.get("stages", [config.get("optimization")]))
    except (TypeError, ValueError) as error:
        raise _unreadable("stages", error) from error


def network_of(config: dict[str, Any]) -> NetworkConfig:
    """The network in the config of a run."""
    try:
        return NetworkConfig.from_dict(config["network"])
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _unreadable("network", error) from error


def _unreadable(what: str, error: Exception) -> DocumentError:
    return DocumentError(f"The config.json of the run has no readable {what} ({reason_of(error)}): {ADVICE}.")


def steps_done(path: Path) -> int:
    """Steps at the last checkpoint of the run in the folder `path`, 0 for a run that has none."""
    saved = RunFolder(path).checkpoint("cpu")
    return 0 if saved is None else int(saved["step"])


def read_run(path: Path, records: Sequence[LabelledGraph]) -> State:
    """The state of the run in the folder `path` at its last checkpoint; `records` are those it trains on."""
    folder = RunFolder(path)
    config = folder.config()
    return resume_or_start(folder, network_of(config), stages_of(config), records, "cpu")


def _baseline(saved: dict[str, Any], name: str) -> Baseline:
    return Baseline.read(saved[f"{name}baseline_weights"].cpu(), saved[f"{name}baseline_seen"].cpu())
