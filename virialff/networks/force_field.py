"""The force-field network: message passing, charge_net and feats_net together."""

from torch import nn

from virialff.molecules.topology import NON_COVALENT
from virialff.networks.charges import ChargeNetwork
from virialff.networks.config import NetworkConfig
from virialff.networks.graph_tensors import GraphTensors
from virialff.networks.mpnn import MessagePassing
from virialff.networks.pairs import PairNetwork
from virialff.potential.parameters import PairParameters


class ForceFieldNetwork(nn.Module):
    """Graph in, parameters of the pair potential out (Eq. 13, 17-19)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.message_passing = MessagePassing(
            config.hidden_size,
            config.message_steps,
            ring_sizes=config.ring_sizes,
            ring_membership=config.ring_membership,
        )
        self.charges = ChargeNetwork(config)
        self.pairs = PairNetwork(config)

    def forward(self, graph: GraphTensors) -> PairParameters:
        """Parameters of every pair of `graph`, which may be a batch."""
        hidden, atoms = self.message_passing.of_classes(graph)
        index, pair = self.pairs.rows(graph)
        return PairParameters(
            charges=self.charges(hidden, atoms, graph),
            pair_index=index,
            bonded=graph.pair_types[pair] != NON_COVALENT,
            coefficients=self.pairs(hidden, atoms, graph),
            pair_molecules=graph.pair_molecules[pair],
            n_molecules=graph.n_molecules,
            weight=1.0 if self.config.symmetric_pairs else 0.5,
            threshold=self.config.distance_threshold,
        )
