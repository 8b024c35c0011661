"""Baselines of the total energy (Eq. 24): fitted to the labels of a run, or moved to them from another level."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from training.data.pack import MINIMA, LabelledGraph
from virialff.elements import ELEMENTS
from virialff.networks.baseline import Baseline, BaselineDetail, baseline_features, fit_baseline
from virialff.networks.force_field import ForceFieldNetwork
from virialff.potential.energy import pair_energies

_MINIMA = torch.tensor(MINIMA)
#: Penalty on the change of a bond-type weight from one level to another: its square in kcal/mol against that of the
#: errors of molecules. Few labels leave the weights of rare bonds near those of the level that they come from.
RIDGE_OF_CHANGE = 0.3
#: Largest difference of a coordinate in Angstrom at which two geometries are one; stores round them.
_SAME_GEOMETRY = 1e-3


def fit_total_baseline(records: Sequence[LabelledGraph], *, detail: BaselineDetail) -> Baseline:
    """Fit to the mean energy of each training molecule's minima."""
    features, energies = [], []
    for record, minima in _with_minima(records):
        features.append(baseline_features(record.graph))
        energies.append(record.energies[minima].mean())
    return fit_baseline(torch.cat(features), torch.stack(energies), detail=detail)


def move_baseline(
    records: Sequence[LabelledGraph],
    prior: Baseline,
    network: ForceFieldNetwork,
    *,
    detail: BaselineDetail,
    companions: Iterable[LabelledGraph] = (),
) -> Baseline:
    """The baseline `prior` that belongs to `network`, moved to the level of theory of `records`.

    Levels of theory differ by what is nearly additive (on drug-like molecules wB97X-D/def2-SVP and GFN2-xTB by counts
    of elements and bonds within 4 kcal/mol), so the change is fitted to the difference of the labels where
    `companions`, those of the level of `prior`, have the same geometry, and elsewhere to what the network with its
    baseline leaves. It stays small for bond types that few labels have. Bond types of either level count as seen,
    elements only those of the new one: each level has its own zeros.
    """
    own = {record.identifier for record in records}
    same: dict[str, list[LabelledGraph]] = {}
    for other in companions:
        if other.identifier in own:
            same.setdefault(other.identifier, []).append(other)
    features, changes = [], []
    for record, minima in _with_minima(records):
        counts = baseline_features(record.graph)
        before = _energies_there(record, same.get(record.identifier, []))[minima]
        if bool(before.isnan().any()):
            before = _pair_energies(network, record)[minima] + counts[0] @ prior.weights
        features.append(counts)
        changes.append((record.energies[minima] - before).mean())
    change = fit_baseline(torch.cat(features), torch.stack(changes), detail=detail, ridge=RIDGE_OF_CHANGE)
    bonds = torch.arange(len(prior.seen)) >= len(ELEMENTS)
    return Baseline(prior.weights + change.weights, change.seen | (prior.seen & bonds))


def _energies_there(record: LabelledGraph, others: Iterable[LabelledGraph]) -> Tensor:
    """Energies (n_conformers,) that `others` have at the geometries of `record`, NaN where they have none."""
    energies = torch.full_like(record.energies, torch.nan)
    for other in others:
        if torch.equal(record.graph.elements, other.graph.elements):
            distances, index = (record.positions[:, None] - other.positions).abs().amax(dim=(2, 3)).min(dim=1)
            energies = torch.where(distances < _SAME_GEOMETRY, other.energies[index], energies)
    return energies


@torch.no_grad()
def _pair_energies(network: ForceFieldNetwork, record: LabelledGraph) -> Tensor:
    kind = next(network.parameters())
    energies = pair_energies(network(record.graph.to(kind.device)), record.positions.to(kind))
    return energies[:, 0].double().cpu()


def _with_minima(records: Iterable[LabelledGraph]) -> Iterable[tuple[LabelledGraph, Tensor]]:
    for record in records:
        minima = torch.isin(record.kinds, _MINIMA)
        if minima.any():
            yield record, minima
