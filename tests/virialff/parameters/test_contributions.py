"""Contributions of atom pairs: they add up to the energies of the force field."""

import numpy as np
import pytest

from virialff import load_model
from virialff.benchmarks.reference_data import load_references
from virialff.figures.pairs import contribution_figure
from virialff.parameters.contributions import (
    INTERMOLECULAR,
    NONBONDED,
    TERMS,
    contribution_matrix,
    contributions_with_units,
    pair_contributions,
    strongest_pairs,
)
from virialff.settings import ASSETS


@pytest.fixture(scope="module")
def dimer():
    return load_references(ASSETS / "data" / "references.parquet").dimers[0].molecule


@pytest.fixture(scope="module")
def field(dimer):
    return load_model().force_field(dimer)


def test_intermolecular_pairs_sum_to_the_interaction_energy(dimer, field):
    positions = dimer.positions[0]
    table = pair_contributions(field, positions, INTERMOLECULAR)
    assert len(table) == (dimer.fragments == 0).sum() * (dimer.fragments == 1).sum()
    assert table["total"].sum() == pytest.approx(field.interaction_energy(positions), abs=1e-3)
    np.testing.assert_allclose(table[list(TERMS[:-1])].sum(axis=1), table["total"], atol=1e-6)
    assert (np.diff(table["total"].abs()) <= 1e-12).all()


def test_all_pairs_sum_to_the_pair_energy_with_their_distances(dimer, field):
    positions = dimer.positions[0]
    table = pair_contributions(field, positions)
    assert table["total"].sum() == pytest.approx(float(field.pair_energy(positions)), abs=2e-2)
    row = table.iloc[3]
    assert row["distance"] == pytest.approx(np.linalg.norm(positions[row["i"]] - positions[row["j"]]))
    assert not (pair_contributions(field, positions, NONBONDED)["relation"] == "bonded").any()


def test_matrix_is_symmetric_and_empty_without_a_pair(dimer, field):
    table = pair_contributions(field, dimer.positions[0], INTERMOLECULAR)
    matrix = contribution_matrix(table, dimer.n_atoms, "coulomb")
    np.testing.assert_array_equal(np.isnan(matrix), dimer.fragments[:, None] == dimer.fragments[None])
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.nansum(matrix) / 2 == pytest.approx(table["coulomb"].sum(), abs=1e-6)


def test_strongest_pairs_of_either_sign(dimer, field):
    table = pair_contributions(field, dimer.positions[0], INTERMOLECULAR)
    strongest = strongest_pairs(table, 2)
    assert strongest["total"].iloc[0] == table["total"].min()
    assert table["total"].max() in strongest["total"].to_numpy()
    assert set(np.sign(strongest["total"])) == {-1.0, 1.0}


def test_columns_for_people_carry_units_and_count_from_one(dimer, field):
    table = contributions_with_units(pair_contributions(field, dimer.positions[0], INTERMOLECULAR))
    assert list(table.columns[:2]) == ["atom_i", "atom_j"]
    assert table["atom_i"].min() == 1
    assert "total_kcal_per_mol" in table.columns


def test_figure_is_symmetric_about_zero(dimer, field):
    table = pair_contributions(field, dimer.positions[0], INTERMOLECULAR)
    matrix = contribution_matrix(table, dimer.n_atoms)
    names = [f"{symbol}{k}" for k, symbol in enumerate(dimer.symbols, start=1)]
    heat, *_ = contribution_figure(matrix, names, names).data
    assert heat.zmin == -heat.zmax < 0
    assert "kcal/mol" in heat.colorbar.title.text
