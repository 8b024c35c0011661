"""Ranked ensembles as table and SDF."""

import io

import numpy as np
import pytest
from rdkit import Chem

from virialff.conformers.generation import search
from virialff.engines import get_engine
from virialff.export.ensembles import field_name, ranked_sdf
from virialff.figures.energies import population_figure, rank_change_figure
from virialff.methods.comparison import compare_methods
from virialff.methods.tables import ensemble_table
from virialff.molecules.molecule import Molecule
from virialff.units import ENERGY_UNITS


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
    energies = [record.GetDoubleProp("gfn2_relative_kcal_per_mol") for record in records]
    assert energies[0] == 0
    assert energies == sorted(energies)
    assert [record.GetIntProp("gfn2_rank") for record in records] == [1, 2, 3]
    for record in records:
        number = record.GetIntProp("CONFORMER")
        expected = comparison.molecule.positions[number - 1]
        np.testing.assert_allclose(record.GetConformer().GetPositions(), expected, atol=1e-4)
    assert records[0].GetProp("_Name") == "propanol"
    assert records[0].GetProp("LEVEL_OF_THEORY_gfn2") == "GFN2-xTB"
    with pytest.raises(KeyError):
        ranked_sdf(comparison, "ani")


def test_no_name_of_a_field_has_a_blank(comparison):
    for unit in ENERGY_UNITS.values():
        (record, *_) = Chem.ForwardSDMolSupplier(io.BytesIO(ranked_sdf(comparison, "gfn2", unit=unit).encode()))
        names = list(record.GetPropNames())
        assert not [name for name in names if set(name) & set(" <>")]
        assert {f"gfn2_relative_{unit.suffix}", "gfn2_population_298.15_K", "CONFORMER"} <= set(names)
    assert field_name("my model (kJ/mol)") == "my_model_relative_kJ_per_mol"
    assert field_name("mirror forms") == "mirror_forms"


def test_energies_of_fields_are_in_the_unit_they_name(comparison):
    def highest(unit):
        records = Chem.ForwardSDMolSupplier(io.BytesIO(ranked_sdf(comparison, "gfn2", unit=unit).encode()))
        return max(record.GetDoubleProp(f"gfn2_relative_{unit.suffix}") for record in records)

    assert highest(ENERGY_UNITS["kJ/mol"]) == pytest.approx(4.184 * highest(ENERGY_UNITS["kcal/mol"]), rel=1e-6)


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
