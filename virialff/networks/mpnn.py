"""Message passing (Gilmer et al. 2017) over covalent bonds: Eq. 13, h_i = MPNN(x_i, {(x_j, e_ij)}).

With a one-hot e_ij the edge network A(e_ij) is one matrix a bond type, so it is stored as such.
"""

import torch
from torch import Tensor, nn

from virialff.elements import ELEMENTS
from virialff.molecules.topology import BOND_TYPES, RING_SIZES
from virialff.networks.equals import atom_classes
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

    def messages(self, hidden: Tensor, bond_index: Tensor, bond_types: Tensor, n_targets: int) -> Tensor:
        """Sum of A(e_ij) h_j over the neighbours j of every target i, (n_targets, hidden_size)."""
        source, target = bond_index
        total = hidden.new_zeros(n_targets, self.hidden_size)
        for bond_type, matrix in enumerate(self.bond_matrices):
            edges = (bond_types == bond_type).nonzero().squeeze(1)
            total = total.index_add(0, target[edges], hidden[source[edges]] @ matrix)
        return total

    def forward(self, graph: GraphTensors) -> Tensor:
        """Embeddings h_i, (n_atoms, hidden_size)."""
        hidden, atoms = self.of_classes(graph)
        return hidden.index_select(0, atoms)

    def of_classes(self, graph: GraphTensors) -> tuple[Tensor, Tensor]:
        """Embeddings of the atoms that differ, (n_classes, hidden_size), and the class (n_atoms,) of each atom."""
        rings = None
        if self.rings is not None:
            rings = graph.atom_rings.clamp(max=1) if self.ring_membership else graph.atom_rings
        if graph.elements.device.type != "cpu":
            # Many threads compute all atoms sooner than they compare them.
            return self._all(graph, rings)
        kinds = (graph.elements, *(() if rings is None else rings.T))
        before, *rounds = atom_classes(kinds, graph, self.steps)
        hidden = self._first(graph.elements[before.first], None if rings is None else rings[before.first])
        for after in rounds:
            wanted = torch.zeros(graph.n_atoms, dtype=torch.bool)
            wanted[after.first] = True
            source, target = graph.bond_index
            edges = wanted[target].nonzero().squeeze(1)
            bonds = torch.stack([before.of[source[edges]], after.of[target[edges]]])
            messages = self.messages(hidden, bonds, graph.bond_types[edges], len(after.first))
            hidden = self.update(messages, hidden.index_select(0, before.of[after.first]))
            before = after
        return hidden, before.of

    def _all(self, graph: GraphTensors, rings: Tensor | None) -> tuple[Tensor, Tensor]:
        hidden = self._first(graph.elements, rings)
        for _ in range(self.steps):
            messages = self.messages(hidden, graph.bond_index, graph.bond_types, graph.n_atoms)
            hidden = self.update(messages, hidden)
        return hidden, torch.arange(graph.n_atoms, device=hidden.device)

    def _first(self, elements: Tensor, rings: Tensor | None) -> Tensor:
        hidden: Tensor = self.embed(elements)
        return hidden if rings is None or self.rings is None else hidden + self.rings(rings.to(hidden.dtype))
