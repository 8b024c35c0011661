"""Every entry of a recipe and of a label campaign says what it means."""

from typing import Any

import pytest

from training.labelling.config import CampaignConfig
from training.recipes.recipe import Recipe


def parts(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {schema["title"]: schema, **schema.get("$defs", {})}


@pytest.mark.parametrize("model", [Recipe, CampaignConfig])
def test_every_entry_has_a_description(model):
    silent = [
        f"{part}.{name}"
        for part, content in parts(model.model_json_schema()).items()
        for name, entry in content["properties"].items()
        if not entry.get("description")
    ]
    assert silent == []


def test_settings_of_the_loop_bring_theirs():
    entries = parts(Recipe.model_json_schema())["Optimization"]["properties"]
    assert entries["coordinate_noise"]["description"].startswith("Standard deviation in Angstrom")
    assert entries["steps"]["default"] == 10_000
