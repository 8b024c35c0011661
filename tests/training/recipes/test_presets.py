"""Presets, the settings of a form, and recipes as text."""

import dataclasses
import json

import pytest

from training.jobs.runs import free_run_name, speed_of
from training.recipes.optimization import Optimization
from training.recipes.presets import (
    check_recipe,
    label_sources,
    levels_of,
    presets,
    recipe_text,
    recipe_values,
    settings_of,
)
from training.recipes.recipe import load_recipe
from virialff.errors import ConfigError, StoreError
from virialff.networks.config import NetworkConfig
from virialff.settings import ASSETS


@pytest.mark.parametrize("settings", [Optimization, NetworkConfig])
def test_every_field_of_the_settings_is_in_the_form(settings):
    found = {setting.name: setting for setting in settings_of(settings)}
    assert list(found) == [field.name for field in dataclasses.fields(settings)]
    assert all(setting.default == getattr(settings(), name) for name, setting in found.items())
    assert [name for name, setting in found.items() if not setting.meaning] == []


def test_kinds_and_meanings_of_settings():
    found = {setting.name: setting for setting in settings_of(Optimization)}
    assert (found["schedule"].kind, found["schedule"].choices) == ("choice", ("cosine", "steps"))
    assert (found["batch_molecules"].kind, found["batch_molecules"].optional) == ("integer", True)
    assert found["kind_weights"].kind == "numbers"
    assert found["double_precision"].kind == "switch"
    assert "Angstrom" in found["coordinate_noise"].meaning
    assert (
        found["kinetic_descriptor_weight"].meaning
        == "Of the error of the kinetic energy of each atom and bond (Eq. 11-12)."
    )


def test_presets_are_recipes_and_come_back_from_their_text():
    names = [preset.name for preset in presets()]
    assert {"foundation", "paper"} <= set(names)
    assert not any(name.startswith("labels") for name in names)
    for preset in presets():
        recipe = load_recipe(preset.path)
        assert check_recipe(recipe_text(recipe_values(recipe))) == recipe
        assert preset.about


@pytest.mark.parametrize(
    ("addition", "words"),
    [
        ("tpyo: 1\n", "recipe, line .*: tpyo: unknown key"),
        ("name: again\n", "name is given twice"),
        ("[", "not valid YAML"),
    ],
)
def test_a_wrong_text_is_one_sentence_without_the_place_of_a_temporary_file(addition, words):
    text = recipe_text(recipe_values(load_recipe(presets()[0].path)))
    with pytest.raises(ConfigError, match=words) as error:
        check_recipe(text + addition)
    assert "/tmp" not in str(error.value)


def test_labels_that_ship_and_their_levels(tmp_path):
    assert ASSETS / "data" / "gfn2.parquet" in label_sources()
    assert levels_of(ASSETS / "data" / "gfn2.parquet") == ["GFN2-xTB"]
    with pytest.raises(StoreError):
        levels_of(tmp_path / "none")


def test_free_names_and_speed(tmp_path, monkeypatch):
    monkeypatch.setenv("VIRIALFF_JOBS", str(tmp_path))
    assert free_run_name("run") == "run"
    for name in ("run", "jobs/run-2"):
        (tmp_path / name).mkdir(parents=True)
    assert free_run_name("run") == "run-3"
    assert free_run_name("run-2") == "run-3"
    lines = [json.dumps({"step": 10 * n, "seconds": 5.0 * n}) for n in (1, 2)]
    assert speed_of(tmp_path / "run") is None
    (tmp_path / "run" / "metrics.jsonl").write_text("\n".join(lines))
    speed = speed_of(tmp_path / "run")
    assert (speed.steps_per_second, speed.recent_steps_per_second) == (2.0, 2.0)
