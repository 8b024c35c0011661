"""Baseline of the total energy, Eq. 24: linear in the element counts, or in bond-type counts too.

The intercept counts once per fragment, so that it cancels in interaction energies (Eq. 25). Everything here is
float64: at -300,000 kcal/mol float32 counts in steps of 0.03.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from virialff.elements import ELEMENTS
from virialff.graph_tensors import GraphTensors
from virialff.topology import BOND_TYPES

_N = len(ELEMENTS)
#: Columns: element counts, number of fragments, then counts of bonds by (element, element, bond type).
N_FEATURES = _N + 1 + _N * _N * len(BOND_TYPES)


class Baseline(NamedTuple):
    """Weights of the linear baseline."""

    weights: Tensor
    """(N_FEATURES,) float64, kcal/mol a count; zero for bond types that the fit did not use or did not see."""
    seen: Tensor
    """(N_FEATURES,) true for features that occurred in the data of the fit."""


def baseline_features(graph: GraphTensors) -> Tensor:
    """Counts of elements, fragments and bonds by type of each molecule, (n_molecules, N_FEATURES) float64."""
    features = torch.zeros(graph.n_molecules, N_FEATURES, dtype=torch.float64, device=graph.elements.device)
    flat = features.view(-1)

    def count(molecules: Tensor, columns: Tensor) -> None:
        ones = torch.ones(len(columns), dtype=torch.float64, device=flat.device)
        flat.index_add_(0, molecules * N_FEATURES + columns, ones)

    count(graph.atom_molecules, graph.elements)
    count(graph.fragment_molecules, torch.full_like(graph.fragment_molecules, _N))
    once = graph.bond_index[0] < graph.bond_index[1]
    count(graph.atom_molecules[graph.bond_index[0, once]], bond_columns(graph))
    return features


def bond_columns(graph: GraphTensors) -> Tensor:
    """Column of `baseline_features` that counts each undirected bond, (n_bonds,), in the order of `bond_index`."""
    once = graph.bond_index[0] < graph.bond_index[1]
    first, second = graph.elements[graph.bond_index[:, once]]
    low, high = torch.minimum(first, second), torch.maximum(first, second)
    return _N + 1 + (low * _N + high) * len(BOND_TYPES) + graph.bond_types[once]


def baseline_energies(baseline: Baseline, graph: GraphTensors) -> Tensor:
    """Baseline energy of each molecule in kcal/mol, (n_molecules,) float64."""
    return baseline_features(graph) @ baseline.weights


def fit_baseline(features: Tensor, energies: Tensor, *, bond_types: bool, ridge: float = 1e-3) -> Baseline:
    """Least-squares fit of total energies (n_molecules,) in kcal/mol on `baseline_features` (n_molecules, N_FEATURES).

    ridge: penalty (in units of one molecule's count squared) on the bond-type weights; bond counts are nearly
    determined by element counts, and a small penalty fixes the split between them.
    """
    features, energies = features.double(), energies.double()
    seen = (features != 0).any(dim=0)
    used = seen.clone()
    if not bond_types:
        used[_N + 1 :] = False
    columns = used.nonzero().squeeze(1)
    penalty = torch.where(columns > _N, ridge**0.5, 1e-6)
    # Element energies differ by 10^6 kcal/mol: fit those first, then the remainder on everything.
    elements = columns[columns <= _N]
    weights = torch.zeros(N_FEATURES, dtype=torch.float64)
    weights[elements] = torch.linalg.lstsq(features[:, elements], energies.unsqueeze(1), driver="gelsd").solution[:, 0]
    residual = energies - features @ weights
    design = torch.cat([features[:, columns], torch.diag(penalty)])
    target = torch.cat([residual, torch.zeros(len(columns), dtype=torch.float64)])
    weights[columns] += torch.linalg.lstsq(design, target.unsqueeze(1), driver="gelsd").solution[:, 0]
    return Baseline(weights, seen)
