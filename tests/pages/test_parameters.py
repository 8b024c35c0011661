"""Page Parameters: distributions over a drawn or an uploaded set, and what is behind a bar."""

import base64
import json

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.components.shell import background
from pages.components.widgets import molecule_set
from pages.components.widgets.tasks import Contained, Part
from tests.pages.conftest import finish
from virialff import load_model
from virialff.molecules.molecule import Molecule
from virialff.molecules.patterns import AtomPattern
from virialff.parameters.pairs import atom_pair_curve
from virialff.parameters.samples import sample_parameters, sample_parts

SMILES = "OCC ethanol\nO.CO pair\nCC(=O)NC\nc1ccccc1Cl\n"


def on_parameters(app):
    app.run()
    return app.switch_page("pages/parameters.py").run()


def give_file(app, name, text):
    control = next(group for group in app.button_group if group.key == "data")
    control.set_value("My own file").run()
    return app.file_uploader(key="parameters_upload").set_value((name, text.encode(), "text/plain")).run()


def press(app, label):
    return next(button for button in app.button if button.label == label).click().run()


def compute(app):
    """Start the worker unless its results are known, and run the page again until it shows what has been found."""
    if any(button.label == "Compute parameters" for button in app.button):
        press(app, "Compute parameters")
    return finish(app)


def choose(app, key, value):
    return next(group for group in app.button_group if group.key == key).set_value(value).run()


def table_with(app, column):
    frames = [frame.value for frame in (*app.dataframe, *app.table)]
    return next(frame for frame in frames if column in frame.columns)


@pytest.fixture(scope="module")
def sample():
    return sample_parameters(load_model(), [Molecule.from_smiles(line.split()[0]) for line in SMILES.splitlines()])


@pytest.fixture
def computed(app):
    on_parameters(app)
    give_file(app, "four.smi", SMILES)
    return compute(app)


def test_a_small_set_that_is_done_at_once_is_shown_without_a_click(app, monkeypatch):
    monkeypatch.setattr(background, "_PATIENCE_SECONDS", 60.0)
    on_parameters(app)
    give_file(app, "four.smi", SMILES)
    assert not app.exception
    assert all(button.label not in ("Compute parameters", "Go on") for button in app.button)
    assert len(table_with(app, "sum of charges (e)")) == 4


def test_upload_gives_the_numbers_of_the_library(computed, sample):
    assert not computed.exception
    assert not computed.error
    statistics = table_with(computed, "median (Å)").set_index("group")
    carbon = (np.sort(sample.pair_elements, axis=1) == (1, 1)).all(axis=1)
    assert statistics.loc["C–C", "values"] == carbon.sum()
    assert statistics.loc["C–C", "median (Å)"] == pytest.approx(np.median(sample.sigma[carbon]), abs=1e-4)
    sums = table_with(computed, "sum of charges (e)")
    np.testing.assert_allclose(sums["sum of charges (e)"], sample.molecular_charges, atol=1e-5)


def test_every_quantity_and_grouping(computed):
    for quantity in ("R_min", "epsilon", "atomic charge", "molecular charge"):
        choose(computed, "quantity", quantity)
        assert not computed.exception
        assert not computed.error
    choose(computed, "quantity", "sigma")
    choose(computed, "by_pairs_1", "relation")
    assert not computed.exception
    assert set(table_with(computed, "group")["group"]) == {"1-3", "1-4", "further", "intermolecular"}


def test_relation_and_smarts_narrow_the_values(computed):
    computed.selectbox(key="relation").set_value("1-3").run()
    computed.text_input(key="smarts").set_value("[OX2H]").run()
    computed.text_input(key="smarts_other").set_value("[CH3]").run()
    assert not computed.exception
    assert table_with(computed, "group")["values"].sum() == 1
    computed.text_input(key="smarts").set_value("[Br]").run()
    assert any("is meant by these choices" in info.value for info in computed.info)


def test_bad_smarts_is_a_sentence_and_the_page_goes_on(computed):
    computed.text_input(key="smarts").set_value("[OX2").run()
    assert not computed.exception
    assert "cannot be read" in computed.error[0].value
    computed.text_input(key="smarts").set_value("").run()
    assert not computed.error


def test_molecules_and_atoms_behind_a_bar(computed, sample):
    choose(computed, "quantity", "atomic charge")
    bar = next(box for box in computed.selectbox if box.label == "Bar")
    bar.select_index(0).run()
    assert not computed.exception
    table = table_with(computed, "atomic charge (e)")
    lowest = int(np.argmin(sample.charges))
    assert sample.charges[lowest] == pytest.approx(table["atomic charge (e)"].min(), abs=1e-5)
    row = table.loc[table["atomic charge (e)"].idxmin()]
    assert row["molecule"] == sample.atom_molecules[lowest] + 1
    assert row["atom"] == lowest - sample.first_atoms[row["molecule"] - 1] + 1


def test_records_that_cannot_be_read_are_listed_with_their_reason(app):
    on_parameters(app)
    give_file(app, "some.smi", "CCO\nC[Si](C)(C)C silane\nCC(O\nCC(=O)[O-]\n")
    compute(app)
    assert not app.exception
    failures = table_with(app, "reason")
    assert len(failures) == 3
    assert "does not cover" in failures["reason"][0]
    assert table_with(app, "sum of charges (e)")["smiles"].tolist() == ["CCO"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("empty.sdf", "", "file is empty"),
        ("text.sdf", "this is no SDF\n", "M  END"),
        ("noH.xyz", "3\n\nC 0 0 0\nO 0 0 1.42\nH 0 0.9 1.75\n", "hydrogen"),
        ("table.csv", "a,b\n1,2\n", "no column named smiles"),
    ],
)
def test_bad_file_is_a_sentence(app, name, text, words):
    on_parameters(app)
    give_file(app, name, text)
    compute(app)
    assert not app.exception
    assert words in table_with(app, "reason")["reason"][0]
    assert not any(button.label == "Compute parameters" for button in app.button)


def test_title_of_a_record_is_not_interpreted(app):
    on_parameters(app)
    give_file(app, "a](b).smi", "CC(O </script><img src=x>\nCCO\n")
    compute(app)
    assert not app.exception
    shown = [*app.markdown, *app.caption, *app.warning, *app.error]
    assert not any("<img" in element.value and "\\<img" not in element.value for element in shown)


def test_draw_from_the_shipped_data_set(app):
    on_parameters(app)
    control = next(group for group in app.button_group if group.key == "data")
    control.set_value("DFT molecules").run()
    app.number_input(key="count").set_value(10).run()
    app.selectbox(key="split").set_value("all").run()
    compute(app)
    assert not app.exception
    assert len(table_with(app, "sum of charges (e)")) == 10
    assert any("drawn with the seed 1" in caption.value for caption in app.caption)


def test_what_was_computed_before_a_stop_is_shown_and_goes_on(app, sample, monkeypatch):
    """A stopped run leaves its parts in the store; the rest is computed from there."""
    monkeypatch.setattr("virialff.parameters.samples.BATCH", 2)
    monkeypatch.setattr(molecule_set, "_SMALL_FILE", 0)
    on_parameters(app)
    text = SMILES + "CCF\n"
    with monkeypatch.context() as stopped:
        # As if Stop was pressed before the first part came.
        stopped.setattr(molecule_set, "_begin", lambda *_: None)
        give_file(app, "five.smi", text)
    chosen = app.session_state["parameters_upload_kept"]
    keep = molecule_set.store().keeper(chosen.key)
    molecules = [Molecule.from_smiles(line.split()[0]) for line in text.splitlines()]
    keep(Contained(5, ("",) * 5, (), "5 molecules"))
    keep(Part(load_model().sha256, 0, next(sample_parts(load_model(), molecules)), last=False))
    app.run()
    assert any("2 of 5" in caption.value for caption in app.caption)
    assert len(table_with(app, "sum of charges (e)")) == 2
    press(app, "Go on")
    finish(app)
    assert not app.exception
    table = table_with(app, "sum of charges (e)")
    assert table["smiles"].tolist() == [*sample.smiles, "CCF"]


def test_memory_of_the_store_is_bounded(sample, monkeypatch):
    monkeypatch.setattr(molecule_set, "_MOST_PAIRS", 2 * sample.n_pairs)
    store = molecule_set.Store()
    for key in ("a", "b", "c"):
        store.keeper(key)(Part("model", 0, sample, last=True))
    assert store.predicted("a", "model") is None
    assert store.predicted("c", "model").complete


def test_two_sessions_that_compute_the_same_set_do_not_count_it_twice(sample):
    store = molecule_set.Store()
    first, second = store.keeper("set"), store.keeper("set")
    for keep in (first, second):
        keep(Part("model", 0, sample, last=False))
    assert store.predicted("set", "model").n_done == sample.n_molecules
    second(Part("model", sample.n_molecules, sample, last=True))
    first(Part("model", sample.n_molecules, sample, last=True))
    found = store.predicted("set", "model")
    assert found.n_done == 2 * sample.n_molecules
    assert found.complete


def charts(app):
    return {chart.proto.id.rpartition("-")[2]: json.loads(chart.proto.spec) for chart in app.get("plotly_chart")}


def test_a_bar_leads_to_a_molecule_and_the_potential_of_its_pair(computed, sample):
    bar = next(box for box in computed.selectbox if box.label == "Bar")
    bar.select_index(2).run()
    assert not computed.exception
    assert computed.query_params["bar"] == str(bar.options and computed.selectbox(key=bar.key).value)
    table = table_with(computed, "atom_i")
    row = table.iloc[0]
    figure = charts(computed)["bar_pair_curve"]
    total = next(trace for trace in figure["data"] if trace["name"] == "total")
    field = load_model().force_field(sample.molecule(row["molecule"] - 1))
    curve = atom_pair_curve(field, row["atom_i"] - 1, row["atom_j"] - 1, np.array([3.0, 5.0]))
    expected = np.interp([3.0, 5.0], decoded(total["x"]), decoded(total["y"]))
    np.testing.assert_allclose(curve["total"], expected, atol=1e-3)
    # The address opens the same bar again.
    other = AppTest.from_file(computed._script_path, default_timeout=120)
    for name, value in computed.query_params.items():
        other.query_params[name] = value
    other.query_params["data"] = "My own file"
    other.switch_page("pages/parameters.py").run()
    give_file(other, "four.smi", SMILES)
    compute(other)
    assert not other.exception
    assert table_with(other, "atom_i").equals(table)


def decoded(values):
    """A column of a figure, which Plotly may write as bytes."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), dtype=np.dtype(values["dtype"]))
    return np.array(values)


def test_atoms_and_pairs_like_the_one_that_is_shown(computed, sample):
    choose(computed, "quantity", "atomic charge")
    next(box for box in computed.selectbox if box.label == "Bar").select_index(0).run()
    press(computed, "Atoms like this one")
    assert not computed.exception
    assert not computed.error
    smarts = computed.text_input(key="smarts").value
    found = sample.atoms_in(AtomPattern(smarts))
    assert found[int(np.argmin(sample.charges))]
    assert table_with(computed, "group")["values"].sum() == found.sum() < len(sample.charges)
    computed.text_input(key="smarts").set_value("").run()
    choose(computed, "quantity", "sigma")
    next(box for box in computed.selectbox if box.label == "Bar").select_index(0).run()
    press(computed, "Pairs like this one")
    assert computed.text_input(key="smarts").value
    assert computed.text_input(key="smarts_other").value
    assert 0 < table_with(computed, "group")["values"].sum() < sample.n_pairs


def test_the_map_of_sigma_and_epsilon_has_the_types_of_amber_and_charmm(computed, sample):
    next(box for box in computed.selectbox if box.label == "Amber, CHARMM and OpenFF for").set_value("C–C").run()
    figure = charts(computed)["sigma_epsilon"]
    names = [trace["name"] for trace in figure["data"]]
    carbon = (np.sort(sample.pair_elements, axis=1) == (1, 1)).all(axis=1) & (sample.epsilon > 0)
    assert names[0] == f"default ({carbon.sum():,})"
    assert [name.partition(" (")[0] for name in names[1:]] == ["Amber ff14SB", "CHARMM36", "OpenFF 2.2.1"]
    choose(computed, "quantity", "atomic charge")
    assert "sigma_epsilon" not in charts(computed)
