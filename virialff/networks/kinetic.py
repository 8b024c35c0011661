"""Stage 1 (Eq. 14-16): the electronic kinetic energy as a sum over atoms and covalent bonds."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from virialff.molecules.topology import EDGE_TYPES
from virialff.networks.config import NetworkConfig
from virialff.networks.graph_tensors import GraphTensors
from virialff.networks.mlp import mlp


class KineticEnergies(NamedTuple):
    """Kinetic-energy contributions; the unit is that of the targets trained on."""

    atoms: Tensor
    """(n_atoms,) KD_i of Eq. 11."""
    bonds: Tensor
    """(n_bonds,) KD_ij of each undirected bond, in the order of `GraphTensors.bond_index` with i < j."""
    molecules: Tensor
    """(n_molecules,) their sum."""


class KineticNetwork(nn.Module):
    """MLP_atom(h_i) and MLP_edge((h_i + h_j) || e_ij)."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.atom = mlp(config.hidden_size, config.atom_width, 1, config.atom_layers)
        self.edge = mlp(config.hidden_size + len(EDGE_TYPES), config.edge_width, 1, config.edge_layers)

    def forward(self, hidden: Tensor, graph: GraphTensors) -> KineticEnergies:
        """hidden: (n_atoms, hidden_size) embeddings of the same graph."""
        atoms = self.atom(hidden).squeeze(-1)
        once = graph.bond_index[0] < graph.bond_index[1]
        i, j = graph.bond_index[:, once]
        types = nn.functional.one_hot(graph.bond_types[once], len(EDGE_TYPES)).to(hidden.dtype)
        bonds = self.edge(torch.cat([hidden[i] + hidden[j], types], dim=-1)).squeeze(-1)
        molecules = atoms.new_zeros(graph.n_molecules)
        molecules = molecules.index_add(0, graph.atom_molecules, atoms)
        molecules = molecules.index_add(0, graph.atom_molecules[i], bonds)
        return KineticEnergies(atoms, bonds, molecules)
