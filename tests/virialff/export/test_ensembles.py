"""Ranked ensembles as table and SDF."""

import numpy as np
import pytest
from rdkit import Chem

from virialff.conformers.generation import search
from virialff.engines import get_engine
from virialff.export.ensembles import ranked_sdf
from virialff.figures.energies import population_figure, rank_change_figure
from virialff.methods.comparison import compare_methods
from virialff.methods.tables import ensemble_table
from virialff.molecules.molecule import Molecule


@pytest.fixture(scope="module")
def comparison():
    from virialff import load_model

    molecule = search(Molecule.from_smiles("CCCO propanol"), 4).molecule
    return compare_methods(molecule, {"model": load_model(), "gfn2": get_engine("gfn2")})


def test_table_has_ranks_and_populations(comparison):
    table = ensemble_table(comparison, 400.0)
    assert sorted(table["gfn2 rank"]) == [1, 2, 3]
    populations = table["gfn2 population at 400 K"]
    assert populations.sum() == pytest.approx(1)
    assert populations.idxmax() == table["gfn2 (kcal/mol)"].idxmin()


def test_sdf_is_in_order_and_keeps_the_geometries(comparison, tmp_path):
    path = tmp_path / "ranked.sdf"
    path.write_text(ranked_sdf(comparison, "gfn2"))
    records = list(Chem.SDMolSupplier(str(path), removeHs=False))
    energies = [record.GetDoubleProp("gfn2 (kcal/mol)") for record in records]
    assert energies[0] == 0
    assert energies == sorted(energies)
    assert [record.GetIntProp("gfn2 rank") for record in records] == [1, 2, 3]
    for record in records:
        number = record.GetIntProp("CONFORMER")
        expected = comparison.molecule.positions[number - 1]
        np.testing.assert_allclose(record.GetConformer().GetPositions(), expected, atol=1e-4)
    assert records[0].GetProp("_Name") == "propanol"
    assert records[0].GetProp("LEVEL_OF_THEORY gfn2") == "GFN2-xTB"
    with pytest.raises(KeyError):
        ranked_sdf(comparison, "ani")


def test_figures_show_every_conformer_and_unit(comparison):
    figure = rank_change_figure({m.name: m.ranks for m in comparison.methods}, reference="gfn2")
    assert len(figure.data) == 3
    lowest = figure.data[-1]
    assert list(lowest.x) == ["model", "gfn2"]
    assert lowest.y[1] == 1
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    bars = population_figure({m.name: m.weights(298.15) for m in comparison.methods}, temperature=298.15, shown=2)
    assert [len(bar.x) for bar in bars.data] == [2, 2]
    assert "298.15 K (%)" in bars.layout.yaxis.title.text
