"""The labels that a stage trains on, as a stream of batches and their losses.

A run has the labels of its level of theory and may have companions: labels of another, cheaper level with a baseline of
their own, which keep the shape of the potential while few labels set its level.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from training.data.batches import Batch, draw_conformers, endless_batches, make_batch
from training.data.pack import LabelledGraph, Pack, Records, intermolecular
from training.loop.ranks import Processes
from training.loop.state import State
from training.objectives.kinetic import kinetic_losses
from training.objectives.losses import Loss, complex_losses, molecule_losses
from training.objectives.twin import twin_losses
from training.recipes.optimization import COMPANION, Optimization


@dataclass
class Seen:
    """What a source has given so far: geometries and pairs count once for each conformer."""

    records: int = 0
    geometries: int = 0
    pairs: int = 0
    seconds: float = 0.0  #: of reading, drawing and joining


class Source:
    """Training batches of one set of labels from step `done` of a stage on."""

    def __init__(
        self,
        molecules: Pack,
        complexes: Pack | None,
        stage: Optimization,
        done: int,
        *,
        companion: bool = False,
    ) -> None:
        self.stage, self.companion = stage, companion
        self.molecules: Records = molecules.train
        self.complexes: Records | None = None
        if complexes is not None and stage.trains_complexes and len(complexes.train):
            self.complexes = complexes.train
        self.seen = Seen()
        self._seed = stage.seed + (2_000_003 if companion else 0)
        self._molecule_batches = self._batches(done)
        self._complex_batches: Iterator[tuple[int, list[int]]] | None = None
        if self.complexes is not None:
            sizes = self.complexes.n_intermolecular_pairs.tolist()
            self._complex_batches = endless_batches(sizes, stage.complex_batch_pairs, self._seed + 1_000_003, done)

    def _batches(self, done: int) -> Iterator[tuple[int, list[int]]]:
        stage, records = self.stage, np.arange(len(self.molecules))
        if stage.every_geometry:
            records = records.repeat(-(-self.molecules.n_conformers // stage.conformers))
        sizes = self.molecules.n_pairs[records].tolist()
        if self.companion:
            batches = endless_batches(sizes, stage.companion_batch_pairs, self._seed, done)
        elif stage.batch_molecules is None:
            batches = endless_batches(sizes, stage.batch_pairs, self._seed, done)
        else:
            batches = endless_batches([1] * len(sizes), stage.batch_molecules, self._seed, done)
        return ((step, records[batch].tolist()) for step, batch in batches)

    @property
    def loss_names(self) -> list[str]:
        """The losses that `losses` has for a batch, whichever of its records this process computes."""
        stage = self.stage
        names = []
        if stage.trains_potential:
            names += ["energy", "relative", "force"]
            names += ["dipole"] if stage.dipole_weight else []
        if stage.trains_kinetic and not self.companion:
            names += ["kinetic_descriptor" if stage.kinetic_descriptor_weight else "kinetic"]
        if stage.twin_weight and not self.companion:
            names += ["twin"]
        if self.complexes is not None:
            names += ["interaction", "interaction_force"]
        return [self._prefix + name for name in names]

    @property
    def _prefix(self) -> str:
        return COMPANION if self.companion else ""

    def losses(self, state: State, processes: Processes) -> dict[str, Loss]:
        """Losses of this process's part of the next batch; without records of a kind it lacks those."""
        stage = self.stage
        step, indices = next(self._molecule_batches)
        generator = np.random.default_rng([self._seed, 7, step])
        losses: dict[str, Loss] = {}
        batch = self._batch(self.molecules, indices, stage.conformers, generator, step, state, processes)
        if batch is not None:
            losses |= self._molecule_losses(batch, state, processes.device)
        if self.complexes is not None and self._complex_batches is not None:
            _, indices = next(self._complex_batches)
            number = stage.complex_conformers
            batch = self._batch(self.complexes, indices, number, generator, None, state, processes)
            if batch is not None:
                losses |= complex_losses(state.network(batch.graph.to(processes.device)), batch, stage)
        return {self._prefix + name: loss for name, loss in losses.items()}

    def _batch(
        self,
        records: Records,
        indices: list[int],
        n_conformers: int,
        generator: np.random.Generator,
        noise_step: int | None,
        state: State,
        processes: Processes,
    ) -> Batch | None:
        started = time.perf_counter()
        # All processes draw for all records, so that the draws do not depend on who computes what.
        chosen = draw_conformers(records.n_conformers[indices].tolist(), n_conformers, generator)
        complexes = noise_step is None
        sizes = (records.n_intermolecular_pairs if complexes else records.n_pairs)[indices].tolist()
        mine = processes.share(sizes)
        if not mine:
            return None
        own: list[LabelledGraph] = [records[indices[position]] for position in mine]
        if complexes:
            own = [intermolecular(record) for record in own]
        dtype = next(state.network.parameters()).dtype
        batch = make_batch(own, [chosen[position] for position in mine], dtype)
        scale = self.stage.coordinate_noise
        if noise_step is not None and scale:
            noise = [
                np.random.default_rng([self._seed, 8, noise_step, position]).normal(
                    scale=scale, size=(n_conformers, record.graph.n_atoms, 3)
                )
                for position, record in zip(mine, own, strict=True)
            ]
            batch = batch._replace(
                positions=batch.positions + torch.from_numpy(np.concatenate(noise, axis=1)).to(dtype)
            )
        self.seen.records += len(own)
        self.seen.geometries += len(own) * n_conformers
        self.seen.pairs += batch.graph.n_pairs * n_conformers
        self.seen.seconds += time.perf_counter() - started
        return batch

    def _molecule_losses(self, batch: Batch, state: State, device: str) -> dict[str, Loss]:
        stage = self.stage
        losses: dict[str, Loss] = {}
        graph = batch.graph.to(device)
        if stage.trains_potential:
            baseline = state.companion_baseline if self.companion else state.baseline
            assert baseline is not None
            losses |= molecule_losses(state.network(graph), batch, baseline, stage)
        if not self.companion and stage.trains_kinetic and state.kinetic is not None and state.kinetic_baseline:
            hidden = state.network.message_passing(graph)
            descriptors = stage.kinetic_descriptor_weight > 0
            losses |= kinetic_losses(state.kinetic, hidden, batch, state.kinetic_baseline, descriptors=descriptors)
        if not self.companion and stage.twin_weight and state.twin_baseline:
            losses |= twin_losses(state.network(graph), batch, state.twin_baseline, stage.twin_terms)
        return losses
