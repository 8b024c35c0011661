"""The shipped reference dimers beside the model (Fig. 8 and 9)."""

import numpy as np
import pytest

from virialff import load_model
from virialff.benchmarks.noncovalent import reference_comparison
from virialff.benchmarks.psi4_databases import read_database
from virialff.benchmarks.reference_data import COUPLED_CLUSTER as LEVEL
from virialff.benchmarks.reference_data import (
    DimerReference,
    References,
    coupled_cluster_energies,
    load_references,
    sort_dimers,
)
from virialff.engines.dft import LEVEL_OF_THEORY as REFERENCE
from virialff.errors import EvaluationSetError
from virialff.figures.interactions import approach_figure, interaction_scatter
from virialff.interactions.dissociation import dissociation_curve
from virialff.methods.method import MODEL
from virialff.molecules.molecule import Molecule
from virialff.settings import ASSETS


@pytest.fixture(scope="module")
def few() -> References:
    """The first four vertical dimers, and one of them as if it had been relaxed with rigid monomers."""
    whole = load_references(ASSETS / "data" / "references.parquet")
    s66 = [dimer for dimer in sort_dimers(whole.dimers) if dimer.database == "S66"]
    vertical = [dimer for dimer in s66 if dimer.geometry == "vertical"][:4]
    one = vertical[0]
    monomers = tuple(one.molecule.fragment(k) for k in (0, 1))
    deformation = dict.fromkeys(one.vertical, 0.25)
    relaxed = DimerReference(
        one.database, one.index, "relaxed", one.molecule, monomers, dict(one.vertical), deformation
    )
    return References((*vertical, relaxed), (), ())


def test_shipped_energies_are_those_of_psi4_data(psi4_data):
    shipped = coupled_cluster_energies()
    for item in read_database("S66"):
        entry = shipped["S66", item.index]
        assert entry.interaction_energy == pytest.approx(item.interaction_energy, abs=1e-3)
        assert (entry.name, entry.category) == (item.name, item.category)
    assert shipped["JSCH", 3].interaction_energy == -16.86
    assert shipped["JSCH", 1].interaction_energy == -32.06


def test_vertical_table_has_model_references_and_coupled_cluster(few):
    result = reference_comparison(few, load_model(), "vertical")
    assert set(result.methods) == {MODEL, "GFN2-xTB", "ANI-2x", LEVEL}
    first = result.table.iloc[0]
    dimer = few.dimers[0]
    assert first["reference"] == dimer.vertical[REFERENCE]
    assert first["GFN2-xTB"] == dimer.vertical["GFN2-xTB"]
    expected = load_model().force_field(dimer.molecule).interaction_energy(dimer.molecule.positions[0])
    assert first[MODEL] == pytest.approx(float(expected))
    assert first[LEVEL] == coupled_cluster_energies()["S66", 1].interaction_energy
    assert result.summary(LEVEL).rmse.estimate < 2


def test_relaxed_table_takes_the_monomers_at_their_own_minima(few):
    result = reference_comparison(few, load_model(), "relaxed")
    (row,) = result.table.to_dict("records")
    relaxed = few.dimers[-1]
    assert row["reference"] == pytest.approx(relaxed.vertical[REFERENCE] + 0.25)
    # The monomers are those of the complex here, so the model's relaxed energy is its vertical one.
    vertical = float(load_model().force_field(relaxed.molecule).interaction_energy(relaxed.molecule.positions[0]))
    assert row[MODEL] == pytest.approx(vertical, abs=0.05)
    assert LEVEL not in result.methods


def test_no_dimer_is_an_error_in_words(few):
    with pytest.raises(EvaluationSetError, match="no relaxed dimer"):
        reference_comparison(References(few.dimers[:2], (), ()), load_model(), "relaxed")


def test_dimer_is_found_by_its_geometry_however_it_is_turned(few):
    dimer = few.dimers[1]
    turned = dimer.molecule.positions[0] @ np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]) + 3.0
    assert few.find_dimer(dimer.molecule.with_positions(turned)) is dimer
    stretched = dimer.molecule.positions[0].copy()
    stretched[dimer.molecule.fragments == 1] += 0.2
    assert few.find_dimer(dimer.molecule.with_positions(stretched)) is None
    assert few.find_dimer(Molecule.from_smiles("O.O")) is None


def test_scatter_points_to_their_rows(few):
    result = reference_comparison(few, load_model(), "vertical")
    figure = interaction_scatter(result, [MODEL, LEVEL])
    assert [int(k) for k in figure.data[0].customdata] == [0, 1, 2, 3]
    assert "RMSE" in figure.data[1].name
    assert "kcal/mol" in figure.layout.xaxis.title.text


def test_approach_is_drawn_against_the_contact(few):
    dimer = few.dimers[0].molecule
    curve = dissociation_curve(dimer, dimer.positions[0], np.linspace(2.5, 6.0, 12), {"model": load_model()})
    figure = approach_figure(curve, shown=1.95)
    np.testing.assert_allclose(figure.data[0].x, curve.table["contact"])
    assert figure.layout.yaxis.range[0] < 0 < figure.layout.yaxis.range[1]
