"""feats_net (Eq. 18-19): C_0..C_13 of a pair from x_ij = h_i || h_j || e_ij.

The first linear layer on the concatenation is three smaller products, over atoms and over edge classes, gathered
a pair: the same numbers at a fraction of the cost.
"""

import math

import torch
from torch import Tensor, nn

from virialff.molecules.topology import EDGE_TYPES, NO_RING, RELATIONS, RING_SIZES
from virialff.networks.config import RELATION_SCALES, NetworkConfig
from virialff.networks.equals import pair_classes
from virialff.networks.graph_tensors import GraphTensors
from virialff.networks.mlp import mlp
from virialff.potential.lennard_jones import coefficients_from
from virialff.potential.parameters import N_COEFFICIENTS

#: Bounds of sigma (Angstrom) and epsilon (kcal/mol) with the switch `output_scales`.
SIGMA_BOUNDS = (1.5, 4.2)
EPSILON_BOUNDS = (0.005, 0.5)
#: Rows that go through the network together where nothing is differentiated: what lies between stays in the cache.
ROWS_AT_ONCE = 2_048

_THIRD, _FURTHER, _INTERMOLECULAR = (RELATIONS.index(name) for name in ("1-3", "further", "intermolecular"))
# Puts the widths of the Gaussians at first near 0.5 A within bounds of 0.3 and 1.5 A, close to the spacing of centres.
_INITIAL_WIDTH_OUTPUT = -1.5


class PairNetwork(nn.Module):
    """Pair coefficients from the embeddings.

    Symmetric in i, j (switch `symmetric_pairs`): the first layer is P h_i + P h_j + (Q h_i) * (Q h_j) + R e_ij;
    the product tells unlike pairs from like ones, which a sum alone cannot. The switches `pair_relations`, `ring_sizes`
    and `path_atoms` add terms to R e_ij.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width = config.pair_width
        self.first = nn.Linear(config.hidden_size, width)
        self.second = nn.Linear(config.hidden_size, width, bias=False)
        self.edge = nn.Embedding(len(EDGE_TYPES), width)
        self.relation = nn.Embedding(len(RELATIONS), width) if config.pair_relations else None
        last = nn.Linear(width, N_COEFFICIENTS)
        # Zero at first: a network that was trained without them can go on with them.
        self.ring = (
            nn.Embedding.from_pretrained(torch.zeros(1 + len(RING_SIZES), width), freeze=False)
            if (config.ring_sizes)
            else None
        )
        self.between = nn.Parameter(torch.zeros(2, config.hidden_size, width)) if config.path_atoms else None
        if config.output_scales:
            # With scales of up to 150 kcal/mol an ordinary start is hundreds of kcal/mol off a molecule.
            nn.init.normal_(last.weight, std=0.1 * width**-0.5)
            nn.init.zeros_(last.bias)
            last.bias.data[3::2] = _INITIAL_WIDTH_OUTPUT
        hidden = mlp(width, width, width, config.pair_layers - 2)
        self.rest = nn.Sequential(nn.LeakyReLU(), hidden, nn.LeakyReLU(), last)

    def rows(self, graph: GraphTensors) -> tuple[Tensor, Tensor]:
        """Atoms (2, n_rows) of each row of coefficients and the pair (n_rows,) of the graph it belongs to."""
        pairs = torch.arange(graph.n_pairs, device=graph.pair_index.device)
        if self.config.symmetric_pairs:
            return graph.pair_index, pairs
        return torch.cat([graph.pair_index, graph.pair_index.flip(0)], dim=1), torch.cat([pairs, pairs])

    def forward(self, hidden: Tensor, atoms: Tensor, graph: GraphTensors) -> Tensor:
        """(n_rows, 14) coefficients in the units of PairParameters; rows as `rows` gives them.

        hidden: (n_classes, hidden_size) embeddings that differ. atoms: (n_atoms,) which of them each atom has.
        """
        if self.config.far_pairs_as_contacts:
            graph = _with_contacts(graph)
        symmetric = self.config.symmetric_pairs
        if graph.elements.device.type != "cpu":
            return self._coefficients(hidden, _by_embeddings(graph, atoms, len(hidden)))
        pairs = pair_classes(atoms, graph, symmetric=symmetric, inside=self.between is not None)
        chosen = torch.zeros(graph.n_pairs, dtype=torch.bool)
        chosen[pairs.first] = True
        # Selected pairs keep the order of the graph.
        place = (chosen.cumsum(0) - 1)[pairs.first][pairs.of]
        different = self._coefficients(hidden, _by_embeddings(graph.select_pairs(chosen), atoms, len(hidden)))
        return different.index_select(0, place if symmetric else torch.cat([place, place + len(pairs.first)]))

    def _coefficients(self, hidden: Tensor, graph: GraphTensors) -> Tensor:
        """Coefficients of all rows of a graph with `hidden` (n_atoms, hidden_size) for its atoms."""
        (i, j), pair = self.rows(graph)
        first, second = self.first(hidden), self.second(hidden)
        edge = self._edges(hidden, graph)

        def part(of: slice) -> Tensor:
            if self.config.symmetric_pairs:
                layer = first.index_select(0, i[of]) + first.index_select(0, j[of])
                layer = layer + second.index_select(0, i[of]) * second.index_select(0, j[of]) + edge[of]
            else:
                layer = first.index_select(0, i[of]) + second.index_select(0, j[of]) + edge[pair[of]]
            return self._scaled(self.rest(layer), graph.pair_relations[pair[of]])

        n_rows = len(pair)
        if torch.is_grad_enabled() or n_rows <= ROWS_AT_ONCE:
            return part(slice(None))
        return torch.cat([part(slice(row, row + ROWS_AT_ONCE)) for row in range(0, n_rows, ROWS_AT_ONCE)])

    def _edges(self, hidden: Tensor, graph: GraphTensors) -> Tensor:
        """What the first layer adds for each pair of the graph, (n_pairs, width)."""
        # The classes of pairs are few: their terms are added up by class, and one row a pair is taken.
        classes, place = self.edge.weight, graph.pair_types
        for table, positions in ((self.relation, graph.pair_relations), (self.ring, graph.pair_rings)):
            if table is not None:
                classes = (classes.unsqueeze(1) + table.weight).flatten(end_dim=1)
                place = place * table.num_embeddings + positions
        edge = classes.index_select(0, place)
        if self.between is not None:
            # Both products are over atoms, of which there are fewer than paths.
            embedded = (hidden @ self.between).flatten(end_dim=1)
            relation = graph.pair_relations[graph.path_pairs] - _THIRD
            inside = torch.bincount(graph.path_pairs, minlength=graph.n_pairs)[graph.path_pairs].to(edge.dtype)
            rows = embedded.index_select(0, relation * graph.n_atoms + graph.path_atoms) / inside.unsqueeze(-1)
            edge = edge.index_add(0, graph.path_pairs, rows)
        return edge

    def _scaled(self, output: Tensor, relations: Tensor) -> Tensor:
        c0, c1 = output[:, 0], output[:, 1]
        amplitudes, widths = output[:, 2::2], output[:, 3::2]
        if self.config.output_scales:
            scales = torch.tensor(RELATION_SCALES, dtype=output.dtype, device=output.device)
            amplitudes = amplitudes * scales[relations].unsqueeze(-1)
            c0, c1 = coefficients_from(_between(c0, *SIGMA_BOUNDS), _between_log(c1, *EPSILON_BOUNDS))
        if self.config.gaussian_widths is not None:
            widths = _between(widths, *self.config.gaussian_widths)
        gaussians = torch.stack([amplitudes, widths], dim=-1).flatten(start_dim=1)
        return torch.cat([c0.unsqueeze(-1), c1.unsqueeze(-1), gaussians], dim=-1)


def _with_contacts(graph: GraphTensors) -> GraphTensors:
    """The graph with its further pairs as intermolecular ones, which no ring holds."""
    far = graph.pair_relations == _FURTHER
    return graph._replace(
        pair_relations=graph.pair_relations.masked_fill(far, _INTERMOLECULAR),
        pair_rings=graph.pair_rings.masked_fill(far, NO_RING),
    )


def _by_embeddings(graph: GraphTensors, atoms: Tensor, n_embeddings: int) -> GraphTensors:
    """The pairs of a graph between its embeddings instead of its atoms."""
    return graph._replace(
        elements=graph.elements.new_zeros(n_embeddings),
        pair_index=atoms[graph.pair_index],
        path_atoms=atoms[graph.path_atoms],
    )


def _between(output: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.sigmoid(output)


def _between_log(output: Tensor, low: float, high: float) -> Tensor:
    return torch.exp(_between(output, math.log(low), math.log(high)))
