"""Message passing (Gilmer et al. 2017) over covalent bonds: Eq. 13, h_i = MPNN(x_i, {(x_j, e_ij)}).

With a one-hot e_ij the edge network A(e_ij) is one matrix a bond type, so it is stored as such.
"""

import torch
from torch import Tensor, nn

from virialff.elements import ELEMENTS
from virialff.molecules.topology import BOND_TYPES, RING_SIZES
from virialff.networks.graph_tensors import GraphTensors


class MessagePassing(nn.Module):
    """Atom embeddings from the covalent graph: messages m_i = sum_j A(e_ij) h_j, update by a GRU."""

    def __init__(
        self, hidden_size: int, steps: int, *, ring_sizes: bool = False, ring_membership: bool = False
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.steps = steps
        self.embed = nn.Embedding(len(ELEMENTS), hidden_size)
        self.bond_matrices = nn.Parameter(torch.empty(len(BOND_TYPES), hidden_size, hidden_size))
        self.update = nn.GRUCell(hidden_size, hidden_size)
        self.rings = nn.Linear(len(RING_SIZES), hidden_size, bias=False) if ring_sizes else None
        self.ring_membership = ring_membership
        if self.rings is not None:
            nn.init.zeros_(self.rings.weight)
        bound = hidden_size**-0.5
        nn.init.uniform_(self.bond_matrices, -bound, bound)

    def messages(self, hidden: Tensor, graph: GraphTensors) -> Tensor:
        """Sum of A(e_ij) h_j over the neighbours j of every atom i, (n_atoms, hidden_size)."""
        source, target = graph.bond_index
        total = torch.zeros_like(hidden)
        for bond_type, matrix in enumerate(self.bond_matrices):
            edges = (graph.bond_types == bond_type).nonzero().squeeze(1)
            total = total.index_add(0, target[edges], hidden[source[edges]] @ matrix)
        return total

    def forward(self, graph: GraphTensors) -> Tensor:
        """Embeddings h_i, (n_atoms, hidden_size)."""
        hidden = self.embed(graph.elements)
        if self.rings is not None:
            rings = graph.atom_rings.clamp(max=1) if self.ring_membership else graph.atom_rings
            hidden = hidden + self.rings(rings.to(hidden.dtype))
        for _ in range(self.steps):
            hidden = self.update(self.messages(hidden, graph), hidden)
        return hidden
