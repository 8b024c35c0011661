"""`virialff stability` writes a line a molecule and goes on with a file of the same settings."""

import json

import pytest

from tests.small_training import small_store
from tests.virialff.sample_models import change_card, make_model
from virialff.cli import main


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    folder = make_model(tmp_path_factory.mktemp("stability") / "model")
    change_card(folder, split={"seed": 7, "fractions": [0.5, 0.1, 0.4]})
    return str(folder)


@pytest.fixture(scope="module")
def labels(tmp_path_factory) -> str:
    return str(small_store(tmp_path_factory.mktemp("stability") / "labels.parquet", molecules=30, complexes=2))


def test_a_run_goes_on_where_it_ended(model, labels, tmp_path, capsys):
    output = tmp_path / "rows.jsonl"
    command = ["stability", model, "--labels", labels, "--output", str(output), "--molecules", "3"]
    command += ["--min-heavy", "3", "--picoseconds", "0.1"]
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "of 3 molecules keep their bonds in relaxation" in text
    assert "and in 0.1 ps at 300 K" in text
    lines = output.read_text().splitlines()
    assert len({json.loads(line)["key"] for line in lines}) == 3
    # Killed in the middle of the third line.
    output.write_text("\n".join(lines)[:-30])
    assert main(command) == 0
    again = output.read_text().splitlines()
    assert again[:2] == lines[:2]
    assert len(again) == 3
    assert json.loads(again[2])["key"] == json.loads(lines[2])["key"]
    capsys.readouterr()
    assert main([*command, "--temperature", "400"]) == 2
    assert "is of temperature 300.0 and this is of 400.0" in capsys.readouterr().err


def test_files_of_others_and_labels_without_such_molecules_are_refused(model, labels, tmp_path, capsys):
    other = tmp_path / "notes.jsonl"
    other.write_text('{"my": "notes"}\n')
    command = ["stability", model, "--labels", labels, "--molecules", "2"]
    assert main([*command, "--output", str(other)]) == 2
    assert "line 1, is no result of `virialff stability`" in capsys.readouterr().err
    assert other.read_text() == '{"my": "notes"}\n'
    assert main([*command, "--output", str(tmp_path / "rows.jsonl"), "--min-heavy", "200"]) == 2
    assert "hold no molecule of this size" in capsys.readouterr().err
