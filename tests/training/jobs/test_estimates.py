"""How long a training takes is said before it, and what the figure rests on."""

import json

import pytest

from tests.small_training import small_recipe, small_store
from training.jobs import estimates
from training.jobs.estimates import RECORDED, estimate
from training.loop.speed import measure_cost
from training.recipes.presets import check_recipe, recipe_text, recipe_values
from training.recipes.recipe import PRESETS, load_recipe
from training.studies import speed
from virialff.errors import ConfigError
from virialff.settings import RUNS_VARIABLE


@pytest.fixture(autouse=True)
def _runs(tmp_path, monkeypatch):
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))


def test_what_was_recorded_is_used_where_nothing_ran():
    values = recipe_values(load_recipe(PRESETS / "demo.yaml"))
    entry = json.loads(RECORDED.read_text())["trainings"]["demo"]
    found = estimate(values, "demo")
    assert found is not None
    assert found.seconds == pytest.approx(values["optimization"]["steps"] / entry["steps_per_second"])
    # It says of itself that it takes a minute.
    assert found.seconds < 90
    assert entry["processor"] in found.basis
    assert estimate(values, "something else") is None


def test_stages_are_added_up():
    values = recipe_values(load_recipe(PRESETS / "paper.yaml"))
    found = estimate(values, "foundation")
    assert found is not None
    assert found.steps == 356_000 + 228_000


def test_what_was_measured_comes_first(tmp_path):
    recipe = check_recipe(recipe_text(small_recipe(small_store(tmp_path / "small.parquet", 30, 20))))
    cost = measure_cost(recipe, steps=2)
    assert cost.steps_per_second > 0
    assert 50e6 < cost.memory_bytes < 50e9
    found = estimate(recipe_values(recipe), "foundation", cost)
    assert found is not None
    assert found.steps_per_second == cost.steps_per_second
    assert "just now" in found.basis
    with pytest.raises(ConfigError, match="hold nothing at HF"):
        measure_cost(recipe.model_copy(update={"level_of_theory": "HF"}))


def test_the_recorded_figures_are_made_by_the_command(tmp_path, monkeypatch):
    store = small_store(tmp_path / "small.parquet", 30, 20)
    recipe = check_recipe(recipe_text(small_recipe(store, steps=4, validate_every=2)))
    monkeypatch.setattr(speed, "offered", lambda: {"demo": recipe, "foundation": recipe})
    file = tmp_path / "speed.json"
    assert speed.main(["--json", str(file), "--steps", "2"]) == 0
    made = json.loads(file.read_text())["trainings"]
    assert set(made) == {"demo", "foundation"}
    assert made["demo"].keys() == json.loads(RECORDED.read_text())["trainings"]["demo"].keys()
    monkeypatch.setattr(estimates, "RECORDED", file)
    found = estimate(recipe_values(recipe), "demo")
    assert found is not None
    assert found.steps_per_second == made["demo"]["steps_per_second"]


def test_every_recorded_training_is_one_that_is_offered():
    assert set(json.loads(RECORDED.read_text())["trainings"]) == set(speed.offered())
