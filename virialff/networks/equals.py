"""Atoms and pairs that a network cannot tell apart, so that it computes one of each: hydrogens of a methyl group, the
halves of a symmetric molecule, what molecules of a batch have in common.

Two atoms have the same embedding after a round of message passing if they had one before it and their neighbors had,
bond type by bond type (color refinement). The results differ by the rounding of sums in another order alone.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from virialff.molecules.topology import BOND_TYPES
from virialff.networks.graph_tensors import GraphTensors

# Atoms inside the shortest paths of a pair that are compared; a pair with more of them is by itself.
_COMPARED_INSIDE = 2


class Classes(NamedTuple):
    """Which of some items are equal; the classes are numbered from 0."""

    of: Tensor
    """(n_items,) class of each item, int64."""
    first: Tensor
    """(n_classes,) an item of each class."""


def grouped(*columns: np.ndarray) -> Classes:
    """Items by equality in all columns (n_items,) of int64 from 0 on."""
    keys, size = columns[0], int(columns[0].max(initial=0)) + 1
    for column in columns[1:]:
        values = int(column.max(initial=0)) + 1
        if size * values > np.iinfo(np.int64).max:
            keys, first = _numbered(keys)
            size = len(first)
        keys, size = keys * values + column, size * values
    return Classes(*map(torch.from_numpy, _numbered(keys)))


def _numbered(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(keys)
    ordered = keys[order]
    new = np.ones(len(keys), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    of = np.empty(len(keys), dtype=np.int64)
    of[order] = np.cumsum(new) - 1
    return of, order[new]


def atom_classes(kinds: tuple[Tensor, ...], graph: GraphTensors, steps: int) -> list[Classes]:
    """Atoms of equal embeddings before message passing and after each of its rounds, steps + 1 of them.

    kinds: what the first embedding is made of, each (n_atoms,) int64 from 0 on.
    """
    classes = grouped(*(column.numpy() for column in kinds))
    found = [classes]
    source, target = graph.bond_index.numpy()
    order = np.argsort(target, kind="stable")
    source, target, types = source[order], target[order], graph.bond_types.numpy()[order]
    bonds = np.bincount(target, minlength=graph.n_atoms)
    place = np.arange(len(target)) - (np.cumsum(bonds) - bonds)[target]
    for _ in range(steps):
        of = classes.of.numpy()
        # 0 stands for no neighbor.
        seen = np.zeros((int(bonds.max(initial=0)), graph.n_atoms), dtype=np.int64)
        seen[place, target] = 1 + of[source] * len(BOND_TYPES) + types
        seen.sort(axis=0)
        classes = grouped(of, *seen)
        found.append(classes)
    return found


def pair_classes(atoms: Tensor, graph: GraphTensors, *, symmetric: bool, inside: bool) -> Classes:
    """Pairs of a graph that a pair network cannot tell apart.

    atoms: (n_atoms,) classes of equal embeddings. symmetric: whether (i, j) and (j, i) are one. inside: whether it
    reads the atoms on the paths between.
    """
    i, j = atoms.numpy()[graph.pair_index.numpy()]
    ends = (np.minimum(i, j), np.maximum(i, j)) if symmetric else (i, j)
    kinds = [values.numpy() for values in (graph.pair_types, graph.pair_relations, graph.pair_rings)]
    return grouped(*ends, *kinds, *(_between(atoms.numpy(), graph) if inside else ()))


def _between(atoms: np.ndarray, graph: GraphTensors) -> list[np.ndarray]:
    """Columns that tell pairs by the classes of the atoms inside their paths, and one for pairs with many of them."""
    pairs, inside = graph.path_pairs.numpy(), 1 + atoms[graph.path_atoms.numpy()]
    order = np.argsort(pairs, kind="stable")
    pairs, inside = pairs[order], inside[order]
    counts = np.bincount(pairs, minlength=graph.n_pairs)
    place = np.arange(len(pairs)) - (np.cumsum(counts) - counts)[pairs]
    seen = np.zeros((_COMPARED_INSIDE, graph.n_pairs), dtype=np.int64)
    few = place < _COMPARED_INSIDE
    seen[place[few], pairs[few]] = inside[few]
    seen.sort(axis=0)
    alone = np.zeros(graph.n_pairs, dtype=np.int64)
    many = np.flatnonzero(counts > _COMPARED_INSIDE)
    alone[many] = 1 + np.arange(len(many))
    return [*seen, alone]
