"""Pair relations against shortest paths by a library."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path

from virialff.topology import RELATIONS, all_pairs, bond_type_indices, fragment_indices, pair_relations


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 14), st.data())
def test_relations_are_shortest_paths(n_atoms, data):
    pairs = [tuple(pair) for pair in all_pairs(n_atoms).T.tolist()]
    bonds = np.array(data.draw(st.lists(st.sampled_from(pairs), unique=True)), dtype=np.int64).reshape(-1, 2)
    matrix = coo_array((np.ones(len(bonds)), (bonds[:, 0], bonds[:, 1])), shape=(n_atoms, n_atoms))
    paths = shortest_path(matrix.tocsr(), directed=False, unweighted=True)
    names = {1: "bonded", 2: "1-3", 3: "1-4", np.inf: "intermolecular"}
    expected = [names.get(paths[i, j], "further") for i, j in pairs]
    assert [RELATIONS[r] for r in pair_relations(n_atoms, bonds)] == expected


def test_fragments_are_numbered_by_first_atom():
    assert fragment_indices(5, np.array([[1, 3], [0, 4]])).tolist() == [0, 1, 2, 1, 0]
    assert fragment_indices(2, np.empty((0, 2), dtype=np.int64)).tolist() == [0, 1]


def test_bond_types():
    assert bond_type_indices(np.array([1, 2, 3, 1.5])).tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"bond order 2\.5"):
        bond_type_indices(np.array([1, 2.5]))
