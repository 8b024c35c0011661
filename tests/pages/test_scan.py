"""Scans on the page Energies."""

import numpy as np
import pytest

from tests.pages.conftest import enter_smiles, finish, upload
from tests.pages.test_force_field import sdf_of
from virialff import get_engine, load_model
from virialff.conformers.display import display_geometry
from virialff.conformers.generation import relative_energies, search
from virialff.conformers.scans import scan
from virialff.io.uploads import read_upload
from virialff.molecules.molecule import Molecule


@pytest.fixture
def page(app):
    app.run()
    return app.switch_page("pages/energies.py").run()


def group(app, key):
    return next(entry for entry in app.button_group if entry.key.startswith(key))


def field(app, label):
    return next(entry for entry in app.number_input if entry.label.startswith(label))


def table_with(app, column):
    return next(frame.value for frame in app.dataframe if column in frame.value.columns)


def test_torsion_by_model_and_gfn2_with_differences(page):
    butane = search(Molecule.from_smiles("CCCC"), 1).molecule
    upload(page, "butane.sdf", sdf_of(butane))
    group(page, "compared_geometries").set_value("Scan").run()
    atoms = next(box for box in page.selectbox if box.label == "Atoms")
    atoms.select_index(atoms.options.index("C1-C2-C3-C4")).run()
    field(page, "Points").set_value(5).run()
    group(page, "energy_methods").set_value(["model", "gfn2"]).run()
    next(button for button in page.button if button.label == "Compute energies").click().run()
    finish(page)
    assert not page.exception
    assert not page.error
    (given,) = read_upload(sdf_of(butane).encode(), "butane.sdf").molecules
    table = next(frame.value for frame in page.dataframe if "GFN2-xTB (kcal/mol)" in frame.value.columns)
    name = table.columns[0]
    assert name.startswith("torsion ")
    assert name.endswith("(degree)")
    atoms = tuple(int(word.lstrip("CH")) - 1 for word in name.split()[1].split("-"))
    expected = scan(given, atoms, np.linspace(-180, 180, 5)).molecule
    gfn2 = relative_energies(get_engine("gfn2").energy(expected, expected.positions))
    model = relative_energies(load_model().force_field(given).energy(expected.positions))
    np.testing.assert_allclose(table["GFN2-xTB (kcal/mol)"], gfn2, atol=1e-3)
    np.testing.assert_allclose(table["Model (kcal/mol)"], model, atol=2e-3)
    assert any("Difference from GFN2" in text.value for text in page.markdown)
    assert "Model, per point" in {metric.label for metric in page.metric}


def test_complex_is_pulled_apart_from_the_last_point(page):
    dimer = Molecule.from_smiles("O.O")
    dimer = dimer.with_positions(display_geometry(dimer).positions[None])
    upload(page, "dimer.sdf", sdf_of(dimer))
    group(page, "compared_geometries").set_value("Scan").run()
    group(page, "energy_methods").set_value(["model"]).run()
    assert not page.exception
    assert "Pull apart" in group(page, "scan_kind").options
    table = table_with(page, "distance between the centres (A)")
    assert len(table) == 25
    assert table["Model (kcal/mol)"].iloc[-1] == 0


def test_molecule_without_coordinates_gets_a_geometry(page):
    enter_smiles(page, "CCO")
    group(page, "compared_geometries").set_value("Scan").run()
    group(page, "energy_methods").set_value(["model"]).run()
    assert not page.exception
    assert any("made for display" in caption.value for caption in page.caption)
    group(page, "scan_kind").set_value("bond").run()
    assert not page.exception
    assert len(table_with(page, "bond C1-C2 (A)")) == 25


def test_impossible_values_are_a_sentence(page):
    enter_smiles(page, "CCO")
    group(page, "compared_geometries").set_value("Scan").run()
    group(page, "scan_kind").set_value("bond").run()
    field(page, "From").set_value(-1.0).run()
    assert not page.exception
    assert "above zero" in page.error[0].value
