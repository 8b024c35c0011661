"""`virialff train` and `virialff ship`: from a label store to a model that loads, with a measured card."""

import json
from pathlib import Path

import pytest

from training.config import PRESETS
from virialff.cli import main
from virialff.forcefield import load_model
from virialff.molecule import Molecule


@pytest.fixture(scope="module")
def recipe(label_store, tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("campaign")
    text = (PRESETS / "foundation.yaml").read_text()
    for old, new in (
        ("assets/data/gfn2.parquet", str(label_store)),
        ("[0.88, 0.04, 0.08]", "[0.6, 0.2, 0.2]"),
        ("split_seed: 2026", "split_seed: 3"),
        ("hidden_size: 128", "hidden_size: 16"),
    ):
        assert old in text
        text = text.replace(old, new)
    (folder / "recipe.yaml").write_text(text)
    return folder / "recipe.yaml"


@pytest.mark.program("psi4")
def test_a_run_becomes_a_model(recipe, tmp_path, capsys, monkeypatch):
    run, model = tmp_path / "run", tmp_path / "model"
    assert main(["train", str(recipe), "--run", str(run), "--steps", "6"]) == 0
    assert main(["train", str(recipe), "--run", str(run), "--steps", "8", "--repack"]) == 0
    assert json.loads((run / "status.json").read_text())["step"] == 8
    capsys.readouterr()
    assert main(["ship", str(run), str(model), "--name", "tiny", "--limitation", "It is a test."]) == 0
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
    assert abs(loaded.force_field(Molecule.from_smiles("CCO")).charges.sum()) < 1e-9

    monkeypatch.setenv("VIRIALFF_MODELS", str(tmp_path / "models"))
    assert main(["ship", str(run), "--name", "tiny-2"]) == 0
    captured = capsys.readouterr()
    assert captured.err.splitlines()[-1] == f"virialff: added the model tiny-2 in {tmp_path / 'models' / 'tiny-2'}"
    assert json.loads(captured.out)["held_out"] == printed["held_out"]
    assert load_model("tiny-2").name == "tiny-2"
    assert main(["ship", str(run), "--name", "tiny-2"]) == 4
    assert "there is already a model 'tiny-2'" in capsys.readouterr().err


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
