"""Relations of atom pairs, fragments."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import shortest_path

from virialff.molecules.topology import (
    RELATIONS,
    all_pairs,
    atoms_between,
    bond_type_indices,
    fragment_indices,
    pair_relations,
)


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


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 10), st.data())
def test_atoms_between_are_those_of_all_shortest_paths(n_atoms, data):
    pairs = [tuple(pair) for pair in all_pairs(n_atoms).T.tolist()]
    bonds = data.draw(st.lists(st.sampled_from(pairs), unique=True))
    directed = np.array([*bonds, *((j, i) for i, j in bonds)], dtype=np.int64).reshape(-1, 2).T
    kept = np.array(data.draw(st.permutations(range(len(pairs)))))[: data.draw(st.integers(0, len(pairs)))].astype(int)
    relations = pair_relations(n_atoms, np.array(bonds, dtype=np.int64).reshape(-1, 2))
    found = atoms_between(directed, all_pairs(n_atoms)[:, kept], relations[kept])
    inside = {"1-3": 1, "1-4": 2}
    expected = Counter(
        (row, atom)
        for row, pair in enumerate(kept)
        for between in itertools.permutations(range(n_atoms), inside.get(RELATIONS[relations[pair]], 0))
        if set(itertools.pairwise((pairs[pair][0], *between, pairs[pair][1])))
        <= set(zip(*directed.tolist(), strict=True))
        for atom in between
    )
    assert Counter(map(tuple, found.T.tolist())) == expected


def test_fragments_are_numbered_by_first_atom():
    assert fragment_indices(5, np.array([[1, 3], [0, 4]])).tolist() == [0, 1, 2, 1, 0]
    assert fragment_indices(2, np.empty((0, 2), dtype=np.int64)).tolist() == [0, 1]


def test_bond_types():
    assert bond_type_indices(np.array([1, 2, 3, 1.5])).tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match=r"bond order 2\.5"):
        bond_type_indices(np.array([1, 2.5]))


CUBANE = "C12C3C4C1C5C2C3C45"
