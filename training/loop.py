"""The training loop on plain tensors: torch, numpy and safetensors only, so that it runs on a bare GPU machine.

A run is a folder: `config.json` (resolved), `metrics.jsonl` (appended), `status.json` and `checkpoint.pt` (written
atomically). A run that was killed goes on from its last checkpoint with the same batches.
"""

import json
import math
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from training.dataset import KINDS, MINIMA, LabelledGraph, Pack, endless_batches, intermolecular, make_batch
from virialff.networks.baseline import Baseline, baseline_energies, baseline_features, fit_baseline
from virialff.networks.config import NetworkConfig
from virialff.networks.force_field import ForceFieldNetwork
from virialff.potential.energy import pair_energies, pair_energies_and_forces

_CLASSICAL = KINDS.index("classical_minimum")
_MINIMA = torch.tensor(MINIMA)


@dataclass(frozen=True)
class Optimization:
    """How long, how fast and on what loss. Energies in kcal/mol, forces in kcal/mol/A."""

    #: Read by pydantic where a recipe is checked; nothing is imported for it.
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    steps: int = 10_000
    seed: int = 1
    batch_pairs: int = 6_000
    complex_batch_pairs: int = 6_000
    conformers: int = 6
    complex_conformers: int = 4
    learning_rate: float = 1.5e-3
    warmup_steps: int = 500
    gradient_norm: float = 100.0
    average_decay: float = 0.999
    #: Loss weights: mean absolute errors of the total energy, of energies relative to the molecule's mean,
    #: of forces, of interaction energies and of the forces between fragments.
    energy_weight: float = 1.0
    relative_weight: float = 1.0
    force_weight: float = 1.0
    interaction_weight: float = 5.0
    interaction_force_weight: float = 5.0
    #: Weight in both energy losses by kind of geometry (dataset.KINDS): those far up the walls say little of minima.
    kind_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 0.3, 0.1)
    validate_every: int = 1_000
    checkpoint_seconds: float = 120.0
    threads: int = 1


class TrainingStopped(RuntimeError):
    """Training cannot go on; the message is the reason, and the last good checkpoint is kept."""


@dataclass
class State:
    """Everything that a run needs to go on."""

    network: ForceFieldNetwork
    average: ForceFieldNetwork
    optimizer: torch.optim.Optimizer
    baseline: Baseline
    step: int = 0
    seconds: float = 0.0


def train(
    folder: Path,
    network_config: NetworkConfig,
    optimization: Optimization,
    molecules: Pack,
    complexes: Pack | None,
    *,
    device: str = "cpu",
    report: Any = print,
) -> State:
    """Train in `folder`, or go on with the run that is there, until `optimization.steps` steps are done.

    Raises TrainingStopped when the loss is not finite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(optimization.threads)
    _write_json(folder / "config.json", {"network": network_config.to_dict(), "optimization": asdict(optimization)})
    state = _resume_or_start(folder, network_config, optimization, molecules, device)
    pairs = complexes.train if complexes else None
    molecule_batches = endless_batches(
        molecules.train.n_pairs.tolist(),
        optimization.batch_pairs,
        optimization.seed,
        state.step,
    )
    complex_batches = endless_batches(
        pairs.n_intermolecular_pairs.tolist() if pairs else [],
        optimization.complex_batch_pairs,
        optimization.seed + 1_000_003,
        state.step,
    )
    saved = started = time.monotonic()
    before = state.seconds
    sums: dict[str, float] = {}
    counted = 0
    for step, indices in molecule_batches:
        if step >= optimization.steps:
            break
        generator = np.random.default_rng([optimization.seed, 7, step])
        records = [molecules.train[index] for index in indices]
        losses = _molecule_losses(state.network, records, state.baseline, optimization, generator, device)
        if pairs:
            _, chosen = next(complex_batches)
            records = [intermolecular(pairs[index]) for index in chosen]
            losses |= _complex_losses(state.network, records, optimization, generator, device)
        loss = _weighted(losses, optimization)
        if not torch.isfinite(loss):
            _write_status(folder, state, optimization, "stopped", f"the loss is not finite at step {step}")
            raise TrainingStopped(f"the loss is not finite at step {step}; the checkpoint of step {state.step} is kept")
        rate = learning_rate(step, optimization)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), optimization.gradient_norm)
        state.optimizer.step()
        _average(state.average, state.network, min(optimization.average_decay, (1 + step) / (10 + step)))
        state.step = step + 1
        state.seconds = before + time.monotonic() - started
        counted += 1
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + value.item()

        if state.step % optimization.validate_every == 0 or state.step == optimization.steps:
            metrics: dict[str, Any] = {
                "step": state.step,
                "seconds": round(state.seconds, 1),
                "learning_rate": rate,
            }
            metrics |= {f"train_{name}": total / counted for name, total in sums.items()}
            metrics |= {f"validation_{k}": v for k, v in evaluate(state, molecules, complexes, "validation").items()}
            with (folder / "metrics.jsonl").open("a") as file:
                file.write(json.dumps(metrics) + "\n")
            remaining = state.seconds / state.step * (optimization.steps - state.step)
            report(_progress_line(metrics, optimization.steps, remaining))
            sums, counted = {}, 0
        if time.monotonic() - saved > optimization.checkpoint_seconds or state.step == optimization.steps:
            _save(folder, state)
            _write_status(folder, state, optimization, "running", "")
            saved = time.monotonic()
    _write_status(folder, state, optimization, "finished", "")
    return state


def steps_done(folder: Path) -> int:
    """Steps at the last checkpoint of the run in `folder`, 0 for a run that has none."""
    file = folder / "checkpoint.pt"
    return int(torch.load(file, map_location="cpu", weights_only=True)["step"]) if file.exists() else 0


def read_run(folder: Path, molecules: Pack) -> State:
    """The state of the run in `folder` at its last checkpoint."""
    config = json.loads((folder / "config.json").read_text())
    network = NetworkConfig.from_dict(config["network"])
    return _resume_or_start(folder, network, Optimization(**config["optimization"]), molecules, "cpu")


def learning_rate(step: int, optimization: Optimization) -> float:
    """Linear warm-up, then a cosine to zero."""
    warmup = min(1.0, (step + 1) / max(1, optimization.warmup_steps))
    return optimization.learning_rate * warmup * 0.5 * (1.0 + math.cos(math.pi * step / optimization.steps))


@torch.no_grad()
def evaluate(state: State, molecules: Pack, complexes: Pack | None, split: str) -> dict[str, float]:
    """Errors of the averaged weights on one split: kcal/mol and kcal/mol/A.

    `energy_mae` over minima; `relative_rmse` over the classical minima of a molecule against its lowest, that one left
    out (a minimum of another level lies in another basin);
    `force_mae` over all components of all geometries; `interaction_mae` over complexes.
    """
    predictions = predict_molecules(state.average, state.baseline, getattr(molecules, split))
    energy, relative, force = [], [], []
    for record, energies, forces in predictions:
        energy.append((energies - record.energies)[torch.isin(record.kinds, _MINIMA)].abs())
        same_level = record.kinds == _CLASSICAL
        if same_level.sum() > 1:
            reference, error = record.energies[same_level], (energies - record.energies)[same_level]
            lowest = int(reference.argmin())
            others = torch.arange(len(reference)) != lowest
            relative.append((error - error[lowest])[others] ** 2)
        force.append((forces - record.forces)[~torch.isnan(record.forces)].abs())
    result = {"energy_mae": float(torch.cat(energy).mean()), "force_mae": float(torch.cat(force).mean())}
    if relative:
        result["relative_rmse"] = float(torch.cat(relative).mean().sqrt())
    if complexes is not None and getattr(complexes, split):
        pairs = predict_complexes(state.average, getattr(complexes, split))
        result["interaction_mae"] = float(torch.cat([(e - record.energies).abs() for record, e in pairs]).mean())
    return result


@torch.no_grad()
def predict_molecules(
    network: ForceFieldNetwork, baseline: Baseline, records: Iterable[LabelledGraph]
) -> Iterator[tuple[LabelledGraph, Tensor, Tensor]]:
    """(record, total energies (n_conformers,) in kcal/mol, forces (n_conformers, n_atoms, 3) in kcal/mol/A)."""
    for record in records:
        parameters = network(record.graph)
        energies, forces = pair_energies_and_forces(parameters, record.positions.float())
        yield record, baseline_energies(baseline, record.graph) + energies[:, 0].double(), forces


@torch.no_grad()
def predict_complexes(
    network: ForceFieldNetwork, records: Iterable[LabelledGraph]
) -> Iterator[tuple[LabelledGraph, Tensor]]:
    """(record, E(complex) - E(fragments) (n_conformers,) in kcal/mol)."""
    for record in records:
        inter = intermolecular(record)
        yield record, pair_energies(network(inter.graph), record.positions.float())[:, 0].double()


def _molecule_losses(
    network: ForceFieldNetwork,
    records: list[LabelledGraph],
    baseline: Baseline,
    optimization: Optimization,
    generator: np.random.Generator,
    device: str,
) -> dict[str, Tensor]:
    batch = make_batch(records, optimization.conformers, generator)
    target = (batch.energies - baseline_energies(baseline, batch.graph)).float().to(device)
    weight = torch.tensor(optimization.kind_weights)[batch.kinds].to(device)
    energies, forces = pair_energies_and_forces(network(batch.graph.to(device)), batch.positions.to(device))
    error = energies - target
    mean = (weight * error).sum(dim=0) / weight.sum(dim=0)
    return {
        "energy": (weight * error.abs()).sum() / weight.sum(),
        "relative": (weight * (error - mean).abs()).sum() / weight.sum(),
        "force": _force_error(forces, batch.forces.to(device)),
    }


def _complex_losses(
    network: ForceFieldNetwork,
    records: list[LabelledGraph],
    optimization: Optimization,
    generator: np.random.Generator,
    device: str,
) -> dict[str, Tensor]:
    batch = make_batch(records, optimization.complex_conformers, generator)
    energies, forces = pair_energies_and_forces(network(batch.graph.to(device)), batch.positions.to(device))
    return {
        "interaction": (energies - batch.energies.float().to(device)).abs().mean(),
        "interaction_force": _force_error(forces, batch.forces.to(device)),
    }


def _force_error(forces: Tensor, reference: Tensor) -> Tensor:
    """Mean absolute error of the components that have a reference; zero where none has."""
    known = ~torch.isnan(reference)
    errors = torch.where(known, forces - reference.nan_to_num(), 0.0).abs()
    return errors.sum() / known.sum().clamp(min=1)


def _weighted(losses: dict[str, Tensor], optimization: Optimization) -> Tensor:
    weights = {
        "energy": optimization.energy_weight,
        "relative": optimization.relative_weight,
        "force": optimization.force_weight,
        "interaction": optimization.interaction_weight,
        "interaction_force": optimization.interaction_force_weight,
    }
    return torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()


def _resume_or_start(
    folder: Path, network_config: NetworkConfig, optimization: Optimization, molecules: Pack, device: str
) -> State:
    torch.manual_seed(optimization.seed)
    network = ForceFieldNetwork(network_config)
    average = ForceFieldNetwork(network_config)
    average.load_state_dict(network.state_dict())
    network.to(device)
    average.to(device).requires_grad_(False)
    optimizer = torch.optim.Adam(network.parameters(), lr=optimization.learning_rate, betas=(0.9, 0.99))
    file = folder / "checkpoint.pt"
    if not file.exists():
        return State(network, average, optimizer, _fit_baseline(molecules.train, network_config))
    saved = torch.load(file, map_location=device, weights_only=True)
    network.load_state_dict(saved["network"])
    average.load_state_dict(saved["average"])
    optimizer.load_state_dict(saved["optimizer"])
    baseline = Baseline(saved["baseline_weights"].cpu(), saved["baseline_seen"].cpu())
    return State(network, average, optimizer, baseline, saved["step"], saved["seconds"])


def _fit_baseline(records: Sequence[LabelledGraph], network_config: NetworkConfig) -> Baseline:
    """Fit on the mean energy of each training molecule's minima."""
    features, energies = [], []
    for record in records:
        minima = torch.isin(record.kinds, _MINIMA)
        if minima.any():
            features.append(baseline_features(record.graph))
            energies.append(record.energies[minima].mean())
    return fit_baseline(torch.cat(features), torch.stack(energies), bond_types=network_config.bond_type_baseline)


def _average(average: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1.0 - decay)


def _save(folder: Path, state: State) -> None:
    temporary = folder / "checkpoint.pt.partial"
    torch.save(
        {
            "network": state.network.state_dict(),
            "average": state.average.state_dict(),
            "optimizer": state.optimizer.state_dict(),
            "baseline_weights": state.baseline.weights,
            "baseline_seen": state.baseline.seen,
            "step": state.step,
            "seconds": state.seconds,
        },
        temporary,
    )
    temporary.replace(folder / "checkpoint.pt")


def _write_status(folder: Path, state: State, optimization: Optimization, status: str, reason: str) -> None:
    _write_json(
        folder / "status.json",
        {
            "status": status,
            "reason": reason,
            "step": state.step,
            "steps": optimization.steps,
            "seconds": round(state.seconds, 1),
            "process": os.getpid(),
        },
    )


def _write_json(path: Path, content: dict[str, Any]) -> None:
    temporary = path.with_name(path.name + ".partial")
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    temporary.replace(path)


def _progress_line(metrics: dict[str, Any], steps: int, remaining: float) -> str:
    shown = "  ".join(
        f"{name.removeprefix('validation_')} {value:.3f}"
        for name, value in metrics.items()
        if name.startswith("validation_")
    )
    return f"step {metrics['step']}/{steps}  {shown}  remaining {remaining / 60:.0f} min"
