"""`virialff train` and `virialff ship`: from a label store to a model that loads, with a measured card."""

import json
from pathlib import Path

import pytest
import torch
import yaml

from tests.virialff.sample_models import change_card, make_ensemble
from training.recipes.recipe import PRESETS
from virialff.benchmarks import noncovalent, physics, report
from virialff.benchmarks.conformers import conformer_set
from virialff.benchmarks.psi4_databases import read_database
from virialff.cli import main
from virialff.labels.evaluation_sets import EvaluationSets
from virialff.models.members import charge_spread
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule
from virialff.settings import ASSETS


@pytest.fixture(scope="module")
def recipe(label_store, tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("campaign")
    content = yaml.safe_load((PRESETS / "foundation.yaml").read_text())
    content["data"] = {"labels": str(label_store), "fractions": [0.6, 0.2, 0.2], "split_seed": 3}
    content["network"]["hidden_size"] = 16
    (folder / "recipe.yaml").write_text(yaml.safe_dump(content))
    return folder / "recipe.yaml"


@pytest.fixture
def few_references(monkeypatch) -> None:
    """The first complexes and molecules of every evaluation set: all of them take minutes."""
    for module in (noncovalent, physics):
        monkeypatch.setattr(module, "read_database", lambda name: read_database(name)[:24])
    smiles = list(EvaluationSets.load().molecules.values())[:2]
    monkeypatch.setattr(report, "conformer_set", lambda: conformer_set(3, molecules=smiles))


@pytest.mark.program("psi4")
@pytest.mark.usefixtures("few_references")
def test_a_run_becomes_a_model(recipe, tmp_path, capsys, monkeypatch):
    run, model = tmp_path / "run", tmp_path / "model"
    assert main(["train", str(recipe), "--run", str(run), "--steps", "6"]) == 0
    assert main(["train", str(recipe), "--run", str(run), "--steps", "8", "--repack"]) == 0
    assert json.loads((run / "status.json").read_text())["step"] == 8
    capsys.readouterr()
    quick = ["ship", str(run), str(model), "--name", "tiny", "--limitation", "It is a test.", "--no-comparison"]
    assert main([*quick, "--member", str(run)]) == 0
    printed = json.loads(capsys.readouterr().out)
    loaded = load_model(model)
    assert loaded.name == "tiny"
    assert loaded.level_of_theory == "GFN2-xTB"
    assert loaded.card["limitations"] == ["It is a test."]
    assert [entry["from_step"] for entry in loaded.card["data"]["history"]] == [0, 6]
    assert loaded.card["metrics"] == printed
    row = printed["held_out"]["total energy (kcal/mol)"]
    assert row["mae_low"] <= row["mae"] <= row["mae_high"]
    assert loaded.card["atomic_energies_kcal_mol"]["H"] == pytest.approx(-246.5, abs=1.0)
    ethanol = Molecule.from_smiles("CCO")
    assert abs(loaded.force_field(ethanol).charges.sum()) < 1e-9
    # A run is its own member here, so the members agree.
    spread = charge_spread(loaded, ethanol)
    assert spread is not None
    assert spread.spread.max() < 1e-6
    assert set(printed["calibration"]) >= {"total energy", "interaction energy"}
    # The split of eight molecules or so leaves most environments in fewer than five of them.
    rare = loaded.rare_atoms(Molecule.from_smiles("FC(Cl)(Br)P"))
    assert rare is not None
    assert rare.mask.all()

    monkeypatch.setenv("VIRIALFF_MODELS", str(tmp_path / "models"))
    command = ["ship", str(run), "--name", "tiny-2", "--member", str(model), "--beside", str(model), "--no-own-sets"]
    assert main(command) == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1] == f"virialff: added the model tiny-2 in {tmp_path / 'models' / 'tiny-2'}"
    metrics = json.loads(captured.out)
    assert metrics["held_out"] == printed["held_out"]
    assert {"tiny-2", str(model)} <= {row["method"] for row in metrics["side by side"]["errors"]}
    assert metrics["interactions"]["dimers"]
    assert len(load_model("tiny-2").members) == 1
    assert main(["ship", str(run), "--name", "tiny-2"]) == 4
    assert "there is already a model 'tiny-2'" in capsys.readouterr().err


def test_members_must_be_of_the_same_network_and_level(recipe, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", str(recipe), "--run", str(run), "--steps", "2"]) == 0
    capsys.readouterr()
    ship = ["ship", str(run), str(tmp_path / "model"), "--no-comparison", "--member"]
    assert main([*ship, str(ASSETS / "models" / "foundation-gfn2")]) == 2
    assert "has a network with hidden_size" in capsys.readouterr().err
    other = make_ensemble(tmp_path / "other", 0)
    change_card(other, level_of_theory="another level")
    assert main([*ship, str(other)]) == 2
    assert f"{other} is of another level and {run} of GFN2-xTB" in capsys.readouterr().err
    assert main([*ship, str(tmp_path)]) == 2
    assert "is not a run of `virialff train`" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()


def test_what_is_no_run_is_not_shipped(tmp_path, capsys):
    assert main(["ship", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"virialff: {tmp_path} is not a run of `virialff train`: it has no recipe.json\n"


def test_training_without_labels_is_one_sentence(recipe, label_store, tmp_path, capsys):
    text = recipe.read_text().replace(str(label_store), str(tmp_path / "empty"))
    (tmp_path / "recipe.yaml").write_text(text)
    (tmp_path / "empty").mkdir()
    assert main(["train", str(tmp_path / "recipe.yaml"), "--run", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert "holds no labels" in error
    assert "Traceback" not in error


def test_a_twin_by_seed_and_other_weights_to_start_from(recipe, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in ([], ["--seed", "2"], ["--seed", "3", "--initial", "runs/foundation-gfn2"]):
        assert main(["train", str(recipe), "--steps", "1", *command]) == 0
    configs = [json.loads(Path(f"runs/foundation-gfn2{name}/config.json").read_text()) for name in ("", "-2", "-3")]
    assert [config["stages"][0]["seed"] for config in configs] == [1, 2, 3]
    assert [config["initial"] for config in configs] == [None, None, "runs/foundation-gfn2"]
    assert json.loads(Path("runs/foundation-gfn2-3/recipe.json").read_text())["initial"] == "runs/foundation-gfn2"
    first, twin = (
        torch.load(f"runs/foundation-gfn2{name}/checkpoint.pt", weights_only=False)["average"] for name in ("", "-2")
    )
    assert not torch.equal(first["message_passing.update.weight_ih"], twin["message_passing.update.weight_ih"])
