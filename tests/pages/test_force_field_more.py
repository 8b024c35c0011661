"""Page Force field: dipole, decomposition by atom pair, and many molecules at once."""

import json

import numpy as np
import pytest

from tests.pages.conftest import enter_smiles, finish, open_tab, upload
from tests.pages.test_force_field import sdf_of
from virialff import load_model
from virialff.conformers.generation import search
from virialff.io.uploads import read_upload
from virialff.molecules.molecule import Molecule
from virialff.parameters.contributions import BEYOND_ANGLES, pair_contributions
from virialff.parameters.dipole import point_charge_dipole


@pytest.fixture(scope="module")
def butanol() -> Molecule:
    return search(Molecule.from_smiles("CCCCO"), 1).molecule


def table_with(app, column):
    frames = [frame.value for frame in (*app.dataframe, *app.table)]
    return next(frame for frame in frames if column in frame.columns)


def given(molecule: Molecule) -> Molecule:
    return read_upload(sdf_of(molecule).encode(), "butanol.sdf").molecules[0]


def test_dipole_of_the_predicted_charges(app, butanol):
    upload(app, "butanol.sdf", sdf_of(butanol))
    assert not app.exception
    shown = {metric.label: metric.value for metric in app.metric}
    molecule = given(butanol)
    expected = point_charge_dipole(load_model().force_field(molecule).charges, molecule.positions[0])
    assert float(shown["Dipole of the charges"].split()[0]) == pytest.approx(expected.debye, abs=0.006)
    assert float(shown["in e Å"].split()[0]) == pytest.approx(expected.magnitude, abs=6e-4)
    assert float(shown["x"].split()[0]) == pytest.approx(expected.vector[0], abs=6e-4)


def test_arrow_is_drawn_when_asked_for(app):
    enter_smiles(app, "O")
    app.toggle(key="dipole_arrow").set_value(True).run()
    assert not app.exception
    (shown,) = (element.proto for element in app.main if getattr(element.proto, "component_name", "") == "structure")
    arrow = json.loads(shown.json)["arrow"]
    length = np.linalg.norm([arrow["end"][axis] - arrow["start"][axis] for axis in "xyz"])
    debye = next(float(metric.value.split()[0]) for metric in app.metric if metric.label == "Dipole of the charges")
    assert length == pytest.approx(1.5 * debye, abs=0.01)
    assert any("from − to +" in caption.value for caption in app.caption)


def test_pairs_that_hold_the_conformer(app, butanol):
    upload(app, "butanol.sdf", sdf_of(butanol))
    open_tab(app, "Pair energies")
    assert not app.exception
    table = table_with(app, "total (kcal/mol)")
    molecule = given(butanol)
    expected = pair_contributions(load_model().force_field(molecule), molecule.positions[0], BEYOND_ANGLES)
    np.testing.assert_allclose(table["total (kcal/mol)"], expected["total"], atol=1e-5)
    app.selectbox(key="molecule_pairs_kind").set_value("all, bonded ones too").run()
    assert not app.exception
    assert "bonded" in table_with(app, "total (kcal/mol)")["relation"].tolist()


def test_only_the_open_tab_is_drawn_and_the_report_has_the_figures_of_all(app):
    enter_smiles(app, "CCO")
    assert not app.get("plotly_chart")
    assert not any(box.label == "First atom" for box in app.selectbox)
    _, sections = app.session_state["shown_for_report"]
    figures = sections["Force field"]["figures"]
    assert len(figures) == 3
    counts = load_model().force_field(Molecule.from_smiles("CCO")).pairs["relation"].value_counts()
    bars = figures["Histogram of sigma"]().data
    assert sum(int(np.sum(trace.y)) for trace in bars if trace.type == "bar") <= counts["1-4"]
    open_tab(app, "Lennard-Jones")
    assert len(app.get("plotly_chart")) == 2


def test_many_molecules_with_failures_and_names(app):
    app.run()
    app.session_state["batch"] = True
    app.run()
    text = "smiles,name\nCCO,ethanol\nCC(=O)[O-],acetate\nCO,methanol\nC[Si](C)(C)C,silane\n"
    app.file_uploader(key="batch_upload").set_value(("many.csv", text.encode(), "text/csv")).run()
    finish(app)
    assert not app.exception
    table = table_with(app, "sum of charges (e)")
    assert table["name"].tolist() == ["ethanol", "methanol"]
    failures = table_with(app, "reason")
    assert len(failures) == 2
    assert "acetate" in failures["reason"][0]


@pytest.mark.parametrize(("name", "words"), [("empty.sdf", "file is empty"), ("text.csv", "no column named smiles")])
def test_bad_file_of_many_is_a_sentence(app, name, words):
    app.run()
    app.session_state["batch"] = True
    app.run()
    app.file_uploader(key="batch_upload").set_value((name, b"" if name == "empty.sdf" else b"a,b\n", "")).run()
    finish(app)
    assert not app.exception
    assert words in table_with(app, "reason")["reason"][0]
