"""Studies on the page Benchmarks: the figures of real ones, and what it says where there are none."""

import json

import pytest
import yaml

from pages.components.benchmarks import studies as study_views
from tests.pages.test_train import text_of
from tests.small_training import small_store
from training.recipes.recipe import PRESETS
from training.studies import ablation, learning_curve


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A folder with an ablation and a learning curve of a few steps."""
    folder = tmp_path_factory.mktemp("studies")
    store = small_store(folder / "small.parquet", molecules=40, complexes=20)
    content = yaml.safe_load((PRESETS / "foundation.yaml").read_text())
    content["network"] |= {"hidden_size": 12, "charge_width": 12, "pair_width": 12, "message_steps": 1}
    content["optimization"] |= {"batch_pairs": 100, "complex_batch_pairs": 50, "conformers": 2}
    content["data"]["labels"] = str(store)
    recipe = folder / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(content))
    for study, options in ((ablation, ["--only", "forces", "complexes"]), (learning_curve, ["--seeds", "2"])):
        name = study.__name__.rpartition(".")[2]
        files = ["--json", str(folder / f"{name}.json"), "--markdown", str(folder / f"{name}.md")]
        runs = ["--folder", str(folder / "runs" / name), "--steps", "4", "--validation", "0.3"]
        numbers = ["--molecules", "4", "8"] if study is learning_curve else []
        assert study.main(["--recipe", str(recipe), *runs, *files, *options, *numbers]) == 0
    return folder


@pytest.fixture
def page(app, monkeypatch):
    def open_with(folder):
        monkeypatch.setattr(study_views, "FOLDER", folder)
        app.run()
        app.switch_page("pages/benchmarks.py")
        app.session_state["benchmarks_tab"] = "Studies"
        return app.run()

    return open_with


def charts(page):
    return {chart.proto.id.rpartition("-")[2]: json.loads(chart.proto.spec) for chart in page.get("plotly_chart")}


def test_figures_show_what_the_studies_found(page, results):
    opened = page(results)
    assert not opened.exception
    assert not opened.error
    rows = json.loads((results / "ablation.json").read_text())["rows"]
    figure = charts(opened)["ablation"]
    energy = next(trace for trace in figure["data"] if trace["name"].startswith("total energy"))
    assert energy["y"] == ["losses of forces", "complexes"]
    whole, without = rows[0]["errors"]["energy_mae"], rows[1]["errors"]["energy_mae"]
    assert energy["x"][0] == pytest.approx(100 * (without / whole - 1))
    curve = charts(opened)["learning_curve"]
    assert len(curve["data"][0]["y"]) == 4
    assert "falls as N" in text_of(opened)


def test_without_studies_the_page_names_the_commands(page, tmp_path):
    opened = page(tmp_path)
    assert not opened.exception
    said = [info.value for info in opened.info]
    assert any("python -m training.studies.ablation" in entry for entry in said)
    assert any("--recipe training/presets/virialff.yaml" in entry for entry in said)
    assert any("python -m training.studies.learning_curve" in entry for entry in said)
    assert any("--recipe training/presets/virialff_kinetic_twin.yaml" in entry for entry in said)


def test_a_damaged_study_is_a_sentence_and_the_others_are_shown(page, results, tmp_path):
    (tmp_path / "ablation.json").write_text("{")
    for name in ("learning_curve", "kinetic_twin_learning_curve"):
        (tmp_path / f"{name}.json").write_text((results / "learning_curve.json").read_text())
    (tmp_path / "fine_tuning_ablation.json").write_text((results / "ablation.json").read_text())
    opened = page(tmp_path)
    assert not opened.exception
    assert "run it again" in opened.error[0].value
    assert {"learning_curve", "kinetic_twin_learning_curve", "fine_tuning_ablation"} <= set(charts(opened))
