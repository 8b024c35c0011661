"""Page Scan: rigid and relaxed, of every kind, with its points, barriers and files."""

import re

import numpy as np
import pytest

from pages.components.scan.relaxation import relaxed_points
from pages.components.widgets.methods import method_for
from tests.pages.conftest import enter_smiles, finish, open_tab, upload
from tests.pages.test_force_field import sdf_of
from virialff import get_engine, load_model
from virialff.conformers.display import display_geometry
from virialff.conformers.generation import relative_energies, search
from virialff.conformers.relaxed_scans import relax_scan
from virialff.conformers.scans import scan
from virialff.io.uploads import read_upload
from virialff.methods.method import get_method, with_forces
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule


@pytest.fixture
def page(app):
    app.run()
    return app.switch_page("pages/scan.py").run()


def group(app, key):
    return next(entry for entry in app.button_group if entry.key.startswith(key))


def field(app, label):
    return next(entry for entry in app.number_input if entry.label.startswith(label))


def table_with(app, column, tab="All points"):
    open_tab(app, tab, "scan_view")
    return next(frame.value for frame in app.dataframe if column in frame.value.columns)


def test_torsion_by_model_and_gfn2_with_differences(page):
    butane = search(Molecule.from_smiles("CCCC"), 1).molecule
    upload(page, "butane.sdf", sdf_of(butane))
    atoms = next(box for box in page.selectbox if box.label == "Atoms")
    atoms.select_index(next(k for k, name in enumerate(atoms.options) if name.startswith("C1-C2-C3-C4"))).run()
    field(page, "Points").set_value(5).run()
    group(page, "energy_methods").set_value(["model", "gfn2"]).run()
    next(button for button in page.button if button.label == "Compute energies").click().run()
    finish(page)
    assert not page.exception
    assert not page.error
    (given,) = read_upload(sdf_of(butane).encode(), "butane.sdf").molecules
    table = table_with(page, "GFN2-xTB (kcal/mol)")
    name = table.columns[0]
    assert name.startswith("torsion ")
    assert name.endswith("(degree)")
    atoms = tuple(int(word.lstrip("CH")) - 1 for word in name.split()[1].split("-"))
    expected = scan(given, atoms, np.linspace(-180, 180, 5)).molecule
    gfn2 = relative_energies(get_engine("gfn2").energy(expected, expected.positions))
    model = relative_energies(load_model().force_field(given).energy(expected.positions))
    np.testing.assert_allclose(table["GFN2-xTB (kcal/mol)"], gfn2, atol=1e-3)
    np.testing.assert_allclose(table["Model (kcal/mol)"], model, atol=2e-3)
    assert any("Time per point" in caption.value for caption in page.caption)
    assert not page.get("plotly_chart")
    open_tab(page, "Differences", "scan_view")
    assert any("Difference from GFN2" in text.value for text in page.markdown)
    # The report has the figures and tables of all tabs.
    _, sections = page.session_state["shown_for_report"]
    shown = sections["Scan"]
    axis = name.replace(" (degree)", "")
    assert [title.split(" by ")[0] for title in shown["figures"]] == ["Energies", "Differences from GFN2-xTB"]
    made = next(make for title, make in shown["tables"].items() if axis in title)()
    np.testing.assert_allclose(made["GFN2-xTB (kcal/mol)"], gfn2, atol=1e-3)


def test_complex_is_pulled_apart_from_the_last_point(page):
    dimer = Molecule.from_smiles("O.O")
    dimer = dimer.with_positions(display_geometry(dimer).positions[None])
    upload(page, "dimer.sdf", sdf_of(dimer))
    group(page, "energy_methods").set_value(["model"]).run()
    assert not page.exception
    assert "Pull apart" in group(page, "scan_kind").options
    table = table_with(page, "Model (kcal/mol)")
    assert "distance between the centres (Å)" in table.columns
    assert len(table) == 25
    assert table["Model (kcal/mol)"].iloc[-1] == 0


def test_molecule_without_coordinates_gets_a_geometry(page):
    enter_smiles(page, "CCO")
    group(page, "energy_methods").set_value(["model"]).run()
    assert not page.exception
    assert any("made for display" in caption.value for caption in page.caption)
    group(page, "scan_kind").set_value("bond").run()
    assert not page.exception
    table = table_with(page, "Model (kcal/mol)")
    assert len(table) == 25
    assert "bond C1-C2 (Å)" in table.columns


def test_impossible_values_are_a_sentence(page):
    enter_smiles(page, "CCO")
    group(page, "scan_kind").set_value("bond").run()
    field(page, "From").set_value(-1.0).run()
    assert not page.exception
    assert "above zero" in page.error[0].value


def test_values_at_which_a_chain_runs_into_itself_are_named_and_the_others_shown(app):
    app.query_params["smiles"] = "COCOCCCCCCCCCCCC"
    app.query_params["scan"] = "torsion_6-7-8-9_-180_180_25"
    app.switch_page("pages/scan.py").run()
    group(app, "energy_methods").set_value(["model"]).run()
    assert not app.exception
    assert not app.error
    (warning,) = app.warning
    said = warning.value.replace("\\", "")
    assert said.startswith("Left out: 45 to 60 degree, where the molecule runs into itself (at 45 atom ")
    assert said.endswith(" Å apart).")
    table = table_with(app, "Model (kcal/mol)")
    assert len(table) == 23
    assert not table.iloc[:, 0].isin([45.0, 60.0]).any()
    assert table["Model (kcal/mol)"].notna().all()


def press(page, label):
    next(button for button in page.button if button.label.startswith(label)).click().run()
    return finish(page)


def test_a_relaxed_scan_gives_its_energies_with_it(page):
    enter_smiles(page, "OO")
    field(page, "Points").set_value(7).run()
    group(page, "scan_relax").set_value("GFN2-xTB").run()
    group(page, "energy_methods").set_value(["gfn2"]).run()
    assert not page.dataframe
    press(page, "Relax 7 points")
    assert not page.exception
    # Nothing is left to compute: the relaxation gave the energies.
    assert "Compute energies" not in [button.label for button in page.button]
    table = table_with(page, "GFN2-xTB (kcal/mol)")
    start = display_geometry(Molecule.from_smiles("OO"))
    rigid = scan(
        Molecule.from_smiles("OO").with_positions(start.positions[None]), (2, 0, 1, 3), np.linspace(-180, 180, 7)
    )
    expected = relax_scan(rigid, get_engine("gfn2"))
    np.testing.assert_allclose(table["GFN2-xTB (kcal/mol)"], relative_energies(expected.energies), atol=0.05)
    barriers = table_with(page, "above before (kcal/mol)", "Minima and barriers")
    assert set(barriers["kind"]) == {"minimum", "maximum"}
    assert any("coordinate held" in caption.value for caption in page.caption)


def test_a_stopped_relaxation_goes_on(page):
    """What was relaxed before a stop is kept, and only the rest is asked for."""
    enter_smiles(page, "OO")
    field(page, "Points").set_value(5).run()
    group(page, "scan_relax").set_value("MMFF94").run()
    start = display_geometry(Molecule.from_smiles("OO"))
    molecule = Molecule.from_smiles("OO").with_positions(start.positions[None])
    rigid = scan(molecule, (2, 0, 1, 3), np.linspace(-180, 180, 5))
    method = method_for("mmff94", molecule)
    assert not isinstance(method, str)
    kept: dict = {}
    relax_scan(rigid, with_forces(get_method("mmff94")), keep=kept.__setitem__)
    place = (method.key, f"torsion_(2, 0, 1, 3)_{keys.geometry_key(rigid.molecule)}")
    relaxed_points().put(place, {number: kept[number] for number in (0, 1)})
    page.run()
    press(page, "Go on (2 of 5 are relaxed)")
    assert not page.exception
    assert set(relaxed_points().get(place) or {}) == {0, 1, 2, 3, 4}


def test_no_barrier_is_read_off_where_the_curve_jumps(page):
    enter_smiles(page, "CC(=O)NCCO")
    group(page, "scan_relax").set_value("MMFF94").run()
    group(page, "energy_methods").set_value(["mmff94"]).run()
    press(page, "Relax 25 points")
    (said,) = (caption.value for caption in page.caption if "so that the curve jumps" in caption.value)
    low, high = (float(number) for number in re.findall(r"etween (\S+) and (\S+) degree", said.replace("\\", ""))[0])
    read = next(text.value for text in page.markdown if " barrier" in text.value)
    tops = [float(number.replace("−", "-")) for number in re.findall(r" at (\S+)°", read)]
    assert "apart from where the curve jumps" in read if tops else "the curve jumps where it is highest" in read
    assert not [top for top in tops if low - 7.5 <= top <= high + 7.5]


def test_the_geometry_of_a_barrier_can_be_taken(page):
    enter_smiles(page, "CCCC")
    group(page, "energy_methods").set_value(["model"]).run()
    barriers = table_with(page, "above before (kcal/mol)", "Minima and barriers")
    row = int(np.flatnonzero(barriers["kind"] == "maximum")[0])
    assert barriers.iloc[row]["energy (kcal/mol)"] > 1
    page.select_slider[0].set_value(3).run()
    assert not page.exception
    assert any("At -135.0°" in caption.value for caption in page.caption), [c.value for c in page.caption]


def test_every_coordinate_has_its_name(page):
    enter_smiles(page, "CC(=O)NCCO")
    atoms = next(box for box in page.selectbox if box.label == "Atoms")
    assert any(name.endswith(", amide") for name in atoms.options)
    assert any(name.endswith(", alcohol") for name in atoms.options)


def test_picked_atoms_choose_the_coordinate_and_the_list_picks_them(page):
    enter_smiles(page, "CCCO")
    key = keys.structure_key(Molecule.from_smiles("CCCO"))
    page.session_state["picked_atoms"] = {key: (1, 2)}
    page.run()
    atoms = next(box for box in page.selectbox if box.label == "Atoms")
    assert group(page, "scan_kind").value == "torsion"
    assert atoms.options[atoms.value].startswith("C1-C2-C3-O4")
    page.session_state["picked_atoms"] = {key: (3, 2, 1)}
    page.run()
    assert not page.exception
    assert group(page, "scan_kind").value == "angle"
    page.session_state["picked_atoms"] = {key: (0, 3)}
    page.run()
    assert any("are not bonded" in info.value for info in page.info)
    group(page, "scan_kind").set_value("torsion").run()
    atoms = next(box for box in page.selectbox if box.label == "Atoms")
    atoms.select_index(1).run()
    assert len(page.session_state["picked_atoms"][key]) == 4
    assert group(page, "scan_kind").value == "torsion"
