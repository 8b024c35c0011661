"""Foundation, level and members in seconds of time: runs that follow each other and become models."""

import json
from pathlib import Path

import yaml

from training import whole_training
from training.recipes.recipe import PRESETS


def small(preset: str, store: Path, folder: Path) -> Path:
    content = yaml.safe_load((PRESETS / preset).read_text())
    content |= {"level_of_theory": "GFN2-xTB"}
    content["data"] |= {"labels": str(store), "fractions": [0.6, 0.2, 0.2], "split_seed": 3}
    content["network"] |= {"hidden_size": 12, "charge_width": 12, "pair_width": 12, "message_steps": 1}
    content["optimization"] |= {"batch_pairs": 100, "complex_batch_pairs": 50, "companion_batch_pairs": 100}
    file = folder / preset
    file.write_text(yaml.safe_dump(content))
    return file


def test_all_runs_of_a_model_in_a_given_time(label_store, tmp_path, capsys):
    recipes = [
        *("--foundation", str(small("foundation.yaml", label_store, tmp_path))),
        *("--level", str(small("virialff.yaml", label_store, tmp_path))),
    ]
    command = [*recipes, "--packs", str(tmp_path / "packs"), "--output", str(tmp_path / "out"), "--members", "1"]
    assert whole_training.main([*command, "--packs-only"]) == 0
    assert not (tmp_path / "out").exists()
    assert whole_training.main([*command, "--minutes", "0.1"]) == 0
    table = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row[0] for row in table[2:]] == ["| foundation", "| level", "| member-1"]
    steps = {row[0][2:]: int(row[1]) for row in table[2:]}
    for name, seed in (("foundation", 1), ("level", 1), ("member-1", 2)):
        config = json.loads((tmp_path / "out" / name / "config.json").read_text())
        (stage,) = config["stages"]
        assert (stage["seed"], stage["steps"]) == (seed, steps[name])
        assert config["network"]["far_pairs_as_contacts"]
        assert config["initial"] == (None if name == "foundation" else str(tmp_path / "out" / "foundation"))
        assert json.loads((tmp_path / "out" / name / "status.json").read_text())["status"] == "finished"
        assert (tmp_path / "out" / f"{name}.tar.gz").stat().st_size > 1000
