"""Supervision of kinetic energies (section 4.1): the network adds to a linear baseline what the counts leave open.

Kinetic energies of atoms are up to a million kcal/mol, which no network reaches from outputs near zero. The baseline
of Eq. 24 is used for them too: one value an element and, with the switch, a bond type.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from training.data.batches import Batch
from training.data.pack import LabelledGraph
from training.objectives.losses import Loss, known_errors
from virialff.errors import ConfigError
from virialff.networks.baseline import (
    N_FEATURES,
    Baseline,
    BaselineDetail,
    baseline_energies,
    baseline_features,
    bond_columns,
    fit_baseline,
)
from virialff.networks.kinetic import KineticNetwork


def fit_kinetic_baseline(records: Sequence[LabelledGraph], *, detail: BaselineDetail, descriptors: bool) -> Baseline:
    """Fit to the molecules' mean kinetic energies, or, with `descriptors`, the mean of each kind of atom and bond.

    Raises ConfigError if no record has kinetic energies.
    """
    if descriptors:
        return _mean_descriptors(records)
    features, energies = [], []
    for record in records:
        if record.kinetic_energies is not None:
            features.append(baseline_features(record.graph))
            energies.append(record.kinetic_energies.nanmean())
    if not energies:
        raise _no_labels()
    return fit_baseline(torch.cat(features), torch.stack(energies), detail=detail)


def kinetic_losses(
    network: KineticNetwork, hidden: Tensor, batch: Batch, baseline: Baseline, *, descriptors: bool
) -> dict[str, Loss]:
    """Loss `kinetic`, of the molecules' sums (Eq. 16), or `kinetic_descriptor`, of every atom and bond; kcal/mol.

    hidden: (n_atoms, hidden_size) embeddings of `batch.graph`, on the device of the network.
    """
    energies = network(hidden, batch.graph.to(hidden.device))
    if not descriptors:
        target = (batch.kinetic_energies - baseline_energies(baseline, batch.graph)).to(hidden)
        return {"kinetic": known_errors(energies.molecules.expand_as(target), target)}
    atoms = (batch.kinetic_atoms - baseline.weights[batch.graph.elements]).to(hidden)
    bonds = (batch.kinetic_bonds - baseline.weights[bond_columns(batch.graph)]).to(hidden)
    target = torch.cat([atoms, bonds], dim=1)
    return {"kinetic_descriptor": known_errors(torch.cat([energies.atoms, energies.bonds]).expand_as(target), target)}


@torch.no_grad()
def kinetic_errors(
    embeddings: torch.nn.Module,
    network: KineticNetwork,
    baseline: Baseline,
    records: Iterable[LabelledGraph],
    *,
    descriptors: bool,
) -> dict[str, float]:
    """Mean absolute errors in kcal/mol of the molecules' kinetic energies, or of atoms and bonds."""
    device = next(network.parameters()).device
    errors: dict[str, list[Tensor]] = {}

    def add(name: str, predicted: Tensor, reference: Tensor | None) -> None:
        if reference is not None:
            difference = (predicted - reference).abs()
            errors.setdefault(f"{name}_mae", []).append(difference[~difference.isnan()])

    for record in records:
        graph = record.graph.to(device)
        energies = network(embeddings(graph), graph)
        if descriptors:
            add("kinetic_atom", baseline.weights[record.graph.elements] + energies.atoms.cpu(), record.kinetic_atoms)
            bonds = baseline.weights[bond_columns(record.graph)] + energies.bonds.cpu()
            add("kinetic_bond", bonds, record.kinetic_bonds)
        else:
            total = baseline_energies(baseline, record.graph) + energies.molecules.cpu()
            add("kinetic", total, record.kinetic_energies)
    return {name: float(torch.cat(parts).mean()) for name, parts in errors.items() if sum(map(len, parts))}


def _mean_descriptors(records: Sequence[LabelledGraph]) -> Baseline:
    sums, counts = torch.zeros(N_FEATURES, dtype=torch.float64), torch.zeros(N_FEATURES, dtype=torch.float64)
    for record in records:
        for columns, values in (
            (record.graph.elements, record.kinetic_atoms),
            (bond_columns(record.graph), record.kinetic_bonds),
        ):
            if values is not None:
                known = ~values.isnan()
                sums.index_add_(0, columns, values.nan_to_num().sum(dim=0))
                counts.index_add_(0, columns, known.sum(dim=0).double())
    if not counts.any():
        raise _no_labels()
    return Baseline(sums / counts.clamp(min=1.0), counts > 0)


def _no_labels() -> ConfigError:
    return ConfigError(
        "A stage trains on kinetic energies and the labels have none: take DFT labels, which have them, or set "
        "kinetic_weight and kinetic_descriptor_weight to 0."
    )
