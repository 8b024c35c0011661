"""Baseline of the total energy, Eq. 24: linear in the element counts, or in counts of bonds too.

Bonds are counted by their type, and for each of their ends by its coordination number: an end is an element with its
number of neighbours, bonded to another element.

The intercept counts once per fragment, so that it cancels in interaction energies (Eq. 25). Everything here is
float64: at -300,000 kcal/mol float32 counts in steps of 0.03.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from virialff.elements import ELEMENTS
from virialff.molecules.topology import BOND_TYPES
from virialff.networks.graph_tensors import GraphTensors

_N = len(ELEMENTS)
#: Neighbours above this number count as this number.
MAX_COORDINATION = 6
_BONDS = _N + 1
_ENDS = _BONDS + _N * _N * len(BOND_TYPES)
#: Columns: element counts, number of fragments, counts of bonds by (element, element, bond type), and counts of ends of
#: bonds by (element, its number of neighbours, element at the other end, bond type).
N_FEATURES = _ENDS + _N * MAX_COORDINATION * _N * len(BOND_TYPES)

#: Penalty on ends of bonds against that on bonds: kinds of ends that a fit did not see are left to their bonds.
_RIDGE_OF_ENDS = 3.0

#: What a baseline counts beside elements and fragments; "coordination": bonds and their ends.
BaselineDetail = Literal["elements", "bonds", "coordination"]


class Baseline(NamedTuple):
    """Weights of the linear baseline."""

    weights: Tensor
    """(N_FEATURES,) float64, kcal/mol a count; zero for features that the fit did not use or did not see."""
    seen: Tensor
    """(N_FEATURES,) true for features that occurred in the data of the fit."""

    @classmethod
    def read(cls, weights: Tensor, seen: Tensor) -> "Baseline":
        """The baseline of stored tensors; those of earlier versions end before the counts of ends of bonds.

        Raises ValueError for tensors of other sizes.
        """
        if len(weights) not in (_ENDS, N_FEATURES) or len(seen) != len(weights):
            raise ValueError(f"a baseline of {len(weights)} weights was expected to have {N_FEATURES}")
        missing = (0, N_FEATURES - len(weights))
        return cls(torch.nn.functional.pad(weights.double(), missing), torch.nn.functional.pad(seen.bool(), missing))


def baseline_features(graph: GraphTensors) -> Tensor:
    """Counts of elements, fragments, bonds and ends of bonds of each molecule, (n_molecules, N_FEATURES) float64."""
    features = torch.zeros(graph.n_molecules, N_FEATURES, dtype=torch.float64, device=graph.elements.device)
    flat = features.view(-1)

    def count(molecules: Tensor, columns: Tensor) -> None:
        ones = torch.ones(len(columns), dtype=torch.float64, device=flat.device)
        flat.index_add_(0, molecules * N_FEATURES + columns, ones)

    count(graph.atom_molecules, graph.elements)
    count(graph.fragment_molecules, torch.full_like(graph.fragment_molecules, _N))
    once = graph.bond_index[0] < graph.bond_index[1]
    count(graph.atom_molecules[graph.bond_index[0, once]], bond_columns(graph))
    count(graph.atom_molecules[graph.bond_index[0]], _end_columns(graph))
    return features


def bond_columns(graph: GraphTensors) -> Tensor:
    """Column of `baseline_features` that counts each undirected bond, (n_bonds,), in the order of `bond_index`."""
    once = graph.bond_index[0] < graph.bond_index[1]
    first, second = graph.elements[graph.bond_index[:, once]]
    low, high = torch.minimum(first, second), torch.maximum(first, second)
    return _BONDS + (low * _N + high) * len(BOND_TYPES) + graph.bond_types[once]


def _end_columns(graph: GraphTensors) -> Tensor:
    """Column of `baseline_features` that counts each directed bond by its first atom, in the order of `bond_index`."""
    here, there = graph.bond_index
    neighbours = torch.bincount(here, minlength=len(graph.elements)).clamp(max=MAX_COORDINATION)
    kind = graph.elements[here] * MAX_COORDINATION + neighbours[here] - 1
    return _ENDS + (kind * _N + graph.elements[there]) * len(BOND_TYPES) + graph.bond_types


def baseline_energies(baseline: Baseline, graph: GraphTensors) -> Tensor:
    """Baseline energy of each molecule in kcal/mol, (n_molecules,) float64."""
    return baseline_features(graph) @ baseline.weights


def fit_baseline(features: Tensor, energies: Tensor, *, detail: BaselineDetail, ridge: float = 1e-3) -> Baseline:
    """Least-squares fit of total energies (n_molecules,) in kcal/mol on `baseline_features` (n_molecules, N_FEATURES).

    ridge: penalty (in units of one molecule's count squared) on the weights of bonds and their ends; these counts are
    nearly determined by element counts, and a small penalty fixes the split between them.
    """
    features, energies = features.double(), energies.double()
    seen = (features != 0).any(dim=0)
    used = seen.clone()
    used[{"elements": _BONDS, "bonds": _ENDS, "coordination": N_FEATURES}[detail] :] = False
    columns = used.nonzero().squeeze(1)
    penalty = torch.where(columns >= _ENDS, (_RIDGE_OF_ENDS * ridge) ** 0.5, ridge**0.5)
    penalty[columns <= _N] = 1e-6
    # Element energies differ by 10^6 kcal/mol: fit those first, then the remainder on everything.
    elements = columns[columns <= _N]
    weights = torch.zeros(N_FEATURES, dtype=torch.float64)
    weights[elements] = torch.linalg.lstsq(features[:, elements], energies.unsqueeze(1), driver="gelsd").solution[:, 0]
    residual = energies - features @ weights
    design = torch.cat([features[:, columns], torch.diag(penalty)])
    target = torch.cat([residual, torch.zeros(len(columns), dtype=torch.float64)])
    weights[columns] += torch.linalg.lstsq(design, target.unsqueeze(1), driver="gelsd").solution[:, 0]
    return Baseline(weights, seen)
