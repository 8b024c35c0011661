"""The sign of the charges, which no energy can tell.

Energies hold only products Q_i Q_j, so a network and its mirror image with every charge negated fit them equally well.
The sign is a convention, fixed once a run is finished: electronegative atoms are negative.
"""

from collections.abc import Iterable

import torch

from training.data.pack import LabelledGraph
from virialff.elements import ELECTRONEGATIVITIES
from virialff.networks.force_field import ForceFieldNetwork


@torch.no_grad()
def orient_charges(network: ForceFieldNetwork, records: Iterable[LabelledGraph]) -> bool:
    """Negate the output of charge_net if charges of `records` rise with electronegativity; true if it was negated."""
    table = torch.tensor(list(ELECTRONEGATIVITIES.values()))
    device = next(network.parameters()).device
    covariance = 0.0
    for record in records:
        values = table[record.graph.elements]
        charges = network(record.graph.to(device)).charges.cpu()
        covariance += float(((values - values.mean()) * charges).sum())
    if covariance <= 0:
        return False
    for parameter in network.charges.layers[-1].parameters():
        parameter.neg_()
    return True
