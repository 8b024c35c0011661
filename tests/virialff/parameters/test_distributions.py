"""Histograms of predicted parameters and the molecules behind their bins."""

import numpy as np
import pytest

from virialff import load_model
from virialff.errors import ConfigError
from virialff.figures.distributions import distribution_figure
from virialff.molecules.molecule import Molecule
from virialff.parameters.classical import pair_range
from virialff.parameters.distributions import OTHER, QUANTITIES, Selection, commonest_groups, distribution, items_table
from virialff.parameters.samples import sample_parameters

SMILES = ("CCO", "O.CO", "CC(=O)NC", "c1ccccc1Cl")


@pytest.fixture(scope="module")
def samples():
    return {"default": sample_parameters(load_model(), [Molecule.from_smiles(text) for text in SMILES])}


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_value_is_in_one_bin_of_one_group(samples, quantity):
    found = distribution(samples, quantity, by="model" if quantity == "molecular charge" else "element")
    assert found.counts.sum() == len(found.values) > 0
    assert (np.diff(found.edges) > 0).all()
    assert found.edges[0] <= found.values.min()
    assert found.values.max() <= found.edges[-1]
    for number in range(len(found.edges) - 1):
        inside = found.values[found.rows_in(number)]
        assert ((inside >= found.edges[number]) & (inside <= found.edges[number + 1])).all()
    assert found.table()["count"].sum() == len(found.values)


def test_summary_has_the_statistics_of_its_group(samples):
    row = distribution(samples, "atomic charge").summary().set_index("group").loc["O"]
    sample = samples["default"]
    oxygen = sample.charges[sample.elements == 3].astype(float)
    assert row["values"] == len(oxygen)
    assert row["mean (e)"] == pytest.approx(oxygen.mean())
    assert row["mean magnitude (e)"] == pytest.approx(np.abs(oxygen).mean())


def test_zero_lies_inside_a_bin_of_charges(samples):
    edges = distribution(samples, "molecular charge", by="model").edges
    assert not np.isclose(edges, 0).any()


def test_groups_asked_for_and_the_others(samples):
    found = distribution(samples, "sigma", groups=["O–H", "F–H"])
    assert found.groups == ("O–H", OTHER)
    assert commonest_groups(samples, "sigma", Selection())[0] == "H–H"


def test_relations_and_patterns_select(samples):
    between = distribution(samples, "sigma", selection=Selection("intermolecular"), by="relation")
    assert between.groups == ("intermolecular",)
    assert len(between.values) == 3 * 6
    hydroxyl = distribution(samples, "epsilon", selection=Selection("1-3", "[OX2H]", "[CH3]"))
    table = items_table(hydroxyl, samples["default"], np.arange(len(hydroxyl.values)))
    assert list(table["smiles"]) == ["CCO"]
    assert (table.loc[0, "atom_i"], table.loc[0, "atom_j"], table.loc[0, "relation"]) == (1, 3, "1-3")
    with pytest.raises(ConfigError, match="cannot be read"):
        distribution(samples, "sigma", selection=Selection(first="[O"))


def test_table_of_a_bin_names_atoms_with_their_values(samples):
    found = distribution(samples, "atomic charge")
    lowest = items_table(found, samples["default"], found.rows_in(0))
    assert set(lowest.columns) == {"molecule", "smiles", "atom", "element", "atomic charge (e)"}
    sample = samples["default"]
    for _, row in lowest.iterrows():
        atom = sample.first_atoms[row["molecule"] - 1] + row["atom"] - 1
        assert sample.charges[atom] == pytest.approx(row["atomic charge (e)"])


def test_models_side_by_side(samples):
    both = distribution({"a": samples["default"], "b": samples["default"]}, "sigma", by="model")
    assert both.groups == ("a", "b")
    np.testing.assert_array_equal(both.counts[0], both.counts[1])


def test_what_has_no_such_grouping(samples):
    with pytest.raises(ValueError, match="no relation"):
        distribution(samples, "atomic charge", by="relation")


def test_nothing_selected_is_an_empty_distribution(samples):
    found = distribution(samples, "sigma", selection=Selection(first="[Br]"))
    assert len(found.values) == 0
    assert distribution_figure(found).layout.xaxis.title.text == "σ (Å)"


def test_figure_carries_group_and_bin_and_lines_of_force_fields(samples):
    found = distribution(samples, "epsilon")
    amber = pair_range("Amber ff14SB", "C", "H", "epsilon")
    assert amber is not None
    figure = distribution_figure(found, [amber])
    assert [tuple(item) for item in figure.data[1].customdata][:2] == [(1, 0), (1, 1)]
    assert sum(np.sum(bar.y) for bar in figure.data) == len(found.values)
    legend = {shape.name for shape in figure.layout.shapes if shape.showlegend}
    assert len(legend) == 2
    assert any("GROMOS" in name for name in legend)
    line = next(shape for shape in figure.layout.shapes if shape.name and "Amber" in shape.name)
    assert line.x0 == pytest.approx(np.log10(amber.lowest))
