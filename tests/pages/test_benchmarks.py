"""Page Benchmarks: cards, cards that lack metrics or are damaged, and errors measured on request."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from pages.components.widgets import gallery
from pages.components.widgets.card_tables import calibrations_in
from tests.pages.conftest import finish
from tests.pages.test_train import button, labelled
from tests.small_training import small_store
from virialff.benchmarks.report import evaluate_models
from virialff.documents import read_object
from virialff.engines.dft import LEVEL_OF_THEORY as REFERENCE
from virialff.models import registry
from virialff.models.registry import load_model
from virialff.settings import ASSETS, MODELS_VARIABLE


@pytest.fixture
def page(app, tmp_path, monkeypatch):
    """The page, with a second model whose card has no metrics."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    source = tmp_path / "source"
    shutil.copytree(ASSETS / "models" / "default", source)
    card = read_object(source / "card.json")
    (source / "card.json").write_text(json.dumps(card | {"name": "bare", "metrics": {}, "limitations": []}))
    registry.add(source, "bare")
    app.run()
    return app.switch_page("pages/benchmarks.py").run()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_store(tmp_path_factory.mktemp("labels") / "small.parquet", molecules=60, complexes=40)


def words_of(table):
    """A table as it is read, without the backslashes that keep its texts from being Markdown."""
    unescaped = table.value.map(lambda value: value.replace("\\", "") if isinstance(value, str) else value)
    return unescaped.rename(columns=lambda name: name.replace("\\", ""))


def open_tab(page, name):
    page.session_state["benchmarks_tab"] = name
    return page.run()


def test_it_opens_with_what_the_cards_measured(page):
    assert not page.exception
    card = read_object(ASSETS / "models" / "default" / "card.json")
    rows = [row for row in card["metrics"]["side by side"]["errors"] if row["sizes"] == "all"]
    table = words_of(page.table[0])
    assert len(table) == len({(row["set"], row["quantity"]) for row in rows})
    assert {"default", "GFN2-xTB"} <= set(table.columns)
    mae = next(row["mae"] for row in rows if row["method"] == "GFN2-xTB" and row["quantity"].startswith("total energy"))
    assert table.loc[0, "GFN2-xTB"].startswith(f"{mae:.2f} (")
    labelled(page.button_group, "Statistic, with its 95 % interval").set_value("root mean square error").run()
    rmse = words_of(page.table[0])
    assert float(rmse.loc[0, "GFN2-xTB"].split()[0]) > mae
    # The card of `bare` has no errors to open with.
    assert labelled(page.selectbox, "As measured with the model").options == ["default", "foundation-gfn2", "paper"]
    labelled(page.toggle, "By size and class too").set_value(True).run()
    assert len(words_of(page.table[0])) > len(table)
    labelled(page.selectbox, "As measured with the model").set_value("foundation-gfn2").run()
    assert not page.exception
    assert "foundation-gfn2" in words_of(page.table[0]).columns


def test_a_damaged_model_is_a_sentence_and_the_others_are_shown(page, tmp_path):
    (tmp_path / "models" / "bare" / "card.json").write_text("{")
    page.run()
    assert not page.exception
    assert any("bare" in (error.value + str(error.proto)) for error in page.error)
    assert "default" in page.table[0].value.columns
    open_tab(page, "Measure now")
    labelled(page.multiselect, "Models").set_value(["default", "bare"]).run()
    assert not page.exception
    assert any("bare" in (error.value + str(error.proto)) for error in page.error)
    assert "Measure" in [entry.label for entry in page.button]


def test_errors_measured_on_request_are_those_of_the_command(page, store, monkeypatch):
    open_tab(page, "Measure now")
    labelled(page.multiselect, "Models").set_value(["default"]).run()
    monkeypatch.setattr("training.recipes.presets.label_sources", lambda: [store])
    expected = evaluate_models(
        {"default": load_model("default")},
        labels=store,
        level_of_theory="GFN2-xTB",
        references=None,
        physics=False,
        engines=(),
        max_molecules=20,
    )
    page.run()
    labelled(page.button_group, "Beside them").set_value([])
    labelled(page.toggle, "Checks of the parameters too").set_value(False)
    labelled(page.toggle, "S66, base pairs and conformers too").set_value(False)
    labelled(page.number_input, "At most so many molecules").set_value(20)
    page.run()
    button(page, "Measure").click().run()
    deadline = time.monotonic() + 200
    while "Everything (JSON)" not in [entry.label for entry in page.get("download_button")]:
        assert time.monotonic() < deadline
        assert not page.error
        assert not page.exception
        time.sleep(0.5)
        page.run()
    assert not page.exception
    table = next(words_of(entry) for entry in page.table if "sizes" in entry.value.columns)
    assert table.to_dict("records") == expected.wide("mae").to_dict("records")
    assert len(page.get("plotly_chart")) >= 2


def test_calibrations_are_found_however_deep():
    entry = {"quantity": "total energy", "unit": "kcal/mol", "n_values": 5, "bins": {"spread": [1.0]}}
    assert calibrations_in({"a": {"b": {"total energy": entry}}, "c": [1]}) == {"total energy": entry}
    assert calibrations_in("not measured") == {}


def table_with(page, column):
    return next(frame.value for frame in page.dataframe if column in frame.value.columns)


def test_paper_table_is_there_before_anything_is_computed(page):
    open_tab(page, "Base pairs")
    assert not page.exception
    paper = table_with(page, "paper: reference (kcal/mol)").set_index("pair")
    assert paper.loc["A-T", "paper: reference (kcal/mol)"] == -12.4
    assert paper.loc["G-C", "paper: model (kcal/mol)"] == -30.5
    vertical = table_with(page, "JSCH: CCSD(T)/CBS (kcal/mol)").set_index("pair")
    assert vertical.loc["A-T", "JSCH: CCSD(T)/CBS (kcal/mol)"] == -16.86
    assert vertical.loc["G-C", "JSCH: CCSD(T)/CBS (kcal/mol)"] == -32.06


def test_reference_dimers_with_the_dimer_of_a_point(page):
    open_tab(page, "Reference dimers")
    finish(page)
    assert not page.exception
    table = table_with(page, "model (kcal/mol)")
    vertical = [dimer for dimer in gallery.references().dimers if dimer.geometry == "vertical"]
    held = [dimer for dimer in vertical if REFERENCE in dimer.interaction_energies]
    assert len(table) == len(held)
    one = next(dimer for dimer in held if dimer.index == 5 and dimer.database == "S66")
    row = table[table["dimer"].str.startswith("S66 5:")].iloc[0]
    expected = load_model().force_field(one.molecule).interaction_energy(one.molecule.positions[0])
    assert row["model (kcal/mol)"] == pytest.approx(float(expected[0] if np.ndim(expected) else expected), abs=1e-3)
    page.selectbox(key="reference_scatter_row").select_index(0).run()
    assert not page.exception
    values = table_with(page, "E_int (kcal/mol)").set_index("method")["E_int (kcal/mol)"]
    assert values["reference"] == pytest.approx(table["reference (kcal/mol)"][0])
