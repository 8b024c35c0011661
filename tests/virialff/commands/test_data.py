"""`virialff data info`, `check` and `merge`, as they are typed."""

from __future__ import annotations

import dataclasses
import json

import pytest

from tests.virialff.labels.sample_labels import sample_label, sample_task
from virialff.cli import main
from virialff.labels.store import LabelStore
from virialff.labels.summary import summarise


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    with LabelStore(folder).writer("a") as writer:
        writer.append(sample_task("first"))
        rows = [sample_label("second", 0, kind="minimum", detail="minimum_gfn2", forces=None)]
        rows.append(sample_label("second", 1, failure="no minimum after 60 steps", positions=None))
        rows.append(sample_label("second", 2, failure="no minimum after 120 steps", positions=None))
        writer.append(rows)
        writer.append([dataclasses.replace(sample_label("third", 0), level_of_theory="another", kinetic_atoms=None)])
    return folder


def test_info_counts_by_level_kind_element_and_failure(store, capsys):
    assert main(["data", "info", str(store)]) == 0
    text = capsys.readouterr().out
    lines = {" ".join(line.split()) for line in text.splitlines()}
    assert {
        "another",
        "made up",
        "3 rows of 1 molecule or complex in 2 tasks, 3 failed, 0.0 hours",
        "2 rows with forces, 3 with kinetic-energy terms",
        "kind minimum 1, displaced 2",
        "detail displaced 2, minimum_gfn2 1",
        "source test 3",
        "element H 3, C 3",
        "failed 2 no minimum after # steps",
        "failed 1 the SCF did not converge",
        "1 row with forces, 0 with kinetic-energy terms",
    } <= lines
    assert main(["data", "info", str(store), "--json"]) == 0
    (facts,) = json.loads(capsys.readouterr().out)["stores"]
    assert [level["level_of_theory"] for level in facts["levels"]] == ["another", "made up"]
    assert facts["levels"][1]["atoms"] == {"C": 6, "H": 12}
    assert facts["levels"][1]["hours"] == pytest.approx((0.5 + 1.5 + 2.5) * 2 / 3600)


def test_a_summary_is_a_table(store):
    table = summarise(store).table()
    assert table.to_dict("records") == [
        {"level of theory": "another", "kind": "displaced", "rows": 1},
        {"level of theory": "made up", "kind": "displaced", "rows": 2},
        {"level of theory": "made up", "kind": "minimum", "rows": 1},
    ]


def test_check_names_file_and_row_and_fails(store, tmp_path, capsys):
    assert main(["data", "check", str(store)]) == 1
    printed = capsys.readouterr()
    assert "7 rows in 1 file" in printed.out
    # The samples are made up, and -E/T of them shows it.
    assert f"virialff: {store}/a.journal, row 1 (first/0): it has kinetic-energy terms" in printed.err
    sound = tmp_path / "sound"
    with LabelStore(sound).writer("a") as writer:
        writer.append([sample_label("a", 0, failure="it failed", positions=None)])
        writer.finish()
    assert main(["data", "check", str(sound)]) == 0
    assert capsys.readouterr().out == f"{sound}: 1 row in 1 file, 0 problems\n"
    file = sound / "a.parquet"
    file.write_bytes(file.read_bytes()[:-30])
    assert main(["data", "check", str(sound)]) == 1
    assert f"The label file {file} is damaged" in capsys.readouterr().err


def test_merge_writes_one_file(store, tmp_path, capsys):
    target = tmp_path / "all.parquet"
    assert main(["data", "merge", str(store), str(store), "--output", str(target), "--quantise"]) == 0
    assert "7 rows in one file, 0.0 MB, 7 repeated rows left out" in capsys.readouterr().out
    assert len(list(LabelStore(target).labels())) == 7
    assert main(["data", "merge", str(store), "--output", str(target)]) == 3
    assert "exists already" in capsys.readouterr().err


def test_nothing_there_is_one_sentence(tmp_path, capsys):
    for action in ("info", "check"):
        assert main(["data", action, str(tmp_path / "nowhere")]) == 3
        assert "virialff: There is no label store at" in capsys.readouterr().err
