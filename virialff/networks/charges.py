"""charge_net (Eq. 17): Q_i = charge_net(h_i), and the projection to neutral fragments."""

from torch import Tensor, nn

from virialff.networks.config import NetworkConfig
from virialff.networks.graph_tensors import GraphTensors
from virialff.networks.mlp import mlp


def neutralize_fragments(charges: Tensor, graph: GraphTensors) -> Tensor:
    """Shift the charges (n_atoms,) of every fragment by one constant so that they sum to zero."""
    sums = charges.new_zeros(graph.n_fragments).index_add(0, graph.atom_fragments, charges)
    sizes = charges.new_zeros(graph.n_fragments).index_add(0, graph.atom_fragments, charges.new_ones(len(charges)))
    return charges - (sums / sizes)[graph.atom_fragments]


class ChargeNetwork(nn.Module):
    """Atomic partial charges in e from the embeddings."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.neutral_fragments = config.neutral_fragments
        self.layers = mlp(config.hidden_size, config.charge_width, 1, config.charge_layers)

    def forward(self, hidden: Tensor, atoms: Tensor, graph: GraphTensors) -> Tensor:
        """(n_atoms,) charges in e of atoms that have the embeddings `hidden[atoms]`."""
        charges = self.layers(hidden).squeeze(-1).index_select(0, atoms)
        return neutralize_fragments(charges, graph) if self.neutral_fragments else charges
