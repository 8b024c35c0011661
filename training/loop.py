"""The training loop on plain tensors: torch, numpy, pyarrow and safetensors, so that it runs on a bare GPU machine.

A run is a folder (run_folder.py). One that was killed goes on from its last checkpoint with the same batches, the
same losses and the same metrics as if it had never ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.batches import endless_batches, make_batch
from training.dataset import Pack, intermolecular
from training.kinetic import kinetic_losses
from training.losses import Loss, complex_losses, molecule_losses, weighted_sum
from training.optimization import Optimization, learning_rate
from training.predictions import evaluate
from training.run_folder import RunFolder
from training.state import State, refuse_other_run, resume_or_start
from training.stopping import SignalWatch, TrainingInterrupted, TrainingStopped, reason_of
from virialff.networks.config import NetworkConfig


def train(
    folder: Path,
    network_config: NetworkConfig,
    stages: Sequence[Optimization],
    molecules: Pack,
    complexes: Pack | None,
    *,
    initial: Path | None = None,
    device: str = "cpu",
    report: Callable[[str], None] = print,
) -> State:
    """Train in `folder`, or go on with the run that is there, until all steps of all stages are done.

    initial: folder of a run or a model whose weights a new run starts with.

    Raises TrainingInterrupted when a signal ended the run, which was saved first, and TrainingStopped when the loss is
    not finite or explodes, when the run folder cannot be written or when memory is out; the status has the reason, and
    the last good checkpoint is kept. Raises ConfigError if the folder has another run, if `initial` has another
    network, or if the labels lack what a stage trains on.
    """
    run = RunFolder(folder)
    refuse_other_run(run, network_config, stages)
    torch.set_num_threads(stages[0].threads)
    steps = sum(stage.steps for stage in stages)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with SignalWatch() as signals:
            state = resume_or_start(run, network_config, stages, molecules.train, device, initial)
            run.write_config(
                {
                    "network": network_config.to_dict(),
                    "stages": [asdict(stage) for stage in stages],
                    "initial": None if initial is None else str(initial),
                }
            )
            run.append_environment(state.step, device)
            first = 0
            for stage in stages:
                if state.step < first + stage.steps:
                    stage_run = _StageRun(run, state, stage, first, steps, molecules, complexes, device, report)
                    stage_run.run_to_the_end(signals)
                first += stage.steps
            run.write_status("finished", step=state.step, steps=steps, seconds=round(state.seconds, 1))
    except (OSError, RuntimeError, MemoryError, TrainingStopped) as error:
        reason = reason_of(error)
        if reason is None:
            raise
        status = "interrupted" if isinstance(error, TrainingInterrupted) else "stopped"
        _note_end(run, status, reason, steps)
        if isinstance(error, TrainingStopped):
            raise
        raise TrainingStopped(reason) from error
    return state


class _StageRun:
    """One stage in progress; it begins after `first` steps of a run of `steps`."""

    def __init__(
        self,
        folder: RunFolder,
        state: State,
        stage: Optimization,
        first: int,
        steps: int,
        molecules: Pack,
        complexes: Pack | None,
        device: str,
        report: Callable[[str], None],
    ) -> None:
        self.folder, self.state, self.stage = folder, state, stage
        self.first, self.steps = first, steps
        self.molecules = molecules
        self.complexes = complexes if stage.trains_complexes else None
        self.device, self.report = device, report
        self.dtype = next(state.network.parameters()).dtype

    def run_to_the_end(self, signals: SignalWatch) -> None:
        state, stage = self.state, self.stage
        state.begin_stage(stage)
        if state.step > self.first and (saved_state := self.folder.checkpoint(self.device)) is not None:
            state.restore_stage(saved_state)
        saved = started = time.monotonic()
        before = state.seconds
        self._write_status()
        done = state.step - self.first
        train = self.molecules.train
        if stage.batch_molecules is None:
            molecule_batches = endless_batches(train.n_pairs.tolist(), stage.batch_pairs, stage.seed, done)
        else:
            molecule_batches = endless_batches([1] * len(train), stage.batch_molecules, stage.seed, done)
        pairs = self.complexes.train if self.complexes else None
        sizes = pairs.n_intermolecular_pairs.tolist() if pairs else []
        complex_batches = endless_batches(sizes, stage.complex_batch_pairs, stage.seed + 1_000_003, done)
        for step, indices in molecule_batches:
            losses = self._step(step, indices, next(complex_batches)[1] if pairs else [])
            state.step += 1
            state.seconds = before + time.monotonic() - started
            state.counted += 1
            for name, value in losses.items():
                state.sums[name] = state.sums.get(name, 0.0) + value
            last = step + 1 == stage.steps
            if state.step % stage.validate_every == 0 or last:
                self._validate(step)
            if last or signals.received or time.monotonic() - saved > stage.checkpoint_seconds:
                self._save(at_once=bool(signals.received))
                saved = time.monotonic()
            if signals.received and state.step < self.steps:
                raise TrainingInterrupted(
                    f"{signals.received} ended the run at step {state.step}, which was saved: "
                    "the same command goes on from there"
                )
            if last:
                break

    def _step(self, step: int, indices: list[int], complex_indices: list[int]) -> dict[str, float]:
        """One step of the optimizer; the mean losses before it."""
        state, stage = self.state, self.stage
        losses = {name: part.mean for name, part in self._losses(step, indices, complex_indices).items()}
        loss = weighted_sum(losses, stage)
        self._check("loss", loss)
        state.monitor.add(loss.item())
        if state.monitor.growth > stage.explosion:
            raise TrainingStopped(
                f"the loss exploded at step {state.step}: smoothed, it is {state.monitor.growth:.0f} times its lowest "
                f"value; {self._kept()}, try a lower learning_rate"
            )
        assert state.optimizer is not None
        for group in state.optimizer.param_groups:
            group["lr"] = learning_rate(step, stage)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(state.parameters(), stage.gradient_norm)
        self._check("gradient", norm)
        state.optimizer.step()
        decay = min(stage.average_decay, (1 + step) / (10 + step))
        for _, network, average in state.modules():
            _average(average, network, decay)
        return {name: value.item() for name, value in losses.items()}

    def _losses(self, step: int, indices: list[int], complex_indices: list[int]) -> dict[str, Loss]:
        state, stage, device = self.state, self.stage, self.device
        generator = np.random.default_rng([stage.seed, 7, step])
        batch = make_batch([self.molecules.train[i] for i in indices], stage.conformers, generator, self.dtype)
        if stage.coordinate_noise:
            noise = generator.normal(scale=stage.coordinate_noise, size=tuple(batch.positions.shape))
            batch = batch._replace(positions=batch.positions + torch.from_numpy(noise).to(self.dtype))
        losses: dict[str, Loss] = {}
        graph = batch.graph.to(device)
        if stage.trains_potential:
            losses |= molecule_losses(state.network(graph), batch, state.baseline, stage)
        if stage.trains_kinetic and state.kinetic is not None and state.kinetic_baseline is not None:
            hidden = state.network.message_passing(graph)
            descriptors = stage.kinetic_descriptor_weight > 0
            losses |= kinetic_losses(state.kinetic, hidden, batch, state.kinetic_baseline, descriptors=descriptors)
        if self.complexes and complex_indices:
            records = [intermolecular(self.complexes.train[index]) for index in complex_indices]
            batch = make_batch(records, stage.complex_conformers, generator, self.dtype)
            losses |= complex_losses(state.network(batch.graph.to(device)), batch)
        return losses

    def _check(self, name: str, value: Tensor) -> None:
        if not torch.isfinite(value):
            raise TrainingStopped(
                f"the {name} is not finite at step {self.state.step}; {self._kept()}, try a lower learning_rate"
            )

    def _kept(self) -> str:
        saved = self.folder.checkpoint("cpu")
        return "there was no checkpoint yet" if saved is None else f"the checkpoint of step {saved['step']} is kept"

    def _validate(self, step: int) -> None:
        state, stage = self.state, self.stage
        metrics: dict[str, Any] = {
            "step": state.step,
            "stage": stage.name,
            "seconds": round(state.seconds, 1),
            "learning_rate": learning_rate(step, stage),
        }
        metrics |= {f"train_{name}": total / state.counted for name, total in state.sums.items()}
        errors = evaluate(state, self.molecules, self.complexes, "validation", stage)
        metrics |= {f"validation_{name}": value for name, value in errors.items()}
        self.folder.append_metrics(metrics)
        self._write_status()
        shown = "  ".join(f"{name} {value:.3f}" for name, value in errors.items())
        remaining = state.seconds / state.step * (self.steps - state.step)
        self.report(f"step {state.step}/{self.steps}  {shown}  remaining {remaining / 60:.0f} min")
        state.sums, state.counted = {}, 0

    def _save(self, at_once: bool) -> None:
        # A loss on its way up would replace good weights by bad ones shortly before the run stops.
        if at_once or self.state.monitor.calm(self.stage.explosion):
            self.folder.save_checkpoint(self.state.to_checkpoint())
            self._write_status()

    def _write_status(self) -> None:
        state = self.state
        self.folder.write_status(
            "running", step=state.step, steps=self.steps, stage=self.stage.name, seconds=round(state.seconds, 1)
        )


def _note_end(folder: RunFolder, status: str, reason: str, steps: int) -> None:
    """Write why the run ended, at the step it can go on from."""
    saved = folder.checkpoint("cpu")
    step, seconds = (0, 0.0) if saved is None else (saved["step"], round(saved["seconds"], 1))
    # On a full disk even this may fail, and the reason still reaches the caller.
    with suppress(OSError):
        folder.write_status(status, reason, step=step, steps=steps, seconds=seconds)


def _average(average: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1.0 - decay)
