"""The molecular graph as plain index tensors: what the networks and the training loop read."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class GraphTensors(NamedTuple):
    """One molecule, or several in one batch, as index tensors (all int64, on one device).

    Atoms, fragments, bonds and pairs of the molecules follow each other in the order of the batch.
    """

    elements: Tensor
    """(n_atoms,) position in elements.ELEMENTS."""
    atom_fragments: Tensor
    """(n_atoms,) covalently connected fragment of each atom, numbered through the batch."""
    fragment_molecules: Tensor
    """(n_fragments,) molecule of each fragment."""
    atom_rings: Tensor
    """(n_atoms, 5) how many of the smallest rings of each of topology.RING_SIZES hold the atom."""
    bond_index: Tensor
    """(2, n_directed_bonds) source and target atom; every covalent bond appears in both directions."""
    bond_types: Tensor
    """(n_directed_bonds,) position in topology.BOND_TYPES."""
    pair_index: Tensor
    """(2, n_pairs) atoms i < j of the interacting pairs, each pair once."""
    pair_types: Tensor
    """(n_pairs,) position in topology.EDGE_TYPES."""
    pair_relations: Tensor
    """(n_pairs,) position in topology.RELATIONS."""
    pair_rings: Tensor
    """(n_pairs,) topology.NO_RING or 1 + position in topology.RING_SIZES of the smallest ring that holds both atoms."""
    pair_molecules: Tensor
    """(n_pairs,) molecule of each pair."""
    path_pairs: Tensor
    """(n_path_atoms,) 1-3 or 1-4 pair to each atom inside a shortest path of bonds between its two."""
    path_atoms: Tensor
    """(n_path_atoms,) that atom; it stands once for each of the paths."""
    n_molecules: int

    @property
    def n_atoms(self) -> int:
        return int(self.elements.shape[0])

    @property
    def n_fragments(self) -> int:
        return int(self.fragment_molecules.shape[0])

    @property
    def n_pairs(self) -> int:
        return int(self.pair_types.shape[0])

    @property
    def atom_molecules(self) -> Tensor:
        """(n_atoms,) molecule of each atom."""
        return self.fragment_molecules[self.atom_fragments]

    def to(self, device: torch.device | str) -> "GraphTensors":
        """The same graph with every tensor on `device`."""
        return GraphTensors._make(x.to(device) if isinstance(x, Tensor) else x for x in self)

    def select_pairs(self, keep: Tensor) -> "GraphTensors":
        """The same graph with only the pairs for which the boolean tensor `keep` (n_pairs,) is true."""
        stays = keep[self.path_pairs]
        return self._replace(
            pair_index=self.pair_index[:, keep],
            pair_types=self.pair_types[keep],
            pair_relations=self.pair_relations[keep],
            pair_rings=self.pair_rings[keep],
            pair_molecules=self.pair_molecules[keep],
            path_pairs=(keep.cumsum(0) - 1)[self.path_pairs[stays]],
            path_atoms=self.path_atoms[stays],
        )


def collate(graphs: Sequence[GraphTensors]) -> GraphTensors:
    """Join graphs into one batch, in order; atoms, fragments and molecules are renumbered.

    Raises ValueError when `graphs` is empty.
    """
    if not graphs:
        raise ValueError("a batch needs at least one graph")
    columns: list[list[Tensor]] = [[] for _ in GraphTensors._fields[:-1]]
    atoms = fragments = molecules = pairs = 0
    for graph in graphs:
        shifts = {
            "atom_fragments": fragments,
            "fragment_molecules": molecules,
            "bond_index": atoms,
            "pair_index": atoms,
            "pair_molecules": molecules,
            "path_pairs": pairs,
            "path_atoms": atoms,
        }
        for column, name, values in zip(columns, GraphTensors._fields, graph[:-1], strict=False):
            shift = shifts.get(name)
            column.append(values + shift if shift else values)
        atoms += graph.n_atoms
        fragments += graph.n_fragments
        molecules += graph.n_molecules
        pairs += graph.n_pairs
    along = {"bond_index": 1, "pair_index": 1}
    joined = [
        torch.cat(column, dim=along.get(name, 0)) for column, name in zip(columns, GraphTensors._fields, strict=False)
    ]
    return GraphTensors._make([*joined, molecules])
