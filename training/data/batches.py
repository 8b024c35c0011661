"""Batches of labelled graphs, and the order in which an endless training run sees the records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.data.pack import LabelledGraph
from virialff.networks.graph_tensors import GraphTensors, collate


class Batch(NamedTuple):
    """Several labelled graphs, each with the same number of conformers; a quantity without a label is NaN."""

    graph: GraphTensors
    positions: Tensor
    """(n_conformers, n_atoms, 3)."""
    energies: Tensor
    """(n_conformers, n_molecules) float64."""
    forces: Tensor
    """(n_conformers, n_atoms, 3)."""
    kinds: Tensor
    """(n_conformers, n_molecules)."""
    kinetic_energies: Tensor
    """(n_conformers, n_molecules) float64."""
    kinetic_atoms: Tensor
    """(n_conformers, n_atoms) float64."""
    kinetic_bonds: Tensor
    """(n_conformers, n_bonds) float64."""
    dipoles: Tensor
    """(n_conformers, n_molecules, 3) float64."""


def draw_conformers(
    totals: Sequence[int], n_conformers: int, generator: np.random.Generator | None = None
) -> list[Tensor]:
    """Which `n_conformers` of each record to take, of as many as `totals` says; one that has fewer repeats some.

    Without a generator the first conformers are taken in order.
    """
    orders = (np.arange(total) if generator is None else generator.permutation(total) for total in totals)
    return [torch.from_numpy(np.resize(order, n_conformers)) for order in orders]


def make_batch(records: Sequence[LabelledGraph], chosen: Sequence[Tensor], dtype: torch.dtype = torch.float32) -> Batch:
    """Join records with the conformers `chosen` of each, the same number of all."""
    n_conformers = len(chosen[0])
    pairs = list(zip(records, chosen, strict=True))

    def labels(name: str, shape: tuple[int, ...], record: LabelledGraph, index: Tensor) -> Tensor:
        values = getattr(record, name)
        return torch.full((n_conformers, *shape), torch.nan, dtype=torch.float64) if values is None else values[index]

    def joined(name: str, shapes: list[tuple[int, ...]], stacked: bool = False) -> Tensor:
        parts = [labels(name, shape, record, index) for shape, (record, index) in zip(shapes, pairs, strict=True)]
        return torch.stack(parts, dim=1) if stacked else torch.cat(parts, dim=1)

    return Batch(
        graph=collate([record.graph for record in records]),
        positions=torch.cat([record.positions[index] for record, index in pairs], dim=1).to(dtype),
        energies=torch.stack([record.energies[index] for record, index in pairs], dim=1),
        forces=torch.cat([record.forces[index] for record, index in pairs], dim=1).to(dtype),
        kinds=torch.stack([record.kinds[index] for record, index in pairs], dim=1),
        kinetic_energies=joined("kinetic_energies", [()] * len(records), stacked=True),
        kinetic_atoms=joined("kinetic_atoms", [(record.graph.n_atoms,) for record in records]),
        kinetic_bonds=joined("kinetic_bonds", [(record.graph.bond_index.shape[1] // 2,) for record in records]),
        dipoles=joined("dipoles", [(3,)] * len(records), stacked=True),
    )


def epoch_batches(sizes: list[int], batch_pairs: int, generator: np.random.Generator) -> list[list[int]]:
    """Indices of the records of each batch of one epoch: batches of about `batch_pairs` pairs, in random order.

    Records of any size share a batch, so that every step sees the whole range of molecules.
    """
    batches: list[list[int]] = [[]]
    filled = 0
    for index in generator.permutation(len(sizes)):
        if filled and filled + sizes[index] > batch_pairs:
            batches.append([])
            filled = 0
        batches[-1].append(int(index))
        filled += sizes[index]
    return batches


def endless_batches(
    sizes: list[int], batch_pairs: int, seed: int, first_step: int = 0
) -> Iterator[tuple[int, list[int]]]:
    """(step, record indices) for ever, the same for the same seed from whatever step it is resumed."""
    step = 0
    epoch = 0
    while True:
        for batch in epoch_batches(sizes, batch_pairs, np.random.default_rng([seed, epoch])):
            if step >= first_step:
                yield step, batch
            step += 1
        epoch += 1
