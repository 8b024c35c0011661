"""Page Conformers: ensembles given, generated and uploaded, relaxed, pruned and ranked."""

import io
import re
import zipfile

import numpy as np
import pytest

from pages.components.widgets.methods import energy_cache, method_for
from tests.pages.conftest import enter_smiles, finish, upload
from tests.pages.test_force_field import sdf_of
from virialff import get_engine, load_model
from virialff.conformers.crest import _xyz
from virialff.conformers.ensembles import degeneracies, displacements
from virialff.conformers.free_energies import free_energy_corrections
from virialff.conformers.generation import boltzmann_weights, energy_ranks, relative_energies, search
from virialff.conformers.relax import relax
from virialff.io.examples import examples
from virialff.io.uploads import read_upload
from virialff.methods.runs import energies_in_parts
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule


@pytest.fixture(scope="module")
def butanol() -> Molecule:
    return search(Molecule.from_smiles("CCCCO"), 5).molecule


@pytest.fixture
def page(app):
    app.run()
    return app.switch_page("pages/conformers.py").run()


def press(app, label):
    next(button for button in app.button if button.label == label).click().run()
    return finish(app)


def labels(app):
    return [button.label for button in app.button]


def table_with(app, column):
    return next(frame.value for frame in app.dataframe if column in frame.value.columns)


def choose(app, *names):
    pills = next(group for group in app.button_group if group.key.startswith("energy_methods"))
    return pills.set_value(list(names)).run()


def group(app, key):
    return next(entry for entry in app.button_group if entry.key.startswith(key))


def captions(app):
    return "\n".join(caption.value.replace("\\", "") for caption in app.caption)


def view(app, name):
    """Open a tab of the results."""
    app.session_state["conformers_view"] = name
    return app.run()


def by_number(app, column):
    """The ranking in the order of the conformers."""
    return table_with(app, column).sort_values("conformer").reset_index(drop=True)


def xyz_of(molecule: Molecule) -> str:
    return "".join(_xyz(molecule.with_positions(geometry[None])) for geometry in molecule.positions)


def test_without_a_molecule_it_says_what_to_do(page):
    assert not page.exception
    assert "Nothing to rank yet" in page.info[0].value


def test_model_ranks_at_once_and_gfn2_by_itself(page, butanol):
    upload(page, "butanol.sdf", sdf_of(butanol))
    choose(page, "model", "gfn2")
    (given,) = read_upload(sdf_of(butanol).encode(), "butanol.sdf").molecules
    model = load_model().force_field(given).energy(given.positions)
    np.testing.assert_array_equal(by_number(page, "Model rank")["Model rank"], energy_ranks(model))
    finish(page)
    assert not page.exception
    page.number_input(key="temperature").set_value(500.0).run()
    gfn2 = get_engine("gfn2").energy(given, given.positions)
    table = by_number(page, "GFN2-xTB rank")
    np.testing.assert_array_equal(table["GFN2-xTB rank"], energy_ranks(gfn2))
    # The mirror images of all but the stretched form are left out, and counted.
    expected = boltzmann_weights(gfn2, 500.0, degeneracies(given, gfn2))
    view(page, "Populations")
    table = table_with(page, "GFN2-xTB population at 500 K")
    np.testing.assert_allclose(table["GFN2-xTB population at 500 K"], expected, atol=1e-6)
    view(page, "Agreement")
    assert {"RMSE (kcal/mol)", "Spearman rho"} <= set(page.table[0].value.index)
    assert "Conformers ranked by GFN2-xTB (SDF)" in [button.label for button in page.get("download_button")]


def expect_on_request_alone(page, butanol):
    """Energies by GFN2-xTB are not there until they are asked for."""
    upload(page, "butanol.sdf", sdf_of(butanol))
    choose(page, "model", "gfn2")
    finish(page)
    assert not [name for name in table_with(page, "Model rank").columns if name.startswith("GFN2")]
    press(page, "Compute energies")
    assert sorted(table_with(page, "Model rank")["GFN2-xTB rank"]) == [1, 2, 3, 4, 5]


def test_what_takes_long_waits_for_its_button(page, butanol, monkeypatch):
    monkeypatch.setattr("pages.components.widgets.methods._UNASKED", 5 * butanol.n_atoms**2 - 1)
    expect_on_request_alone(page, butanol)


def test_what_was_stopped_is_not_begun_again(page, butanol):
    (given,) = read_upload(sdf_of(butanol).encode(), "butanol.sdf").molecules
    page.session_state["background_stopped"] = {f"energies_{keys.geometry_key(given)}"}
    expect_on_request_alone(page, butanol)


def test_dft_is_offered_and_not_begun(page, butanol):
    upload(page, "butanol.sdf", sdf_of(butanol))
    pills = next(entry for entry in page.button_group if entry.key.startswith("energy_methods"))
    assert "wB97X-D/def2-SVP" in pills.options
    choose(page, "model", "dft")
    finish(page)
    assert "Compute wB97X-D/def2-SVP (minutes)" in labels(page)
    assert list(table_with(page, "Model rank").columns[:2]) == ["conformer", "Model (kcal/mol)"]


def test_dft_that_is_not_installed_is_a_sentence(page, butanol, monkeypatch):
    import importlib.util
    import shutil

    from virialff.engines.psi4 import find_psi4

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "pyscf" else found(name, *a))
    monkeypatch.setenv("PATH", "")
    assert shutil.which("psi4") is None
    find_psi4.cache_clear()
    upload(page, "butanol.sdf", sdf_of(butanol))
    assert not page.exception
    sentences = [info.value.replace("\\", "") for info in page.info]
    assert any("pip install pyscf" in text and "psi4" in text.lower() for text in sentences)


def test_read_only_installation_computes_no_dft(page, monkeypatch):
    from virialff.settings import READ_ONLY_VARIABLE

    monkeypatch.setenv(READ_ONLY_VARIABLE, "1")
    upload(page, "water.sdf", sdf_of(search(Molecule.from_smiles("O"), 1).molecule))
    choose(page, "model", "dft")
    press(page, "Compute wB97X-D/def2-SVP (minutes)")
    assert "read-only" in page.error[0].value.replace("\\", "")


def test_relaxed_with_gfn2(page):
    molecule = search(Molecule.from_smiles("CCCO"), 2).molecule
    upload(page, "propanol.sdf", sdf_of(molecule))
    choose(page, "gfn2")
    group(page, "relax_with").set_value("GFN2-xTB").run()
    assert "not relaxed" in captions(page)
    press(page, "Relax 2 conformers")
    assert not page.exception
    assert "2 conformers relaxed with GFN2-xTB" in captions(page)
    assert "No bond and no configuration changed" in captions(page)


def test_repeats_are_left_out(page, butanol):
    doubled = butanol.with_positions(np.concatenate([butanol.positions[:2], butanol.positions[:2] + 3.0]))
    upload(page, "doubled.sdf", sdf_of(doubled))
    choose(page, "model")
    assert len(table_with(page, "Model rank")) == 4
    page.toggle(key="prune").set_value(True).run()
    finish(page)
    assert not page.exception
    assert "2 of 4 conformers kept" in captions(page)
    assert table_with(page, "Model rank")["Model rank"].tolist() == [1, 2]


def test_ensemble_file_of_the_molecule(page, butanol):
    enter_smiles(page, "CCCCO")
    group(page, "ensemble_source").set_value("Ensemble file").run()
    page.file_uploader(key="ensemble_uploader").set_value([("crest.xyz", xyz_of(butanol).encode(), "text/plain")]).run()
    choose(page, "model")
    assert not page.exception
    assert f"{butanol.n_conformers} conformers from the file" in captions(page)
    expected = energy_ranks(load_model().force_field(butanol).energy(butanol.positions))
    np.testing.assert_array_equal(by_number(page, "Model rank")["Model rank"], expected)


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("ethane.xyz", b"2\n\nH 0 0 0\nH 0 0 0.74\n", "has 2 atoms and C4H10O has 15"),
        ("cut.xyz", b"15\n\nC 0 0 0\n", "the file is cut off"),
        ("noise.xyz", bytes(range(256)), "is not text"),
        ("empty.xyz", b"", "empty"),
        ("noise.sdf", b"\x00\xff", "is not text"),
        ("<script>.xyz", b"x\n", "number of atoms"),
    ],
)
def test_bad_ensemble_file_is_a_sentence(page, name, data, sentence):
    enter_smiles(page, "CCCCO")
    group(page, "ensemble_source").set_value("Ensemble file").run()
    page.file_uploader(key="ensemble_uploader").set_value([(name, data, "text/plain")]).run()
    assert not page.exception
    (error,) = page.error
    assert sentence in error.value.replace("\\", "")
    assert not re.search(r"(?<!\\)<", error.value)


def test_element_that_the_model_lacks_is_a_sentence(page):
    enter_smiles(page, "C[Si](C)(C)C")
    assert not page.exception
    assert any("Si" in error.value for error in page.error)


def atomization_table(page):
    """The table of the last tab."""
    return next(table.value for table in page.table if "atomization energy (kcal/mol)" in table.value.columns)


def test_uploaded_conformers_by_model_and_gfn2(page, butanol):
    upload(page, "butanol.sdf", sdf_of(butanol))
    choose(page, "model", "gfn2")
    finish(page)
    assert not page.exception
    assert not page.error
    table = by_number(page, "GFN2-xTB (kcal/mol)")
    (given,) = read_upload(sdf_of(butanol).encode(), "butanol.sdf").molecules
    gfn2 = relative_energies(get_engine("gfn2").energy(given, given.positions))
    model = relative_energies(load_model().force_field(given).energy(given.positions))
    np.testing.assert_allclose(table["GFN2-xTB (kcal/mol)"], gfn2, atol=1e-4)
    np.testing.assert_allclose(table["Model (kcal/mol)"], model, atol=1e-3)
    assert sorted(table["GFN2-xTB rank"]) == [1, 2, 3, 4, 5]
    view(page, "Agreement")
    agreement = page.table[0].value
    assert list(agreement.columns) == ["Model and GFN2-xTB"]
    assert agreement.loc["conformers"].iloc[0] == "5"
    rmse = np.sqrt(np.mean((model - gfn2) ** 2))
    assert float(agreement.loc["RMSE (kcal/mol)"].iloc[0]) == pytest.approx(rmse, abs=0.01)
    assert "Time per conformer on this computer: Model" in captions(page)


def test_energies_can_count_from_the_lowest_conformer_of_the_reference(page, butanol):
    upload(page, "butanol.sdf", sdf_of(butanol))
    choose(page, "model", "gfn2")
    finish(page)
    zero = next(box for box in page.selectbox if box.label == "Energies count from")
    zero.select_index(1).run()
    assert not page.exception
    table = by_number(page, "Model (kcal/mol)")
    lowest = int(np.argmin(table["GFN2-xTB (kcal/mol)"]))
    assert table["Model (kcal/mol)"][lowest] == 0
    assert table["GFN2-xTB (kcal/mol)"][lowest] == 0


def test_one_conformer_alone_has_atomization_energies_with_their_levels(page):
    one = search(Molecule.from_smiles("CO"), 1).molecule
    upload(page, "methanol.sdf", sdf_of(one))
    choose(page, "model", "gfn2")
    finish(page)
    assert not page.exception
    view(page, "One conformer")
    table = atomization_table(page)
    assert list(table["method"]) == ["Model", "GFN2-xTB"]
    engine = get_engine("gfn2")
    expected = engine.atomic_energies(one.numbers).sum() - engine.energy(one, one.positions)[0]
    assert float(table["atomization energy (kcal/mol)"].iloc[1]) == pytest.approx(expected, abs=0.05)
    assert load_model().level_of_theory in table["level of theory"].iloc[0]
    assert not any(
        "total" in str(column).lower() for frame in [*page.dataframe, *page.table] for column in frame.value.columns
    )


def test_generated_conformers_and_their_source(page):
    enter_smiles(page, "CCCCO")
    page.number_input(key="ensemble_count").set_value(4).run()
    press(page, "Generate")
    assert not page.exception
    assert any("distinct conformers from 16 ETKDG geometries" in caption.value for caption in page.caption)
    choose(page, "gfn2")
    finish(page)
    assert not page.exception
    assert len(table_with(page, "GFN2-xTB (kcal/mol)")) == 4


def test_complex_without_coordinates_is_refused_with_the_reason(page):
    enter_smiles(page, "O.O")
    assert not page.exception
    assert any("upload a file with its coordinates" in info.value for info in page.info)
    assert "Generate" not in [button.label for button in page.button]


def test_element_that_ani_lacks_is_a_sentence_and_the_rest_goes_on(page):
    enter_smiles(page, "CCBr")
    page.number_input(key="ensemble_count").set_value(2).run()
    press(page, "Generate")
    assert not page.exception
    assert any("has no parameters for Br" in info.value.replace("\\", "") for info in page.info)
    finish(page)
    assert not page.exception
    view(page, "One conformer")
    levels = atomization_table(page)
    assert list(levels["method"]) == ["Model", "GFN2-xTB", "MMFF94"]


def test_no_method_chosen(page):
    enter_smiles(page, "CCO")
    press(page, "Generate")
    choose(page)
    assert not page.exception
    assert any("at least one method" in info.value for info in page.info)


def test_conformers_of_another_molecule_are_not_taken(page):
    enter_smiles(page, "CCCCO")
    press(page, "Generate")
    enter_smiles(page, "CCCO")
    assert not page.exception
    assert not any("distinct conformer" in caption.value for caption in page.caption)


def test_example_with_conformers(page):
    page.session_state["input_way"] = "Examples"
    page.run()
    index = next(k for k, example in enumerate(examples()) if example.file)
    page.button(key=f"example_{index}").click().run()
    choose(page, "model")
    assert not page.exception
    assert len(table_with(page, "Model (kcal/mol)")) == examples()[index].molecule().n_conformers


def test_stopped_run_keeps_its_part_and_goes_on(page, butanol):
    """The part that was computed before a stop stays in the cache and on the page."""
    (given,) = read_upload(sdf_of(butanol).encode(), "butanol.sdf").molecules
    page.session_state["background_stopped"] = {f"energies_{keys.geometry_key(given)}"}
    upload(page, "butanol.sdf", sdf_of(butanol))
    choose(page, "gfn2")
    method = method_for("gfn2", given)
    run = next(energies_in_parts(get_engine("gfn2"), given))
    assert not isinstance(method, str)
    energy_cache().put((method.key, keys.geometry_key(given)), run)
    page.run()
    assert any("GFN2-xTB 1 of 5" in caption.value.replace("\\", "") for caption in page.caption)
    assert table_with(page, "GFN2-xTB (kcal/mol)")["GFN2-xTB (kcal/mol)"].notna().sum() == 1
    press(page, "Go on")
    assert not page.exception
    assert table_with(page, "GFN2-xTB (kcal/mol)")["GFN2-xTB (kcal/mol)"].notna().all()


def test_search_that_ended_while_the_page_was_left_is_taken(page):
    enter_smiles(page, "CCCCO")
    next(button for button in page.button if button.label == "Generate").click().run()
    page.switch_page("pages/force_field.py").run()
    finish(page)
    page.switch_page("pages/conformers.py").run()
    assert not page.exception
    assert any("distinct conformers from" in caption.value for caption in page.caption)


def test_search_of_another_molecule_is_not_waited_for(page):
    enter_smiles(page, "CCCCO")
    next(button for button in page.button if button.label == "Generate").click().run()
    enter_smiles(page, "CCCO")
    assert not page.exception
    assert not any("distinct conformer" in caption.value for caption in page.caption)
    assert "Stop" not in [button.label for button in page.button]


def test_relaxing_gives_energies_and_how_far_each_moved(page):
    molecule = search(Molecule.from_smiles("CCCO"), 3).molecule
    upload(page, "propanol.sdf", sdf_of(molecule))
    choose(page, "model", "gfn2")
    group(page, "relax_with").set_value("GFN2-xTB").run()
    press(page, "Relax 3 conformers")
    assert not page.exception
    # The energies came with the relaxation.
    assert "Compute energies" not in labels(page)
    table = by_number(page, "GFN2-xTB (kcal/mol)")
    (given,) = read_upload(sdf_of(molecule).encode(), "propanol.sdf").molecules
    relaxed = relax(given, get_engine("gfn2"))
    expected = relative_energies([conformer.energy for conformer in relaxed.conformers])
    np.testing.assert_allclose(table["GFN2-xTB (kcal/mol)"], expected, atol=0.02)
    np.testing.assert_allclose(
        table["moved (Å)"], displacements(given, given.positions, relaxed.molecule.positions), atol=0.02
    )
    # So they do where repeats are left out.
    page.toggle(key="prune").set_value(True).run()
    finish(page)
    assert "Compute energies" not in labels(page)
    view(page, "One conformer")
    page.toggle(key="conformer_before").set_value(True).run()
    assert not page.exception
    next(button for button in page.button if button.label == "Show it on every page").click().run()
    assert not page.exception
    assert "of the page Conformers, relaxed by GFN2-xTB" in captions(page)


def test_minima_of_the_model_are_checked_by_gfn2(page):
    molecule = search(Molecule.from_smiles("CCO"), 1).molecule
    upload(page, "ethanol.sdf", sdf_of(molecule))
    choose(page, "model")
    group(page, "relax_with").set_value("Model").run()
    press(page, "Relax 1 conformer")
    press(page, "Check with GFN2-xTB")
    assert not page.exception
    table = table_with(page, "to its GFN2-xTB minimum (Å)")
    (given,) = read_upload(sdf_of(molecule).encode(), "ethanol.sdf").molecules
    there = relax(given, load_model())
    further = relax(there.molecule, get_engine("gfn2"))
    expected = displacements(given, there.molecule.positions, further.molecule.positions)
    np.testing.assert_allclose(table["to its GFN2-xTB minimum (Å)"], expected, atol=0.01)
    assert 0 < expected[0] < 0.5


def test_vibrations_are_added_to_populations(page):
    molecule = search(Molecule.from_smiles("OCCO"), 2).molecule
    upload(page, "glycol.sdf", sdf_of(molecule))
    choose(page, "model", "gfn2")
    view(page, "Populations")
    assert "they need its minima" in captions(page)
    group(page, "relax_with").set_value("GFN2-xTB").run()
    press(page, "Relax 2 conformers")
    press(page, "Add vibrations (GFN2-xTB)")
    assert not page.exception
    table = table_with(page, "vibrations (kcal/mol)")
    (given,) = read_upload(sdf_of(molecule).encode(), "glycol.sdf").molecules
    relaxed = relax(given, get_engine("gfn2")).molecule
    expected = free_energy_corrections(relaxed, get_engine("gfn2")).values
    np.testing.assert_allclose(table["vibrations (kcal/mol)"], expected - expected.min(), atol=0.05)
    with_them = table["GFN2-xTB + vibrations population at 298.15 K"]
    assert with_them.sum() == pytest.approx(1.0)
    assert not np.allclose(with_them, table["GFN2-xTB population at 298.15 K"], atol=1e-3)


def test_folder_of_crest_as_an_archive(page, butanol):
    enter_smiles(page, "CCCCO")
    group(page, "ensemble_source").set_value("Ensemble file").run()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("run/crest_best.xyz", xyz_of(butanol.with_positions(butanol.positions[:1])))
        archive.writestr("run/crest_conformers.xyz", xyz_of(butanol))
    page.file_uploader(key="ensemble_uploader").set_value([("run.zip", buffer.getvalue(), "application/zip")]).run()
    assert not page.exception
    assert not page.error
    assert "5 conformers from the file run/crest_conformers.xyz" in captions(page).replace("\\", "")


def test_many_molecules_in_one_table(page, butanol):
    methanol = search(Molecule.from_smiles("CO"), 1).molecule
    page.session_state["conformers_batch"] = True
    page.run()
    text = sdf_of(butanol) + sdf_of(methanol) + "broken\n$$$$\n"
    page.file_uploader(key="conformers_batch_upload").set_value(("many.sdf", text.encode(), "text/plain")).run()
    press(page, "Rank all")
    assert not page.exception
    table = table_with(page, "molecule")
    assert table.groupby("molecule").size().tolist() == [5, 1]
    (given,) = read_upload(sdf_of(butanol).encode(), "butanol.sdf").molecules
    model = load_model().force_field(given).energy(given.positions)
    np.testing.assert_allclose(table["Model (kcal/mol)"][:5], relative_energies(model), atol=1e-3)
    assert any("record 7" in warning.value for warning in page.warning)
