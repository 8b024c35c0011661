"""Page Conformers: ensembles given, generated and uploaded, relaxed, pruned and ranked."""

import re

import numpy as np
import pytest

from tests.pages.conftest import enter_smiles, finish, upload
from tests.pages.test_force_field import sdf_of
from virialff import get_engine, load_model
from virialff.conformers.crest import _xyz
from virialff.conformers.ensembles import degeneracies
from virialff.conformers.generation import boltzmann_weights, energy_ranks, search
from virialff.io.uploads import read_upload
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
    return "\n".join(caption.value for caption in app.caption)


def xyz_of(molecule: Molecule) -> str:
    return "".join(_xyz(molecule.with_positions(geometry[None])) for geometry in molecule.positions)


def test_without_a_molecule_it_says_what_to_do(page):
    assert not page.exception
    assert "Nothing to rank yet" in page.info[0].value


def test_model_ranks_at_once_and_gfn2_on_request(page, butanol):
    upload(page, "butanol.sdf", sdf_of(butanol))
    choose(page, "model", "gfn2")
    (given,) = read_upload(sdf_of(butanol).encode(), "butanol.sdf").molecules
    model = load_model().force_field(given).energy(given.positions)
    np.testing.assert_array_equal(table_with(page, "Model rank")["Model rank"], energy_ranks(model))
    press(page, "Compute energies")
    assert not page.exception
    page.number_input(key="temperature").set_value(500.0).run()
    gfn2 = get_engine("gfn2").energy(given, given.positions)
    table = table_with(page, "GFN2-xTB rank")
    np.testing.assert_array_equal(table["GFN2-xTB rank"], energy_ranks(gfn2))
    # The mirror images of all but the stretched form are left out, and counted.
    expected = boltzmann_weights(gfn2, 500.0, degeneracies(given, gfn2))
    table = table_with(page, "GFN2-xTB population at 500 K")
    np.testing.assert_allclose(table["GFN2-xTB population at 500 K"], expected, atol=1e-6)
    assert {"RMSE (kcal/mol)", "Spearman rho"} <= set(page.table[0].value.index)
    assert "Conformers ranked by GFN2-xTB (SDF)" in [button.label for button in page.get("download_button")]


def test_dft_is_offered_and_not_begun(page, butanol):
    upload(page, "butanol.sdf", sdf_of(butanol))
    pills = next(entry for entry in page.button_group if entry.key.startswith("energy_methods"))
    assert "wB97X-D/def2-SVP" in pills.options
    choose(page, "model", "dft")
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
    page.file_uploader(key="ensemble_uploader").set_value(("crest.xyz", xyz_of(butanol).encode(), "text/plain")).run()
    choose(page, "model")
    assert not page.exception
    assert f"{butanol.n_conformers} conformers from the file" in captions(page)
    expected = energy_ranks(load_model().force_field(butanol).energy(butanol.positions))
    np.testing.assert_array_equal(table_with(page, "Model rank")["Model rank"], expected)


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
    page.file_uploader(key="ensemble_uploader").set_value((name, data, "text/plain")).run()
    assert not page.exception
    (error,) = page.error
    assert sentence in error.value.replace("\\", "")
    assert not re.search(r"(?<!\\)<", error.value)


def test_element_that_the_model_lacks_is_a_sentence(page):
    enter_smiles(page, "C[Si](C)(C)C")
    assert not page.exception
    assert any("Si" in error.value for error in page.error)
