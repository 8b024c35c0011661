"""The kinetic-energy twin (section 4.2, Fig. 5b and 6): networks of the shape of the pair potential's for <T_e>.

By the virial theorem <T_e> = -E, so the kinetic energy is a baseline minus a sum over pairs. The sentence of the paper
can be read in two ways: minus the sum of the long-range and the Gaussian terms, or minus the long-range terms alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from training.data.batches import Batch
from training.data.pack import LabelledGraph
from training.objectives.losses import Loss, known_errors
from virialff.networks.baseline import Baseline, baseline_energies
from virialff.networks.force_field import ForceFieldNetwork
from virialff.potential.energy import TERMS, pair_terms
from virialff.potential.parameters import PairParameters

#: Terms of the pair sum in each reading.
READINGS = {"all": TERMS, "long_range": tuple(term for term in TERMS if term != "gaussians")}


def pair_kinetic_energies(parameters: PairParameters, positions: Tensor, reading: str) -> Tensor:
    """Minus the pair sum of each molecule in kcal/mol, (n_conformers, n_molecules); `reading` is one of READINGS."""
    chosen = [TERMS.index(term) for term in READINGS[reading]]
    rows = pair_terms(parameters, positions)[..., chosen].sum(dim=-1)
    total = rows.new_zeros(len(rows), parameters.n_molecules)
    return total.index_add(1, parameters.pair_molecules, rows, alpha=-1)


def twin_losses(parameters: PairParameters, batch: Batch, baseline: Baseline, reading: str) -> dict[str, Loss]:
    """Loss `twin` of the molecules' kinetic energies, kcal/mol."""
    positions = batch.positions.to(parameters.charges)
    target = (batch.kinetic_energies - baseline_energies(baseline, batch.graph)).to(positions)
    return {"twin": known_errors(pair_kinetic_energies(parameters, positions, reading), target)}


@torch.no_grad()
def predict_kinetic_energies(
    network: ForceFieldNetwork, baseline: Baseline, record: LabelledGraph, reading: str
) -> Tensor:
    """Kinetic energies (n_conformers,) of a molecule in kcal/mol by the twin."""
    kind = next(network.parameters())
    pairs = pair_kinetic_energies(network(record.graph.to(kind.device)), record.positions.to(kind), reading)
    return baseline_energies(baseline, record.graph) + pairs[:, 0].double().cpu()


def twin_errors(
    network: ForceFieldNetwork, baseline: Baseline, records: Iterable[LabelledGraph], reading: str
) -> dict[str, float]:
    """`twin_mae`: mean absolute error of the kinetic energies that are known, kcal/mol."""
    errors = []
    for record in records:
        if record.kinetic_energies is not None:
            difference = predict_kinetic_energies(network, baseline, record, reading) - record.kinetic_energies
            errors.append(difference[~difference.isnan()].abs())
    return {"twin_mae": float(torch.cat(errors).mean())} if sum(map(len, errors)) else {}
