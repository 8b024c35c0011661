"""Studies train a row for each setting, go on where they were ended, and look at validation alone."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
import yaml

from training.data.pack import load_pack
from training.loop.train import train
from training.recipes.recipe import PRESETS, load_recipe
from training.studies import ablation, learning_curve
from training.studies.rows import RESULT


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    content = yaml.safe_load((PRESETS / "foundation.yaml").read_text())
    content["network"] |= {"hidden_size": 12, "charge_width": 12, "pair_width": 12, "message_steps": 1}
    content["optimization"] |= {"batch_pairs": 100, "complex_batch_pairs": 50, "conformers": 2}
    file: Path = tmp_path_factory.mktemp("recipe") / "recipe.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def options(recipe: Path, packs: Path, folder: Path) -> list[str]:
    files = ["--json", str(folder / "study.json"), "--markdown", str(folder / "study.md")]
    return ["--recipe", str(recipe), "--packs", str(packs), "--folder", str(folder / "runs"), "--steps", "6", *files]


def test_an_ablation_has_a_row_for_each_switch_and_goes_on(recipe, packs, tmp_path, capsys):
    given = options(recipe, packs, tmp_path)
    switches = ["--only", "output_scales", "forces", "complexes", "coordination_baseline"]
    assert ablation.main([*given, *switches]) == 0
    first = json.loads((tmp_path / "study.json").read_text())
    # The recipe has no coordination baseline that could be left out.
    assert [row["left_out"] for row in first["rows"]] == [None, "output_scales", "forces", "complexes"]
    errors = [row["errors"] for row in first["rows"]]
    # The labels have one minimum of each molecule.
    assert all(set(row) == set(ablation.MEASURES) - {"relative_rmse"} for row in errors)
    assert len({row["energy_mae"] for row in errors}) == 4
    table = (tmp_path / "study.md").read_text()
    assert "| output scales by relation | " in table
    assert f"{errors[1]['energy_mae']:.2f}" in table
    assert "4 of 4 trainings are to be done, in about" in capsys.readouterr().out
    # One row is lost: it alone is trained again, to the same errors.
    (tmp_path / "runs" / "without-forces" / RESULT).unlink()
    assert ablation.main([*given, *switches]) == 0
    assert json.loads((tmp_path / "study.json").read_text()) == first
    assert "1 of 4 trainings are to be done" in capsys.readouterr().out


def switches_of(preset: str) -> set[str]:
    """Names of the switches that an ablation of the preset leaves out."""
    recipe = load_recipe(PRESETS / preset)
    return {switch.name for switch in ablation.SWITCHES if switch.can_be_left_out(recipe)}


def test_every_switch_is_one_of_the_foundation_or_of_fine_tuning():
    foundation, fine_tuning = switches_of("foundation.yaml"), switches_of("virialff.yaml")
    assert foundation | fine_tuning == {switch.name for switch in ablation.SWITCHES}
    assert fine_tuning - foundation == {"initial", "companion", "coordination_baseline"}


def test_a_learning_curve_has_all_seeds_and_an_extrapolation(recipe, packs, tmp_path):
    given = options(recipe, packs, tmp_path)
    figure = tmp_path / "curve.html"
    assert learning_curve.main([*given, "--molecules", "3", "8", "--seeds", "2", "--figure", str(figure)]) == 0
    content = json.loads((tmp_path / "study.json").read_text())
    energy = content["curves"][0]
    assert [point["n_molecules"] for point in energy["points"]] == [3, 8]
    assert all(len(set(point["errors"])) == 2 for point in energy["points"])
    assert energy["extrapolated"]["n_molecules"] == 80
    runs = {folder.name for folder in (tmp_path / "runs").iterdir()}
    assert runs == {f"{number}-molecules-seed-{seed}" for number in (3, 8) for seed in (1, 2)}
    assert "For 80 molecules, ten times as many, it gives" in (tmp_path / "study.md").read_text()
    assert "training molecules" in figure.read_text()


def test_a_learning_curve_of_a_twin_is_of_its_kinetic_energies(recipe, kinetic_packs, tmp_path):
    content = yaml.safe_load(recipe.read_text())
    off = dict.fromkeys(("energy", "relative", "force", "interaction", "interaction_force", "dipole"), 0.0)
    content["optimization"] |= {"twin_weight": 1.0} | {f"{name}_weight": weight for name, weight in off.items()}
    twin = tmp_path / "twin.yaml"
    twin.write_text(yaml.safe_dump(content))
    assert learning_curve.main([*options(twin, kinetic_packs, tmp_path), "--molecules", "3", "6", "--seeds", "2"]) == 0
    (curve,) = json.loads((tmp_path / "study.json").read_text())["curves"]
    assert (curve["quantity"], len(curve["points"])) == ("kinetic energy by a twin, MAE", 2)


def from_other_weights(recipe: Path, packs: Path, tmp_path: Path) -> Path:
    """The recipe with a short run to start from, beside the file."""
    whole = load_recipe(recipe)
    molecules = load_pack(packs / "molecules.arrow")
    stage = dataclasses.replace(whole.all_stages[0], steps=4, interaction_weight=0.0, interaction_force_weight=0.0)
    train(tmp_path / "initial", whole.network, [stage], molecules, None, report=lambda line: None)
    content = yaml.safe_load(recipe.read_text()) | {"initial": str(tmp_path / "initial")}
    content["optimization"]["learning_rate"] = 1e-12
    onward = tmp_path / "onward.yaml"
    onward.write_text(yaml.safe_dump(content))
    return onward


def test_a_learning_curve_from_other_weights_begins_with_them(recipe, packs, tmp_path):
    given = options(from_other_weights(recipe, packs, tmp_path), packs, tmp_path)
    assert learning_curve.main([*given, "--molecules", "4", "8", "--seeds", "2"]) == 0
    for seed in (1, 2):
        run = torch.load(tmp_path / "runs" / f"8-molecules-seed-{seed}" / "checkpoint.pt", weights_only=False)
        begun = torch.load(tmp_path / "initial" / "checkpoint.pt", weights_only=False)
        for name, weight in begun["average"].items():
            torch.testing.assert_close(run["average"][name], weight, atol=1e-6, rtol=0)
    assert f"from `{tmp_path / 'initial'}`" in (tmp_path / "study.md").read_text()


def test_an_ablation_from_other_weights_leaves_them_out_and_their_labels(label_store, recipe, packs, tmp_path, capsys):
    onward = from_other_weights(recipe, packs, tmp_path)
    content = yaml.safe_load(onward.read_text())
    content["data"]["labels"] = str(label_store)
    content["companion"] = {"labels": [str(label_store)], "level_of_theory": content["level_of_theory"]}
    onward.write_text(yaml.safe_dump(content))
    given = options(onward, packs, tmp_path)
    only = ["--only", "output_scales", "companion", "initial"]
    assert ablation.main([*given, *only]) == 2
    assert "companion" in capsys.readouterr().err
    given[given.index("--packs") : given.index("--packs") + 2] = ["--validation", "0.3"]
    assert ablation.main([*given, *only]) == 0
    # Without the output scales the network would be another one than that of the weights.
    rows = json.loads((tmp_path / "study.json").read_text())["rows"]
    assert [row["left_out"] for row in rows] == [None, "companion", "initial"]
    assert len({row["errors"]["energy_mae"] for row in rows}) == 3
    assert f"from `{tmp_path / 'initial'}`" in (tmp_path / "study.md").read_text()


def test_a_larger_validation_split_takes_nothing_from_the_test_part(label_store, recipe, tmp_path):
    content = yaml.safe_load(recipe.read_text())
    content["data"]["labels"] = str(label_store)
    own = tmp_path / "own.yaml"
    own.write_text(yaml.safe_dump(content))
    parts = {}
    for share in ("0.2", "0.5"):
        given = [
            *options(own, tmp_path, tmp_path / share),
            "--validation",
            share,
            "--molecules",
            "2",
            "4",
            "--seeds",
            "1",
        ]
        given[given.index("--packs") : given.index("--packs") + 2] = []
        assert learning_curve.main(given) == 0
        counts = json.loads((tmp_path / share / "runs" / "packs" / "counts.json").read_text())["molecules"]
        parts[share] = {name: part["records"] for name, part in counts.items()}
    assert parts["0.2"]["test"] == parts["0.5"]["test"]
    assert parts["0.2"]["validation"] < parts["0.5"]["validation"]


def test_impossible_studies_are_a_sentence(recipe, packs, tmp_path, capsys):
    given = options(recipe, packs, tmp_path)
    assert learning_curve.main([*given, "--molecules", "1000"]) == 2
    assert "1000 training molecules were asked for and there are" in capsys.readouterr().err
    assert ablation.main([*given, "--steps", "0"]) == 2
    assert "at least one step" in capsys.readouterr().err
