"""Recipes: the preset `paper` is the paper's network, and what is wrong in a recipe is a sentence with its line."""

from pathlib import Path

import pytest

from training.labelling.config import load_campaign
from training.recipes.recipe import PRESETS, Recipe, load_recipe
from virialff import seals
from virialff.cli import main
from virialff.errors import ConfigError
from virialff.networks.config import PAPER

FOUNDATION = (PRESETS / "foundation.yaml").read_text()
#: A preset with one label store.
PAPER_TEXT = (PRESETS / "paper.yaml").read_text()


def test_the_preset_paper_is_the_paper():
    recipe = load_recipe(PRESETS / "paper.yaml")
    assert recipe.network == PAPER
    assert recipe.data.fractions == (0.748, 0.065, 0.187)
    first, second = recipe.all_stages
    assert (first.kinetic_weight, first.batch_molecules, first.trains_potential) == (1.0, 64, False)
    assert second.freeze_embeddings
    assert not second.trains_kinetic
    assert not second.trains_complexes
    assert (second.learning_rate, second.decay, second.coordinate_noise, second.batch_molecules) == (
        1e-3,
        0.8,
        0.005,
        400,
    )
    # 400 epochs, the rate times 0.8 every 20.
    assert second.steps == 20 * second.decay_steps == 400 * -(-227_613 // 400)


def test_every_choice_that_the_paper_leaves_open_is_marked():
    lines = (PRESETS / "paper.yaml").read_text().splitlines()
    marked = " ".join(line for line in lines if "[ours]" in line)
    for choice in (
        "charge_width",
        "pair_width",
        "distance_threshold",
        "message and update",
        "pair sum",
        "labels",
        "freeze",
    ):
        assert choice in marked, choice


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hidden_size:", "hiden_size:", r"line \d+: network\.hiden_size: unknown key"),
        ("hidden_size: 128", "hidden_size: many", r"line \d+: network\.hidden_size: Input should be a valid integer"),
        ("  split_seed: 2026\n", "", r"line \d+: data\.split_seed: Field required"),
        ("steps:", "steps: [", "is not valid YAML"),
        (
            "  force_weight: 3.0",
            "  force_weight: -3.0",
            r"line FIRST: optimization: force_weight is -3 and must not be",
        ),
        (
            "  steps: 60000",
            "  coordinate_noise: 0.01",
            r"line FIRST: optimization: coordinate_noise contradicts forces",
        ),
        ("  steps: 60000", "  freeze_embeddings: true", r"'potential', has freeze_embeddings and nothing has trained"),
        ("  steps: 60000", "  steps: 1\n  steps: 2", r"line STEPS: steps is given twice: keep one of them"),
        ("  steps: 60000", "  threads: 0", r"line FIRST: optimization: threads is 0 and must be at least 1"),
        (
            "  steps: 60000",
            "  kinetic_weight: 1\n  kinetic_descriptor_weight: 1",
            r"line FIRST: optimization: kinetic_weight and kinetic_descriptor_weight exclude each other",
        ),
        ("optimization:", "stages: []\noptimisation:", r"line AFTER: optimisation: unknown key"),
        ("optimization:\n", "stages: [{steps: 1}]\noptimization:\n", r"give either `optimization`, for one stage"),
    ],
)
def test_a_wrong_recipe_is_a_sentence_with_its_line(tmp_path: Path, old, new, message):
    assert old in FOUNDATION
    file = tmp_path / "recipe.yaml"
    file.write_text(FOUNDATION.replace(old, new))
    # Further label files come before it in the shipped recipe.
    line = FOUNDATION.splitlines().index("optimization:") + 1
    for name, number in (("FIRST", line), ("AFTER", line + 1), ("STEPS", line + 2)):
        message = message.replace(name, str(number))
    with pytest.raises(ConfigError, match=message) as caught:
        load_recipe(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("&a [*a]", r"line 1: anchors and aliases \(& and \*\) are not read"),
        ("a: &x {b: &y [1]}\nc: *x", r"line 1: anchors and aliases"),
        ("a: 1\nb: *nobody", r"line 2: anchors and aliases"),
        ("a: !!int x", r"line 1: tags \(!\) are not read"),
        ("a: 1\nb: !!python/name:os.system", r"line 2: tags \(!\) are not read"),
        ("a: 1\n\nb: " + "[" * 3000, r"line 3: it is nested more than 20 deep"),
        ("".join(f"{' ' * n}a:\n" for n in range(30)), r"line 20: it is nested more than 20 deep"),
        ("a: [" + "1, " * 30_000 + "1]", r"line 1: there are more than 20,000 values"),
        ("a: " + "9" * 5000, r"line 1: a number has too many digits"),
        ("a: 1\nb: 0x_", r"line 2: '0x_' is no number"),
        ("a: .inf", r"line 1: \.inf is no finite number"),
        ("? [a]\n: b", r"line 1: a key is no plain text"),
        ('name: "\\0"', r"line 1: it has a character that no text has"),
        ('name: "\\ud83d"', r"line 1: it has a character that no text has"),
        ("a: b: c", "is not valid YAML: mapping values are not allowed here"),
        ("a: 1\n---\nb: 2", "is not valid YAML: expected a single document"),
        ("a: \x07", "is not valid YAML: unacceptable character"),
        ("[]", r"line 1: the recipe: Input should be a valid dictionary"),
        (
            "name: 2020-01-01\nlevel_of_theory: <<\ninitial: =\ndata: 1",
            r"line 4: data: Input should be a valid dictionary",
        ),
        ("#" * 2**21, "larger than 1 MiB"),
    ],
)
def test_what_yaml_allows_and_a_recipe_does_not_need_is_refused_with_its_line(tmp_path: Path, text, message):
    file = tmp_path / "recipe.yaml"
    file.write_text(text)
    for load in (load_recipe, load_campaign):
        with pytest.raises(ConfigError, match=message.replace("the recipe", "the (?:recipe|configuration)")) as caught:
            load(file)
        assert str(file) in str(caught.value)
        assert len(str(caught.value)) < 400
        if "data: 1" in text:
            break


def test_bytes_that_are_no_text_are_named_by_their_line(tmp_path: Path):
    (tmp_path / "recipe.yaml").write_bytes(b"name: a\nlevel_of_theory: \xff\n")
    with pytest.raises(ConfigError, match="line 2 is no text in UTF-8"):
        load_recipe(tmp_path / "recipe.yaml")


def test_the_recipe_of_a_job_that_was_changed_is_refused_and_says_what_to_do(tmp_path: Path):
    file = tmp_path / "recipe.yaml"
    file.write_bytes(seals.sealed_text(FOUNDATION.encode()))
    assert load_recipe(file) == load_recipe(PRESETS / "foundation.yaml")
    file.write_text(file.read_text().replace("60000", "60001"))
    with pytest.raises(ConfigError, match=r"was changed after it was put there.* take out its last line"):
        load_recipe(file)
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    assert load_recipe(file).all_stages[0].steps == 60001


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hidden_size: 128", "hidden_size: 1000000", "hidden_size is 1000000 and must be at most 4096"),
        ("pair_layers: 3", "pair_layers: 60", "pair_layers is 60 and must be at most 32"),
        ("hidden_size: 128", "hidden_size: 4000", r"its layers have \d+ million weights and may have 64 million"),
    ],
)
def test_a_network_that_would_fill_the_memory_is_refused(tmp_path: Path, old, new, message):
    assert old in FOUNDATION
    (tmp_path / "recipe.yaml").write_text(FOUNDATION.replace(old, new))
    with pytest.raises(ConfigError, match=message):
        load_recipe(tmp_path / "recipe.yaml")


def test_the_line_is_that_of_the_key(tmp_path: Path):
    file = tmp_path / "recipe.yaml"
    file.write_text(FOUNDATION.replace("hidden_size:", "hiden_size:"))
    number = next(n for n, line in enumerate(file.read_text().splitlines(), start=1) if "hiden_size" in line)
    with pytest.raises(ConfigError, match=rf"line {number}:"):
        load_recipe(file)


def test_a_missing_recipe_says_so(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_recipe(tmp_path / "nothing.yaml")


def test_a_shorter_recipe_keeps_its_proportions():
    for stage in load_recipe(PRESETS / "paper.yaml").all_stages:
        short = stage.shortened(0.01)
        assert (short.steps, short.decay_steps) == (stage.steps // 100, stage.decay_steps // 100)
        assert (short.learning_rate, short.batch_molecules) == (stage.learning_rate, stage.batch_molecules)
        assert short.warmup_steps == 0
    assert load_recipe(PRESETS / "foundation.yaml").all_stages[0].shortened(1e-9).steps == 1


@pytest.mark.parametrize("length", ["0", "1.5"])
def test_a_share_of_no_recipe_is_refused(length, tmp_path, capsys):
    arguments = ["train", str(PRESETS / "paper.yaml"), "--run", str(tmp_path / "run"), "--length", length]
    assert main(arguments) == 2
    assert "it is a share of the recipe's steps" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_labels_are_a_store_or_a_list_of_stores(tmp_path: Path):
    one = load_recipe(PRESETS / "paper.yaml")
    assert one.data.labels == (Path("assets/data/dft.parquet"),)
    assert one.model_dump(mode="json")["data"]["labels"] == "assets/data/dft.parquet"
    file = tmp_path / "recipe.yaml"
    file.write_text(PAPER_TEXT.replace("assets/data/dft.parquet", "[a.parquet, build/labels/b]"))
    several = load_recipe(file)
    assert several.data.labels == (Path("a.parquet"), Path("build/labels/b"))
    assert Recipe.model_validate_json(several.model_dump_json()) == several
    file.write_text(PAPER_TEXT.replace("assets/data/dft.parquet", "[]"))
    with pytest.raises(ConfigError, match=r"line \d+: data\.labels: .* at least 1 item"):
        load_recipe(file)
