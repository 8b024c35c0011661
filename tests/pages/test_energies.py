"""Page Energies: conformers given or generated, methods side by side, stopping and going on."""

import numpy as np
import pytest

from pages.components.widgets.methods import energy_cache, method_for
from tests.pages.conftest import enter_smiles, finish, upload
from tests.pages.test_force_field import sdf_of
from virialff import get_engine, load_model
from virialff.conformers.generation import relative_energies, search
from virialff.io.examples import examples
from virialff.io.uploads import read_upload
from virialff.methods.runs import energies_in_parts
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule


@pytest.fixture(scope="module")
def butanol() -> Molecule:
    return search(Molecule.from_smiles("CCCCO"), 5).molecule


def atomization_table(app):
    """The table of page Energies below the heading One conformer alone."""
    return next(table.value for table in app.table if "atomization energy (kcal/mol)" in table.value.columns)


def on_energies(app, smiles):
    enter_smiles(app, smiles)
    return app.switch_page("pages/energies.py").run()


def press(app, label):
    """Click a button and wait for what it starts in the background."""
    next(button for button in app.button if button.label == label).click().run()
    return finish(app)


def table_with(app, column):
    return next(frame.value for frame in app.dataframe if column in frame.value.columns)


def choose_methods(app, *names):
    pills = next(group for group in app.button_group if group.key.startswith("energy_methods"))
    return pills.set_value(list(names)).run()


def test_without_a_molecule_it_says_what_to_do(app):
    app.run()
    app.switch_page("pages/energies.py").run()
    assert not app.exception
    assert "Nothing to compare yet" in app.info[0].value


def test_uploaded_conformers_by_model_and_gfn2(app, butanol):
    app.run()
    app.switch_page("pages/energies.py").run()
    upload(app, "butanol.sdf", sdf_of(butanol))
    choose_methods(app, "model", "gfn2")
    press(app, "Compute energies")
    assert not app.exception
    assert not app.error
    table = table_with(app, "GFN2-xTB (kcal/mol)")
    (given,) = read_upload(sdf_of(butanol).encode(), "butanol.sdf").molecules
    gfn2 = relative_energies(get_engine("gfn2").energy(given, given.positions))
    model = relative_energies(load_model().force_field(given).energy(given.positions))
    np.testing.assert_allclose(table["GFN2-xTB (kcal/mol)"], gfn2, atol=1e-4)
    np.testing.assert_allclose(table["Model (kcal/mol)"], model, atol=1e-3)
    assert sorted(table["GFN2-xTB rank"]) == [1, 2, 3, 4, 5]
    agreement = app.table[0].value
    assert list(agreement.columns) == ["Model and GFN2-xTB"]
    assert agreement.loc["conformers"].iloc[0] == "5"
    rmse = np.sqrt(np.mean((model - gfn2) ** 2))
    assert float(agreement.loc["RMSE (kcal/mol)"].iloc[0]) == pytest.approx(rmse, abs=0.01)
    assert {metric.label for metric in app.metric} == {"Model, per conformer", "GFN2-xTB, per conformer"}


def test_energies_can_count_from_the_lowest_conformer_of_the_reference(app, butanol):
    app.run()
    app.switch_page("pages/energies.py").run()
    upload(app, "butanol.sdf", sdf_of(butanol))
    choose_methods(app, "model", "gfn2")
    press(app, "Compute energies")
    zero = next(box for box in app.selectbox if box.label == "Energies count from")
    zero.select_index(1).run()
    assert not app.exception
    table = table_with(app, "Model (kcal/mol)")
    lowest = int(np.argmin(table["GFN2-xTB (kcal/mol)"]))
    assert table["Model (kcal/mol)"][lowest] == 0
    assert table["GFN2-xTB (kcal/mol)"][lowest] == 0


def test_one_conformer_alone_has_atomization_energies_with_their_levels(app):
    one = search(Molecule.from_smiles("CO"), 1).molecule
    app.run()
    app.switch_page("pages/energies.py").run()
    upload(app, "methanol.sdf", sdf_of(one))
    choose_methods(app, "model", "gfn2")
    press(app, "Compute energies")
    assert not app.exception
    table = atomization_table(app)
    assert list(table["method"]) == ["Model", "GFN2-xTB"]
    engine = get_engine("gfn2")
    expected = engine.atomic_energies(one.numbers).sum() - engine.energy(one, one.positions)[0]
    assert float(table["atomization energy (kcal/mol)"].iloc[1]) == pytest.approx(expected, abs=0.05)
    assert load_model().level_of_theory in table["level of theory"].iloc[0]
    assert not any(
        "total" in str(column).lower() for frame in [*app.dataframe, *app.table] for column in frame.value.columns
    )


def test_generated_conformers_and_their_source(app):
    on_energies(app, "CCCCO")
    app.number_input(key="ensemble_count").set_value(4).run()
    press(app, "Generate")
    assert not app.exception
    assert any("distinct conformers from 16 ETKDG geometries" in caption.value for caption in app.caption)
    choose_methods(app, "gfn2")
    press(app, "Compute energies")
    assert not app.exception
    assert len(table_with(app, "GFN2-xTB (kcal/mol)")) == 4


def test_complex_without_coordinates_is_refused_with_the_reason(app):
    on_energies(app, "O.O")
    assert not app.exception
    assert any("upload a file with its coordinates" in info.value for info in app.info)
    assert "Generate" not in [button.label for button in app.button]


def test_element_that_ani_lacks_is_a_sentence_and_the_rest_goes_on(app):
    on_energies(app, "CCBr")
    app.number_input(key="ensemble_count").set_value(2).run()
    press(app, "Generate")
    assert not app.exception
    assert any("has no parameters for Br" in info.value.replace("\\", "") for info in app.info)
    press(app, "Compute energies")
    assert not app.exception
    levels = atomization_table(app)
    assert list(levels["method"]) == ["Model", "GFN2-xTB"]


def test_no_method_chosen(app):
    on_energies(app, "CCO")
    press(app, "Generate")
    choose_methods(app)
    assert not app.exception
    assert any("at least one method" in info.value for info in app.info)


def test_conformers_of_another_molecule_are_not_taken(app):
    on_energies(app, "CCCCO")
    press(app, "Generate")
    enter_smiles(app, "CCCO")
    assert not app.exception
    assert not any("distinct conformer" in caption.value for caption in app.caption)


def test_two_sessions_do_not_share_a_molecule(app):
    from streamlit.testing.v1 import AppTest

    other = AppTest.from_file(app._script_path, default_timeout=120)
    enter_smiles(app, "CCO")
    other.run()
    assert len(app.header) == 1
    assert len(other.header) == 0


def test_example_with_conformers(app):
    app.run()
    app.switch_page("pages/energies.py").run()
    app.session_state["input_way"] = "Examples"
    app.run()
    index = next(k for k, example in enumerate(examples()) if example.file)
    app.button(key=f"example_{index}").click().run()
    choose_methods(app, "model")
    press(app, "Compute energies")
    assert not app.exception
    assert len(table_with(app, "Model (kcal/mol)")) == examples()[index].molecule().n_conformers


def test_stopped_run_keeps_its_part_and_goes_on(app, butanol):
    """The part that was computed before a stop stays in the cache and on the page."""
    app.run()
    app.switch_page("pages/energies.py").run()
    upload(app, "butanol.sdf", sdf_of(butanol))
    choose_methods(app, "gfn2")
    (given,) = read_upload(sdf_of(butanol).encode(), "butanol.sdf").molecules
    method = method_for("gfn2", given)
    run = next(energies_in_parts(get_engine("gfn2"), given))
    assert not isinstance(method, str)
    energy_cache().put((method.key, keys.geometry_key(given)), run)
    app.run()
    assert any("GFN2-xTB 1 of 5" in caption.value.replace("\\", "") for caption in app.caption)
    assert table_with(app, "GFN2-xTB (kcal/mol)")["GFN2-xTB (kcal/mol)"].notna().sum() == 1
    press(app, "Go on")
    assert not app.exception
    assert table_with(app, "GFN2-xTB (kcal/mol)")["GFN2-xTB (kcal/mol)"].notna().all()


def test_search_that_ended_while_the_page_was_left_is_taken(app):
    on_energies(app, "CCCCO")
    next(button for button in app.button if button.label == "Generate").click().run()
    app.switch_page("pages/force_field.py").run()
    finish(app)
    app.switch_page("pages/energies.py").run()
    assert not app.exception
    assert any("distinct conformers from" in caption.value for caption in app.caption)


def test_search_of_another_molecule_is_not_waited_for(app):
    on_energies(app, "CCCCO")
    next(button for button in app.button if button.label == "Generate").click().run()
    enter_smiles(app, "CCCO")
    assert not app.exception
    assert not any("distinct conformer" in caption.value for caption in app.caption)
    assert "Stop" not in [button.label for button in app.button]
