"""The losses of one batch, each as a sum and the number it is divided by, so that parts of a batch can be joined."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from training.data.batches import Batch
from training.recipes.optimization import Optimization
from virialff.networks.baseline import Baseline, baseline_energies
from virialff.networks.graph_tensors import GraphTensors
from virialff.potential.energy import pair_energies_and_forces
from virialff.potential.parameters import PairParameters


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
    parameters: PairParameters, batch: Batch, baseline: Baseline, optimization: Optimization
) -> dict[str, Loss]:
    """Losses `energy`, `relative` (both kcal/mol), `force` (kcal/mol/A) and, where it has a weight, `dipole` (e A)."""
    positions = batch.positions.to(parameters.charges)
    target = (batch.energies - baseline_energies(baseline, batch.graph)).to(positions)
    weight = torch.tensor(optimization.kind_weights)[batch.kinds].to(positions)
    energies, forces = _energies_and_forces(parameters, positions)
    error = energies - target
    mean = (weight * error).sum(dim=0) / weight.sum(dim=0)
    losses = {
        "energy": Loss((weight * error.abs()).sum(), weight.sum()),
        "relative": Loss((weight * (error - mean).abs()).sum(), weight.sum()),
        "force": known_errors(forces, batch.forces.to(positions)),
    }
    if optimization.dipole_weight:
        dipoles = charge_dipoles(parameters.charges, batch.graph.to(positions.device), positions)
        losses["dipole"] = known_errors(dipoles, batch.dipoles.to(positions))
    return losses


def _energies_and_forces(parameters: PairParameters, positions: Tensor) -> tuple[Tensor, Tensor]:
    return _potential_on(positions.device.type)(parameters, positions)


@cache
def _potential_on(device: str) -> Callable[[PairParameters, Tensor], tuple[Tensor, Tensor]]:
    """The compiled loops on a CPU, loaded when they are needed; the torch path elsewhere and without numba."""
    if device != "cpu":
        return pair_energies_and_forces
    try:
        from virialff.potential.differentiable_kernel import compiled_energies_and_forces
    except ImportError:
        return pair_energies_and_forces
    return compiled_energies_and_forces


def charge_dipoles(charges: Tensor, graph: GraphTensors, positions: Tensor) -> Tensor:
    """Dipoles (n_conformers, n_molecules, 3) in e Angstrom of charges (n_atoms,) about each molecule's centroid.

    The centroid matters only where the charges do not add up to zero.
    """
    n_conformers, molecules = positions.shape[0], graph.atom_molecules
    sizes = torch.bincount(molecules, minlength=graph.n_molecules).to(positions).unsqueeze(-1)
    zeros = positions.new_zeros(n_conformers, graph.n_molecules, 3)
    centroids = zeros.index_add(1, molecules, positions) / sizes
    moments = charges.unsqueeze(-1) * (positions - centroids[:, molecules])
    return zeros.index_add(1, molecules, moments)


def complex_losses(parameters: PairParameters, batch: Batch, optimization: Optimization) -> dict[str, Loss]:
    """Losses `interaction` (kcal/mol) and `interaction_force` (kcal/mol/A) of complexes with only their
    intermolecular pairs."""
    energies, forces = _energies_and_forces(parameters, batch.positions.to(parameters.charges))
    reference = batch.energies.to(energies)
    weight = of_atoms = None
    if optimization.repulsion_scale is not None:
        weight = repulsion_weights(reference, optimization.repulsion_scale)
        of_atoms = weight[:, batch.graph.atom_molecules.to(weight.device)].unsqueeze(-1)
    return {
        "interaction": known_errors(energies, reference, weight),
        "interaction_force": known_errors(forces, batch.forces.to(forces), of_atoms),
    }


def repulsion_weights(energies: Tensor, scale: float) -> Tensor:
    """Weights scale / (scale + E) where E > 0, else 1, of energies E of any shape in kcal/mol, NaN for unknown ones.

    High on a wall the height matters little as long as it is one; without weights its errors would outweigh all others.
    """
    return scale / (scale + energies.nan_to_num().clamp(min=0.0))


def known_errors(predicted: Tensor, reference: Tensor, weight: Tensor | None = None) -> Loss:
    """Absolute errors where the reference is not NaN, weighted where a weight is given that has or takes its shape."""
    known = ~torch.isnan(reference)
    errors = torch.where(known, predicted - reference.nan_to_num(), 0.0).abs()
    if weight is None:
        return Loss(errors.sum(), known.sum())
    return Loss((weight * errors).sum(), (weight * known).sum())


def weighted_sum(losses: dict[str, Tensor], optimization: Optimization) -> Tensor:
    """The mean losses, each times its weight."""
    return torch.stack([optimization.loss_weight(name) * loss for name, loss in losses.items()]).sum()
