"""Tables of energies and ranked ensembles as files."""

import numpy as np
import pytest
from rdkit import Chem

from virialff.conformers.generation import search
from virialff.engines import get_engine
from virialff.export.energies import ensemble_table, ranked_sdf, relative_energies_above, relative_energy_table
from virialff.figures.energies import population_figure, rank_change_figure
from virialff.methods.comparison import Comparison, MethodEnergies, compare_methods
from virialff.molecules.molecule import Molecule


@pytest.fixture
def comparison() -> Comparison:
    first = MethodEnergies("Model", "level", np.array([-10.0, -12.0, -11.0]), np.zeros(3), {})
    second = MethodEnergies("GFN2-xTB", "level", np.array([-99.0, np.nan, -100.0]), np.zeros(3), {2: "failed"})
    return Comparison(Molecule.from_smiles("O"), np.zeros((3, 3, 3)), (first, second), {})


def test_each_method_counts_from_its_own_lowest(comparison):
    relative = relative_energies_above(comparison)
    np.testing.assert_array_equal(relative["Model"], [2, 0, 1])
    np.testing.assert_array_equal(relative["GFN2-xTB"], [1, np.nan, 0])


def test_all_methods_count_from_one_conformer(comparison):
    relative = relative_energies_above(comparison, 2)
    np.testing.assert_array_equal(relative["Model"], [1, -1, 0])
    np.testing.assert_array_equal(relative["GFN2-xTB"], [1, np.nan, 0])


def test_table_has_energies_then_ranks_and_no_rank_without_an_energy(comparison):
    table = relative_energy_table(comparison)
    assert list(table.columns) == [
        "conformer",
        "Model (kcal/mol)",
        "GFN2-xTB (kcal/mol)",
        "Model rank",
        "GFN2-xTB rank",
    ]
    assert list(table["Model rank"]) == [3, 1, 2]
    assert table["GFN2-xTB rank"].isna().tolist() == [False, True, False]


@pytest.fixture(scope="module")
def propanol():
    from virialff import load_model

    molecule = search(Molecule.from_smiles("CCCO propanol"), 4).molecule
    return compare_methods(molecule, load_model().force_field(molecule), [get_engine("gfn2")])


def test_table_has_ranks_and_populations(propanol):
    table = ensemble_table(propanol, 400.0)
    assert sorted(table["gfn2 rank"]) == [1, 2, 3]
    populations = table["gfn2 population at 400 K"]
    assert populations.sum() == pytest.approx(1)
    assert populations.idxmax() == table["gfn2 (kcal/mol)"].idxmin()


def test_sdf_is_in_order_and_keeps_the_geometries(propanol, tmp_path):
    path = tmp_path / "ranked.sdf"
    path.write_text(ranked_sdf(propanol, "gfn2"))
    records = list(Chem.SDMolSupplier(str(path), removeHs=False))
    energies = [record.GetDoubleProp("gfn2 (kcal/mol)") for record in records]
    assert energies[0] == 0
    assert energies == sorted(energies)
    assert [record.GetIntProp("gfn2 rank") for record in records] == [1, 2, 3]
    for record in records:
        number = record.GetIntProp("CONFORMER")
        expected = propanol.positions[number - 1]
        np.testing.assert_allclose(record.GetConformer().GetPositions(), expected, atol=1e-4)
    assert records[0].GetProp("_Name") == "propanol"
    assert records[0].GetProp("LEVEL_OF_THEORY gfn2") == "GFN2-xTB"
    with pytest.raises(KeyError):
        ranked_sdf(propanol, "ani")


def test_figures_show_every_conformer_and_unit(propanol):
    figure = rank_change_figure({m.name: m.ranks for m in propanol.methods}, reference="gfn2")
    assert len(figure.data) == 3
    lowest = figure.data[-1]
    assert list(lowest.x) == ["model", "gfn2"]
    assert lowest.y[1] == 1
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    bars = population_figure({m.name: m.weights(298.15) for m in propanol.methods}, temperature=298.15, shown=2)
    assert [len(bar.x) for bar in bars.data] == [2, 2]
    assert "298.15 K (%)" in bars.layout.yaxis.title.text
