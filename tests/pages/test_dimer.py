"""Page Dimer: complexes given, placed and from the gallery; energies, contributions, approach."""

import numpy as np
import pytest

from pages.components.widgets import gallery
from tests.pages.conftest import BAD_FILES, enter_smiles, finish, upload
from tests.pages.test_force_field import sdf_of
from virialff import get_engine, load_model
from virialff.engines.dft import LEVEL_OF_THEORY as REFERENCE
from virialff.interactions.energies import interaction_energy
from virialff.molecules.molecule import Molecule
from virialff.settings import READ_ONLY_VARIABLE

VERTICAL = "E_int vertical (kcal/mol)"


def on_interactions(app):
    app.run()
    return app.switch_page("pages/dimer.py").run()


def choose(app, key, value):
    return next(group for group in app.button_group if group.key == key).set_value(value).run()


def methods(app, *names):
    pills = next(group for group in app.button_group if group.key.startswith("energy_methods"))
    return pills.set_value(list(names)).run()


def view(app, name):
    """Open a tab of the results."""
    app.session_state["dimer_view"] = name
    return app.run()


def press(app, label):
    next(button for button in app.button if button.label == label).click().run()
    return finish(app)


def table_with(app, column):
    return next(frame.value for frame in app.dataframe if column in frame.value.columns)


@pytest.fixture(scope="module")
def water_dimer() -> Molecule:
    label = next(name for name in gallery.gallery() if name.startswith("S66 1:"))
    return gallery.gallery_molecule(label)


def test_gallery_complex_by_every_method_beside_dft_and_coupled_cluster(app, water_dimer):
    on_interactions(app)
    app.selectbox(key="dimer").set_value(next(n for n in gallery.gallery() if n.startswith("S66 1:"))).run()
    assert app.header[0].value == "H₄O₂"
    methods(app, "model", "gfn2")
    finish(app)
    assert not app.exception
    assert not app.error
    table = table_with(app, VERTICAL).set_index("method")[VERTICAL].astype(float)
    assert table["GFN2-xTB"] == pytest.approx(interaction_energy(water_dimer, get_engine("gfn2"))[0], abs=1e-3)
    model = load_model().force_field(water_dimer).interaction_energy(water_dimer.positions[0])
    assert table["Model"] == pytest.approx(float(model), abs=1e-3)
    assert table[REFERENCE] == pytest.approx(-5.37, abs=0.01)
    assert table["CCSD(T)/CBS"] == pytest.approx(-4.918)


def test_the_relaxed_complex_is_what_is_shown(app):
    on_interactions(app)
    choose(app, "complex", "My own")
    enter_smiles(app, "O.O")
    view(app, "Contributions")
    methods(app, "gfn2")
    # Nobody said how the two lie: the suggested contact is relaxed by itself.
    finish(app)
    assert not app.exception
    energies = table_with(app, VERTICAL).iloc[0]
    relaxed = table_with(app, "distance (Å)")
    assert any("relaxed with GFN2-xTB" in caption.value.replace("\\", "") for caption in app.caption)
    assert energies["E_int relaxed (kcal/mol)"] < energies[VERTICAL] < 0
    next(box for box in app.selectbox if box.label == "Geometry").set_value("As given").run()
    given = table_with(app, "distance (Å)")
    assert not np.allclose(sorted(given["distance (Å)"]), sorted(relaxed["distance (Å)"]), atol=0.005)
    apart = next(number for number in app.number_input if number.label == "Distance (Å)")
    assert given["distance (Å)"].min() == pytest.approx(apart.value, abs=1e-6)


def test_a_contact_of_ones_own_is_relaxed_on_request(app):
    on_interactions(app)
    choose(app, "complex", "My own")
    enter_smiles(app, "O.O")
    methods(app, "gfn2")
    finish(app)
    next(number for number in app.number_input if number.label == "Distance (Å)").set_value(3.0).run()
    finish(app)
    assert not app.exception
    assert not [box for box in app.selectbox if box.label == "Geometry"]
    assert "E_int relaxed (kcal/mol)" not in table_with(app, VERTICAL).columns
    press(app, "Relax and compute")
    assert next(box for box in app.selectbox if box.label == "Geometry").options[1] == "Relaxed with GFN2-xTB"
    assert "E_int relaxed (kcal/mol)" in table_with(app, VERTICAL).columns


def test_a_complex_that_was_relaxed_is_not_offered_for_another_contact(app):
    on_interactions(app)
    choose(app, "complex", "My own")
    enter_smiles(app, "O.O")
    methods(app, "gfn2")
    finish(app)
    box = next(box for box in app.selectbox if box.label == "Geometry")
    assert box.options == ["As given", "Relaxed with GFN2-xTB"]
    apart = next(number for number in app.number_input if number.label == "Distance (Å)")
    first = apart.value
    apart.set_value(3.0).run()
    assert not app.exception
    assert not [box for box in app.selectbox if box.label == "Geometry"]
    next(number for number in app.number_input if number.label == "Distance (Å)").set_value(first).run()
    assert next(box for box in app.selectbox if box.label == "Geometry").options == box.options


def test_contacts_with_the_energy_of_their_pair(app):
    on_interactions(app)
    app.selectbox(key="dimer").set_value(next(n for n in gallery.gallery() if n.startswith("S66 20:"))).run()
    view(app, "Contacts")
    assert not app.exception
    table = table_with(app, "contact")
    assert table["contact"].tolist() == ["hydrogen bond", "hydrogen bond"]
    view(app, "Contributions")
    pairs = table_with(app, "total (kcal/mol)").set_index("atoms")["total (kcal/mol)"]
    for _, row in table.iterrows():
        turned = "–".join(reversed(row["atoms"].split("–")))
        energy = pairs.get(row["atoms"], pairs.get(turned))
        assert row["pair energy (kcal/mol)"] == pytest.approx(energy, abs=0.006)


def test_dft_on_request_is_that_of_the_references(app):
    on_interactions(app)
    app.selectbox(key="dimer").set_value(next(n for n in gallery.gallery() if n.startswith("S66 1:"))).run()
    methods(app, "gfn2", "dft")
    finish(app)
    press(app, "Compute as it is")
    assert not app.exception
    assert not app.error
    table = table_with(app, VERTICAL)
    energies = table[table["method"] == REFERENCE][VERTICAL].astype(float).tolist()
    assert len(energies) == 2
    assert energies[0] == pytest.approx(energies[1], abs=1e-3)
    levels = table[table["method"] == REFERENCE]["level of theory"].tolist()
    assert all("counterpoise-corrected" in level for level in levels)


def test_read_only_installation_computes_the_quick_methods_alone(app, monkeypatch):
    monkeypatch.setenv(READ_ONLY_VARIABLE, "1")
    on_interactions(app)
    choose(app, "complex", "My own")
    enter_smiles(app, "O.N")
    methods(app, "gfn2", "dft")
    finish(app)
    press(app, "Compute as it is")
    assert "read-only" in app.error[0].value.replace("\\", "")
    assert table_with(app, VERTICAL)["method"].tolist() == ["GFN2-xTB"]


def test_base_pairs_lead_the_gallery_where_they_are_known(psi4_data_or_references):
    assert [name.split(": ")[1] for name in list(gallery.gallery())[:2]] == ["G-C", "A-T"]


@pytest.fixture
def psi4_data_or_references():
    if not any(name.startswith("JSCH") for name in gallery.gallery()):
        pytest.skip("neither psi4-data nor the references hold the base pairs")


def test_contributions_sum_to_the_interaction_energy(app, water_dimer):
    on_interactions(app)
    app.selectbox(key="dimer").set_value(next(n for n in gallery.gallery() if n.startswith("S66 1:"))).run()
    view(app, "Contributions")
    table = table_with(app, "total (kcal/mol)")
    assert len(table) == 9
    expected = float(load_model().force_field(water_dimer).interaction_energy(water_dimer.positions[0]))
    assert table["total (kcal/mol)"].sum() == pytest.approx(expected, abs=1e-3)
    app.selectbox(key="interaction_pairs_term").set_value("coulomb").run()
    assert not app.exception
    coulomb = table["Coulomb (kcal/mol)"].sum()
    assert any(f"Sum of Coulomb over these 9 pairs: {coulomb:+.2f}" in caption.value for caption in app.caption)


def test_uploaded_complex_keeps_its_geometry(app, water_dimer):
    on_interactions(app)
    choose(app, "complex", "My own")
    moved = water_dimer.with_positions(water_dimer.positions[0] + 5.0)
    upload(app, "dimer.sdf", sdf_of(moved, "my dimer"))
    assert not app.exception
    assert any("coordinates as given" in caption.value for caption in app.caption)
    assert any(text.value == "my dimer" for text in app.text)
    methods(app, "model")
    finish(app)
    # The same geometry elsewhere in space: the references know it.
    assert REFERENCE in table_with(app, VERTICAL)["method"].tolist()


def test_two_typed_molecules_are_put_together(app):
    on_interactions(app)
    choose(app, "complex", "My own")
    enter_smiles(app, "O.CC(=O)C")
    # It is relaxed by itself, and that geometry is in sight once it is there.
    finish(app)
    next(box for box in app.selectbox if box.label == "Geometry").set_value("As given").run()
    assert not app.exception
    assert not app.error
    view(app, "Contributions")
    distance = next(field for field in app.number_input if field.label == "Distance (Å)")
    assert any(f"facing each other at {distance.value:.2f} Å" in c.value.replace("\\", "") for c in app.caption)
    contacts = table_with(app, "distance (Å)")
    assert contacts["distance (Å)"].min() == pytest.approx(distance.value, abs=1e-6)
    distance.set_value(3.0).run()
    assert not app.exception
    assert table_with(app, "distance (Å)")["distance (Å)"].min() == pytest.approx(3.0, abs=1e-6)


def test_second_molecule_is_asked_for(app):
    on_interactions(app)
    choose(app, "complex", "My own")
    enter_smiles(app, "CO")
    assert any("give a second one" in info.value for info in app.info)
    app.text_input(key="second_molecule").set_value("C(").run()
    assert not app.exception
    assert "cannot be read" in app.error[0].value
    app.text_input(key="second_molecule").set_value("O").run()
    assert not app.error
    assert app.header[0].value == "CH₆O₂"


def test_approach_has_its_well(app):
    on_interactions(app)
    app.selectbox(key="dimer").set_value(next(n for n in gallery.gallery() if n.startswith("S66 1:"))).run()
    methods(app, "gfn2")
    view(app, "Approach")
    press(app, "Compute the curve")
    assert not app.exception
    curve = table_with(app, "separation (Å)")
    lowest = curve["contact (Å)"][curve["GFN2-xTB (kcal/mol)"].idxmin()]
    assert 1.6 < lowest < 2.3
    assert abs(curve["GFN2-xTB (kcal/mol)"].iloc[-1]) < 1.5
    work = next(key for key in app.session_state["background_jobs"] if key.startswith("approach_"))
    app.session_state[f"point_of_{work}"] = 3
    app.run()
    assert any("point 4 of" in caption.value for caption in app.caption)
    app.button(key="back_to_geometry").click().run()
    assert not app.exception
    assert not any("point 4 of" in caption.value for caption in app.caption)
    assert all(button.key != "back_to_geometry" for button in app.button)


@pytest.mark.parametrize(("name", "text", "words"), BAD_FILES)
def test_bad_file_is_a_sentence(app, name, text, words):
    on_interactions(app)
    choose(app, "complex", "My own")
    upload(app, name, text)
    assert not app.exception
    assert words in app.error[0].value.replace("\\", "")


def test_complex_of_three_without_coordinates(app):
    on_interactions(app)
    choose(app, "complex", "My own")
    enter_smiles(app, "O.O.O")
    assert not app.exception
    assert any("three or more" in info.value for info in app.info)


def test_title_of_an_upload_is_plain_text(app, water_dimer):
    on_interactions(app)
    choose(app, "complex", "My own")
    title = "</script><img src=x onerror=alert(1)>"
    upload(app, "a](b).sdf", sdf_of(water_dimer, title))
    assert not app.exception
    assert any(text.value == title for text in app.text)
    frames = [str(element.proto) for element in app.main if element.type == "iframe"]
    assert not any("onerror=alert" in frame for frame in frames)
