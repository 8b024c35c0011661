"""Predictions and errors of a network on the records of a pack."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.data.pack import KINDS, MINIMA, LabelledGraph, Pack, intermolecular
from training.loop.state import State
from training.objectives.kinetic import kinetic_errors
from training.objectives.twin import twin_errors
from training.recipes.optimization import Optimization
from virialff.benchmarks.statistics import relative_errors
from virialff.networks.baseline import Baseline, baseline_energies
from virialff.networks.force_field import ForceFieldNetwork
from virialff.potential.energy import pair_energies, pair_energies_and_forces

_TORSION = KINDS.index("torsion")
#: Points of a torsion that are compared, kcal/mol above the lowest of them, and how many it takes.
_TORSION_WINDOW, _TORSION_POINTS = 25.0, 6


class Rows(NamedTuple):
    """Predictions beside labels, a row a conformer, for forces a row an atom: (n,), forces (n, 3)."""

    predicted: NDArray[np.float64]
    reference: NDArray[np.float64]
    kinds: NDArray[np.int64]
    """(n,), position in KINDS."""
    records: NDArray[np.int64]
    """(n,), which molecule or complex; the same for records of one identifier, in the order of the identifiers."""

    @property
    def errors(self) -> NDArray[np.float64]:
        return self.predicted - self.reference

    @property
    def ensembles(self) -> NDArray[np.int64]:
        """(n,), which conformers of one molecule are of one kind: a minimum of another level lies in another basin."""
        return self.records * len(KINDS) + self.kinds

    def of_kinds(self, kinds: Collection[int]) -> Rows:
        return self.where(np.isin(self.kinds, list(kinds)))

    def where(self, chosen: NDArray[np.bool_ | np.int64]) -> Rows:
        return Rows(self.predicted[chosen], self.reference[chosen], self.kinds[chosen], self.records[chosen])


class Predictions(NamedTuple):
    """What a network gives for labelled records: total energies (kcal/mol) and forces (kcal/mol/A) of molecules where
    they have labels, and E(complex) - E(fragments) (kcal/mol)."""

    energies: Rows
    forces: Rows
    interactions: Rows

    def relative_errors(self) -> tuple[NDArray[np.float64], Rows]:
        """Errors (n,) of the minima of one kind of a molecule against the lowest, that one left out, and their rows."""
        minima = self.energies.of_kinds(MINIMA)
        errors, chosen = relative_errors(minima.predicted, minima.reference, minima.ensembles)
        return errors, minima.where(chosen)

    def torsion_errors(self) -> list[float]:
        """Of each molecule the RMSE of its turned geometries up to 25 kcal/mol above the lowest, against their mean."""
        turned = self.energies.of_kinds((_TORSION,))
        found = []
        for record in np.unique(turned.records):
            points = turned.where(turned.records == record)
            points = points.where(points.reference < points.reference.min() + _TORSION_WINDOW)
            if len(points.errors) >= _TORSION_POINTS:
                found.append(float(points.errors.std()))
        return found


def predict(
    network: ForceFieldNetwork,
    baseline: Baseline,
    molecules: Iterable[LabelledGraph],
    complexes: Iterable[LabelledGraph] = (),
) -> Predictions:
    """The predictions of a network for these records."""
    energies, forces, interactions = [], [], []
    for record, energy, force in predict_molecules(network, baseline, molecules):
        energies.append((energy, record.energies, record.kinds, record.identifier))
        known = ~torch.isnan(record.forces).any(dim=-1)
        kinds = record.kinds[:, None].expand(known.shape)[known]
        forces.append((force[known], record.forces[known], kinds, record.identifier))
    for record, energy in predict_complexes(network, complexes):
        interactions.append((energy, record.energies, record.kinds, record.identifier))
    return Predictions(_rows(energies), _rows(forces, 3), _rows(interactions))


def _rows(parts: Sequence[tuple[Tensor, Tensor, Tensor, str]], *width: int) -> Rows:
    none = torch.zeros(0, *width, dtype=torch.float64)
    predicted = torch.cat([none, *(part[0].double() for part in parts)]).numpy()
    reference = torch.cat([none, *(part[1].double() for part in parts)]).numpy()
    kinds = torch.cat([torch.zeros(0, dtype=torch.int64), *(part[2] for part in parts)]).numpy()
    _, codes = np.unique(np.array([part[3] for part in parts], dtype=str), return_inverse=True)
    return Rows(predicted, reference, kinds, np.repeat(codes, [len(part[0]) for part in parts]).astype(np.int64))


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


def potential_errors(state: State, molecules: Pack, complexes: Pack | None, split: str) -> dict[str, float]:
    """Errors of energies and forces, kcal/mol and kcal/mol/A.

    `energy_mae` over minima; `relative_rmse` over the minima of one kind of a molecule against the lowest, that one
    left out (a minimum of another level lies in another basin); `torsion_rmse` over the torsions of a molecule up to
    25 kcal/mol above the lowest, against their mean, and averaged over molecules;
    `force_mae` over all components of all geometries; `interaction_mae` over complexes.
    """
    pairs = () if complexes is None else getattr(complexes, split)
    found = predict(state.average, state.baseline, getattr(molecules, split), pairs)
    relative, _ = found.relative_errors()
    result = {
        "energy_mae": np.abs(found.energies.of_kinds(MINIMA).errors),
        "force_mae": np.abs(found.forces.errors),
        "relative_rmse": relative**2,
        "torsion_rmse": np.array(found.torsion_errors()),
        "interaction_mae": np.abs(found.interactions.errors),
    }
    means = {name: float(values.mean()) for name, values in result.items() if values.size}
    return {name: value**0.5 if name == "relative_rmse" else value for name, value in means.items()}


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
