"""Recipes: the preset `paper` is the paper's network, and what is wrong in a recipe is a sentence with its line."""

from pathlib import Path

import pytest

from training.config import PRESETS, load_recipe
from virialff.errors import ConfigError
from virialff.networks.config import PAPER

FOUNDATION = (PRESETS / "foundation.yaml").read_text()


def test_the_preset_paper_is_the_paper():
    recipe = load_recipe(PRESETS / "paper.yaml")
    assert recipe.network == PAPER
    assert recipe.data.fractions == (0.748, 0.065, 0.187)
    assert recipe.optimization.learning_rate == 1e-3


def test_every_choice_that_the_paper_leaves_open_is_marked():
    lines = (PRESETS / "paper.yaml").read_text().splitlines()
    marked = " ".join(line for line in lines if "[ours]" in line)
    for choice in ("charge_width", "pair_width", "distance_threshold", "message and update", "pair sum", "labels"):
        assert choice in marked, choice


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hidden_size:", "hiden_size:", r"line \d+: network\.hiden_size: unknown key"),
        ("hidden_size: 128", "hidden_size: many", r"line \d+: network\.hidden_size: Input should be a valid integer"),
        ("  split_seed: 2026\n", "", r"line \d+: data\.split_seed: Field required"),
        ("steps:", "steps: [", "is not valid YAML"),
    ],
)
def test_a_wrong_recipe_is_a_sentence_with_its_line(tmp_path: Path, old, new, message):
    assert old in FOUNDATION
    file = tmp_path / "recipe.yaml"
    file.write_text(FOUNDATION.replace(old, new))
    with pytest.raises(ConfigError, match=message) as caught:
        load_recipe(file)
    assert "\n" not in str(caught.value)


def test_the_line_is_that_of_the_key(tmp_path: Path):
    file = tmp_path / "recipe.yaml"
    file.write_text(FOUNDATION.replace("hidden_size:", "hiden_size:"))
    number = next(n for n, line in enumerate(file.read_text().splitlines(), start=1) if "hiden_size" in line)
    with pytest.raises(ConfigError, match=rf"line {number}:"):
        load_recipe(file)


def test_a_missing_recipe_says_so(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_recipe(tmp_path / "nothing.yaml")
