"""The training loop on plain tensors: torch, numpy, pyarrow and safetensors, so that it runs on a bare GPU machine.

A run is a folder (run_folder.py). One that was killed goes on from its last checkpoint with the same batches, the
same losses and the same metrics as if it had never ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.dataset import Pack, endless_batches, intermolecular, make_batch
from training.losses import complex_losses, molecule_losses, weighted_sum
from training.optimization import Optimization, learning_rate
from training.predictions import evaluate
from training.run_folder import RunFolder
from training.state import State, refuse_other_network, resume_or_start
from training.stopping import SignalWatch, TrainingInterrupted, TrainingStopped, reason_of
from virialff.networks.config import NetworkConfig


def train(
    folder: Path,
    network_config: NetworkConfig,
    optimization: Optimization,
    molecules: Pack,
    complexes: Pack | None,
    *,
    device: str = "cpu",
    report: Callable[[str], None] = print,
) -> State:
    """Train in `folder`, or go on with the run that is there, until `optimization.steps` steps are done.

    Raises TrainingInterrupted when a signal ended the run, which was saved first, and TrainingStopped when the loss is
    not finite or explodes, when the run folder cannot be written or when memory is out; the status has the reason, and
    the last good checkpoint is kept. Raises ConfigError if the folder has a run with another network.
    """
    run = RunFolder(folder)
    refuse_other_network(run, network_config)
    torch.set_num_threads(optimization.threads)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        run.write_config({"network": network_config.to_dict(), "optimization": asdict(optimization)})
        with SignalWatch() as signals:
            state = resume_or_start(run, network_config, optimization, molecules.train, device)
            run.append_environment(state.step, device)
            trainer = _Trainer(run, state, optimization, molecules, complexes, device, report)
            trainer.run_to_the_end(signals)
    except (OSError, RuntimeError, MemoryError, TrainingStopped) as error:
        reason = reason_of(error)
        if reason is None:
            raise
        status = "interrupted" if isinstance(error, TrainingInterrupted) else "stopped"
        _note_end(run, status, reason, optimization)
        if isinstance(error, TrainingStopped):
            raise
        raise TrainingStopped(reason) from error
    return state


class _Trainer:
    """One run in progress."""

    def __init__(
        self,
        folder: RunFolder,
        state: State,
        optimization: Optimization,
        molecules: Pack,
        complexes: Pack | None,
        device: str,
        report: Callable[[str], None],
    ) -> None:
        self.folder, self.state, self.optimization = folder, state, optimization
        self.molecules, self.complexes = molecules, complexes
        self.device, self.report = device, report
        self.dtype = torch.float64 if optimization.double_precision else torch.float32

    def run_to_the_end(self, signals: SignalWatch) -> None:
        state, settings = self.state, self.optimization
        saved = started = time.monotonic()
        before = state.seconds
        self._write_status("running")
        pairs = self.complexes.train if self.complexes else None
        seeds = settings.seed, settings.seed + 1_000_003
        sizes = self.molecules.train.n_pairs.tolist()
        molecule_batches = endless_batches(sizes, settings.batch_pairs, seeds[0], state.step)
        sizes = pairs.n_intermolecular_pairs.tolist() if pairs else []
        complex_batches = endless_batches(sizes, settings.complex_batch_pairs, seeds[1], state.step)
        for step, indices in molecule_batches:
            if step >= settings.steps:
                break
            losses = self._step(step, indices, next(complex_batches)[1] if pairs else [])
            state.step = step + 1
            state.seconds = before + time.monotonic() - started
            state.counted += 1
            for name, value in losses.items():
                state.sums[name] = state.sums.get(name, 0.0) + value
            last = state.step == settings.steps
            if state.step % settings.validate_every == 0 or last:
                self._validate()
            if last or signals.received or time.monotonic() - saved > settings.checkpoint_seconds:
                self._save(at_once=bool(signals.received))
                saved = time.monotonic()
            if signals.received and not last:
                raise TrainingInterrupted(
                    f"{signals.received} ended the run at step {state.step}, which was saved: "
                    "the same command goes on from there"
                )
        self._write_status("finished")

    def _step(self, step: int, indices: list[int], complex_indices: list[int]) -> dict[str, float]:
        """One step of the optimizer; the mean losses before it."""
        state, settings, device = self.state, self.optimization, self.device
        generator = np.random.default_rng([settings.seed, 7, step])
        records = [self.molecules.train[index] for index in indices]
        batch = make_batch(records, settings.conformers, generator, self.dtype)
        parts = molecule_losses(state.network, batch, state.baseline, settings, device)
        if self.complexes and complex_indices:
            records = [intermolecular(self.complexes.train[index]) for index in complex_indices]
            batch = make_batch(records, settings.complex_conformers, generator, self.dtype)
            parts |= complex_losses(state.network, batch, device)
        losses = {name: part.mean for name, part in parts.items()}
        loss = weighted_sum(losses, settings)
        self._check(step, "loss", loss)
        state.monitor.add(loss.item())
        if state.monitor.growth > settings.explosion:
            raise TrainingStopped(
                f"the loss exploded at step {step}: smoothed, it is {state.monitor.growth:.0f} times its lowest value; "
                f"{self._kept()}, try a lower learning_rate"
            )
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate(step, settings)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(state.network.parameters(), settings.gradient_norm)
        self._check(step, "gradient", norm)
        state.optimizer.step()
        _average(state.average, state.network, min(settings.average_decay, (1 + step) / (10 + step)))
        return {name: value.item() for name, value in losses.items()}

    def _check(self, step: int, name: str, value: Tensor) -> None:
        if not torch.isfinite(value):
            raise TrainingStopped(f"the {name} is not finite at step {step}; {self._kept()}, try a lower learning_rate")

    def _kept(self) -> str:
        saved = self.folder.checkpoint("cpu")
        return "there was no checkpoint yet" if saved is None else f"the checkpoint of step {saved['step']} is kept"

    def _validate(self) -> None:
        state, steps = self.state, self.optimization.steps
        metrics: dict[str, Any] = {
            "step": state.step,
            "seconds": round(state.seconds, 1),
            "learning_rate": learning_rate(state.step - 1, self.optimization),
        }
        metrics |= {f"train_{name}": total / state.counted for name, total in state.sums.items()}
        errors = evaluate(state, self.molecules, self.complexes, "validation")
        metrics |= {f"validation_{name}": value for name, value in errors.items()}
        self.folder.append_metrics(metrics)
        self._write_status("running")
        shown = "  ".join(f"{name} {value:.3f}" for name, value in errors.items())
        remaining = state.seconds / state.step * (steps - state.step)
        self.report(f"step {state.step}/{steps}  {shown}  remaining {remaining / 60:.0f} min")
        state.sums, state.counted = {}, 0

    def _save(self, at_once: bool) -> None:
        # A loss on its way up would replace good weights by bad ones shortly before the run stops.
        if at_once or self.state.monitor.calm(self.optimization.explosion):
            self.folder.save_checkpoint(self.state.to_checkpoint())
            self._write_status("running")

    def _write_status(self, status: str) -> None:
        state = self.state
        self.folder.write_status(
            status, step=state.step, steps=self.optimization.steps, seconds=round(state.seconds, 1)
        )


def _note_end(folder: RunFolder, status: str, reason: str, optimization: Optimization) -> None:
    """Write why the run ended, at the step it can go on from."""
    saved = folder.checkpoint("cpu")
    step, seconds = (0, 0.0) if saved is None else (saved["step"], round(saved["seconds"], 1))
    # On a full disk even this may fail, and the reason still reaches the caller.
    with suppress(OSError):
        folder.write_status(status, reason, step=step, steps=optimization.steps, seconds=seconds)


def _average(average: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1.0 - decay)
