"""The losses of one batch, each as a sum and the number it is divided by, so that parts of a batch can be joined."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from training.dataset import Batch
from training.optimization import Optimization
from virialff.networks.baseline import Baseline, baseline_energies
from virialff.networks.force_field import ForceFieldNetwork
from virialff.potential.energy import pair_energies_and_forces


class Loss(NamedTuple):
    """A weighted mean in two parts."""

    total: Tensor
    """Weighted sum of absolute errors; carries the gradient."""
    weight: Tensor
    """Sum of the weights."""

    @property
    def mean(self) -> Tensor:
        """The mean absolute error, zero where there was nothing to compare."""
        return self.total / torch.where(self.weight > 0, self.weight, 1.0)


def molecule_losses(
    network: ForceFieldNetwork, batch: Batch, baseline: Baseline, optimization: Optimization, device: str
) -> dict[str, Loss]:
    """Losses `energy`, `relative` (both kcal/mol) and `force` (kcal/mol/A) of a batch of molecules."""
    target = (batch.energies - baseline_energies(baseline, batch.graph)).to(batch.positions.dtype).to(device)
    kind_weights = torch.tensor(optimization.kind_weights, dtype=batch.positions.dtype)
    weight = kind_weights[batch.kinds].to(device)
    energies, forces = pair_energies_and_forces(network(batch.graph.to(device)), batch.positions.to(device))
    error = energies - target
    mean = (weight * error).sum(dim=0) / weight.sum(dim=0)
    return {
        "energy": Loss((weight * error.abs()).sum(), weight.sum()),
        "relative": Loss((weight * (error - mean).abs()).sum(), weight.sum()),
        "force": known_errors(forces, batch.forces.to(device)),
    }


def complex_losses(network: ForceFieldNetwork, batch: Batch, device: str) -> dict[str, Loss]:
    """Losses `interaction` (kcal/mol) and `interaction_force` (kcal/mol/A) of complexes with only their
    intermolecular pairs."""
    energies, forces = pair_energies_and_forces(network(batch.graph.to(device)), batch.positions.to(device))
    return {
        "interaction": known_errors(energies, batch.energies.to(energies.dtype).to(device)),
        "interaction_force": known_errors(forces, batch.forces.to(device)),
    }


def known_errors(predicted: Tensor, reference: Tensor) -> Loss:
    """Absolute errors where the reference is not NaN."""
    known = ~torch.isnan(reference)
    errors = torch.where(known, predicted - reference.nan_to_num(), 0.0).abs()
    return Loss(errors.sum(), known.sum())


def weighted_sum(losses: dict[str, Tensor], optimization: Optimization) -> Tensor:
    """The mean losses, each times its weight `NAME_weight`."""
    weights = {name: getattr(optimization, f"{name}_weight") for name in losses}
    return torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
