"""Predictions and errors of a network on the records of a pack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from training.data.pack import MINIMA, LabelledGraph, Pack, intermolecular
from training.loop.state import State
from training.objectives.kinetic import kinetic_errors
from training.objectives.twin import twin_errors
from training.recipes.optimization import Optimization
from virialff.networks.baseline import Baseline, baseline_energies
from virialff.networks.force_field import ForceFieldNetwork
from virialff.potential.energy import pair_energies, pair_energies_and_forces

_MINIMA = torch.tensor(MINIMA)


def evaluate(
    state: State, molecules: Pack, complexes: Pack | None, split: str, stage: Optimization | None = None
) -> dict[str, float]:
    """Errors of the averaged weights on one split, of what `stage` trains; without one, of the potential."""
    result: dict[str, float] = {}
    if stage is None or stage.trains_potential:
        result |= potential_errors(state, molecules, complexes, split)
    if stage is not None and stage.trains_kinetic and state.average_kinetic and state.kinetic_baseline:
        result |= kinetic_errors(
            state.average.message_passing,
            state.average_kinetic,
            state.kinetic_baseline,
            getattr(molecules, split),
            descriptors=stage.kinetic_descriptor_weight > 0,
        )
    if stage is not None and stage.twin_weight and state.twin_baseline:
        result |= twin_errors(state.average, state.twin_baseline, getattr(molecules, split), stage.twin_terms)
    return result


@torch.no_grad()
def potential_errors(state: State, molecules: Pack, complexes: Pack | None, split: str) -> dict[str, float]:
    """Errors of energies and forces, kcal/mol and kcal/mol/A.

    `energy_mae` over minima; `relative_rmse` over the minima of one kind of a molecule against the lowest, that one
    left out (a minimum of another level lies in another basin);
    `force_mae` over all components of all geometries; `interaction_mae` over complexes.
    """
    predictions = predict_molecules(state.average, state.baseline, getattr(molecules, split))
    energy, relative, force = [], [], []
    for record, energies, forces in predictions:
        energy.append((energies - record.energies)[torch.isin(record.kinds, _MINIMA)].abs())
        for kind in MINIMA:
            same_level = record.kinds == kind
            if same_level.sum() > 1:
                reference, error = record.energies[same_level], (energies - record.energies)[same_level]
                lowest = int(reference.argmin())
                others = torch.arange(len(reference)) != lowest
                relative.append((error - error[lowest])[others] ** 2)
        force.append((forces - record.forces)[~torch.isnan(record.forces)].abs())
    result = {}
    for name, errors in (("energy_mae", energy), ("force_mae", force)):
        if sum(map(len, errors)):
            result[name] = float(torch.cat(errors).mean())
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
    kind = next(network.parameters())
    for record in records:
        parameters = network(record.graph.to(kind.device))
        energies, forces = pair_energies_and_forces(parameters, record.positions.to(kind))
        total = baseline_energies(baseline, record.graph) + energies[:, 0].double().cpu()
        yield record, total, forces.cpu()


@torch.no_grad()
def predict_complexes(
    network: ForceFieldNetwork, records: Iterable[LabelledGraph]
) -> Iterator[tuple[LabelledGraph, Tensor]]:
    """(record, E(complex) - E(fragments) (n_conformers,) in kcal/mol)."""
    kind = next(network.parameters())
    for record in records:
        inter = intermolecular(record)
        energies = pair_energies(network(inter.graph.to(kind.device)), record.positions.to(kind))
        yield record, energies[:, 0].double().cpu()
