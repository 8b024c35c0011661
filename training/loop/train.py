"""The training loop on plain tensors: torch, numpy, pyarrow and safetensors, so that it runs on a bare GPU machine.

A run is a folder (run_folder.py). One that was killed goes on from its last checkpoint with the same batches, the
same losses and the same metrics as if it had never ended. Several processes (processes.py) take the steps of one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.data.pack import Pack
from training.loop.evaluate import evaluate
from training.loop.ranks import Processes
from training.loop.run_folder import RunFolder
from training.loop.sources import Source
from training.loop.state import State, fitting, refuse_other_run, resume_or_start
from training.loop.stopping import SignalWatch, TrainingInterrupted, TrainingStopped, reason_of
from training.objectives.losses import Loss, weighted_sum
from training.recipes.optimization import Optimization, learning_rate
from virialff.networks.config import NetworkConfig


def train(
    folder: Path,
    network_config: NetworkConfig,
    stages: Sequence[Optimization],
    molecules: Pack,
    complexes: Pack | None,
    *,
    initial: Path | None = None,
    companion: tuple[Pack, Pack | None] | None = None,
    device: str = "cpu",
    processes: Processes | None = None,
    report: Callable[[str], None] = print,
) -> State:
    """Train in `folder`, or go on with the run that is there, until all steps of all stages are done.

    initial: folder of a run or a model whose weights a new run starts with.
    companion: molecules and complexes of another level of theory to train on beside those of the run, with the
    baseline of `initial`.
    processes: those that train together, each of which calls this; the first one writes the folder and reports. Their
    device counts instead of `device`.

    Raises TrainingInterrupted when a signal ended the run, which was saved first, and TrainingStopped when the loss is
    not finite or explodes, when the run folder cannot be written, when memory is out or another process failed; the
    status has the reason, and the last good checkpoint is kept. Raises ConfigError if the folder has another run, if
    `initial` has another network, or if the labels lack what a stage trains on; JobError while another process trains
    the run.
    """
    run = RunFolder(folder)
    processes = processes or Processes(device=device)
    refuse_other_run(run, network_config, stages)
    torch.set_num_threads(stages[0].threads)
    steps = sum(stage.steps for stage in stages)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with SignalWatch() as signals, run.held() if processes.is_first else nullcontext():
            others = None if companion is None else companion[0].train
            state = resume_or_start(
                run, network_config, stages, molecules.train, processes.device, initial, companion=others
            )
            processes.copy_from_first(state.tensors())
            if processes.is_first:
                run.write_config(
                    {
                        "network": network_config.to_dict(),
                        "stages": [asdict(stage) for stage in stages],
                        "initial": None if initial is None else str(initial),
                    }
                )
                run.append_environment(state.step, processes.device, processes.size)
            first = 0
            for stage in stages:
                if state.step < first + stage.steps:
                    stage_run = StageRun(run, state, stage, first, steps, molecules, complexes, processes, report)
                    if companion is not None and stage.companion_weight:
                        stage_run.add_companion(*companion)
                    stage_run.run_to_the_end(signals)
                first += stage.steps
            if processes.is_first:
                run.write_status("finished", step=state.step, steps=steps, seconds=round(state.seconds, 1))
            processes.wait()
    except (OSError, RuntimeError, MemoryError, TrainingStopped) as error:
        reason = reason_of(error)
        if reason is None:
            raise
        status = "interrupted" if isinstance(error, TrainingInterrupted) else "stopped"
        if processes.is_first:
            _note_end(run, status, reason, steps)
        if isinstance(error, TrainingStopped):
            raise
        raise TrainingStopped(reason) from error
    return state


class StageRun:
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
        processes: Processes,
        report: Callable[[str], None],
    ) -> None:
        self.folder, self.state, self.stage = folder, state, stage
        self.first, self.steps = first, steps
        self.molecules = molecules
        self.complexes = complexes if stage.trains_complexes else None
        self.processes, self.report = processes, report
        self.done = state.step - first
        self.sources = [Source(molecules, complexes, stage, self.done)]

    def add_companion(self, molecules: Pack, complexes: Pack | None) -> None:
        """Train on these too."""
        self.sources.append(Source(molecules, complexes, self.stage, self.done, companion=True))

    def run_to_the_end(self, signals: SignalWatch) -> None:
        state, stage, processes = self.state, self.stage, self.processes
        state.begin_stage(stage)
        if self.done > 0 and (saved_state := self.folder.checkpoint(processes.device)) is not None:
            with fitting(self.folder.path):
                state.restore_stage(saved_state)
        # The first one will replace the checkpoint that all have read.
        processes.wait()
        saved = started = time.monotonic()
        before = state.seconds
        self._write_status()
        for step in range(self.done, stage.steps):
            losses = self.step(step)
            state.step += 1
            state.seconds = before + time.monotonic() - started
            state.counted += 1
            for name, value in losses.items():
                state.sums[name] = state.sums.get(name, 0.0) + value
            last = step + 1 == stage.steps
            received = processes.any(signals.received is not None)
            if state.step % stage.validate_every == 0 or last:
                self._validate(step)
            if last or received or time.monotonic() - saved > stage.checkpoint_seconds:
                self._save(at_once=received)
                saved = time.monotonic()
            if received and state.step < self.steps:
                raise TrainingInterrupted(
                    f"{signals.received or 'a signal'} ended the run at step {state.step}, which was saved: "
                    "the same command goes on from there"
                )

    def step(self, step: int) -> dict[str, float]:
        """One step of the optimizer, after `State.begin_stage`; the mean losses before it."""
        state, stage, processes = self.state, self.stage, self.processes
        losses = processes.together(self._losses)
        names = [name for source in self.sources for name in source.loss_names]
        parts, means = processes.join_losses(losses, names)
        loss = weighted_sum(means, stage)
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
        processes.together(lambda: weighted_sum(parts, stage).backward() if parts else None)
        parameters = state.parameters()
        processes.join_gradients(parameters)
        norm = torch.nn.utils.clip_grad_norm_(parameters, stage.gradient_norm)
        self._check("gradient", norm)
        state.optimizer.step()
        decay = min(stage.average_decay, (1 + step) / (10 + step))
        for _, network, average in state.modules():
            _average(average, network, decay)
        return {name: value.item() for name, value in means.items()}

    def _losses(self) -> dict[str, Loss]:
        return {
            name: loss for source in self.sources for name, loss in source.losses(self.state, self.processes).items()
        }

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
        if not self.processes.is_first:
            state.sums, state.counted = {}, 0
            return
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
        if not self.processes.is_first:
            return
        # A loss on its way up would replace good weights by bad ones shortly before the run stops.
        if at_once or self.state.monitor.calm(self.stage.explosion):
            self.folder.save_checkpoint(self.state.to_checkpoint())
            self._write_status()

    def _write_status(self) -> None:
        if not self.processes.is_first:
            return
        state = self.state
        self.folder.write_status(
            "running", step=state.step, steps=self.steps, stage=self.stage.name, seconds=round(state.seconds, 1)
        )


def _note_end(folder: RunFolder, status: str, reason: str, steps: int) -> None:
    """Write why the run ended, at the step it can go on from."""
    saved = folder.checkpoint("cpu")
    step, seconds = (0, 0.0) if saved is None else (saved["step"], round(saved.get("seconds", 0.0), 1))
    # On a full disk even this may fail, and the reason still reaches the caller.
    with suppress(OSError):
        folder.write_status(status, reason, step=step, steps=steps, seconds=seconds)


def _average(average: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    with torch.no_grad():
        torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1.0 - decay)
