"""`virialff evaluate` on the shipped model: JSON that can be read anywhere, and text with intervals."""

import json
import shutil

import pyarrow as pa
import pytest

from tests.small_training import small_store
from tests.virialff.sample_models import change_card, make_ensemble
from virialff.cli import main
from virialff.documents import read_object
from virialff.labels.store import LabelStore, write_parquet
from virialff.settings import ASSETS


@pytest.mark.usefixtures("psi4_data")
def test_models_beside_engines(tmp_path, capsys):
    ensemble = make_ensemble(tmp_path / "ensemble")
    change_card(ensemble, split={"seed": 7, "fractions": [0.5, 0.1, 0.4]})
    labels = small_store(tmp_path / "labels.parquet", molecules=30, complexes=10)
    table = next(iter(LabelStore(ASSETS / "data" / "references.parquet").tables()))
    wanted = {f"dimer/S66-{index}-vertical" for index in (1, 2, 3)}
    dimers = table.filter(pa.array([task in wanted for task in table["task"].to_pylist()]))
    write_parquet(tmp_path / "references.parquet", [dimers])
    command = [
        "evaluate",
        str(ensemble),
        "--labels",
        str(labels),
        "--level",
        "GFN2-xTB",
        "--no-physics",
        "--no-own-sets",
    ]
    command += ["--references", str(tmp_path / "references.parquet"), "--output", str(tmp_path / "report.json")]
    assert main(command) == 0
    text = capsys.readouterr().out
    report = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    methods = {row["method"] for row in report["errors"]}
    assert {str(ensemble), "GFN2-xTB", "wB97X-D/def2-SVP"} <= methods
    s66 = [
        row for row in report["errors"] if row["set"] == "S66 vertical against CCSD(T)/CBS" and row["sizes"] == "all"
    ]
    assert {row["n_values"] for row in s66} == {3}
    held_out = [row for row in report["errors"] if row["set"] == "held out, GFN2-xTB"]
    assert held_out
    assert "GFN2-xTB" not in {row["method"] for row in held_out}, "labels are not held against themselves"
    assert "total energy" in report["calibration"][str(ensemble)]
    assert "mean absolute errors (95 % interval)" in text
    assert "error over spread" in text
    assert any(note.startswith("held out at GFN2-xTB: ") for note in report["notes"])


def test_what_cannot_be_evaluated_is_one_sentence(tmp_path, capsys):
    ensemble = make_ensemble(tmp_path / "ensemble", 0)
    card = read_object(ensemble / "card.json")
    (ensemble / "card.json").write_text(json.dumps(card | {"split": "at random"}))
    assert main(["evaluate", str(ensemble)]) == 2
    assert "does not say how its data were split" in capsys.readouterr().err
    assert main(["evaluate", "default", "--output", str(tmp_path / "nowhere" / "report.json")]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_one_part_alone_is_measured_and_kept_in_the_card(tmp_path, capsys):
    folder = tmp_path / "model"
    shutil.copytree(ASSETS / "models" / "foundation-gfn2", folder)
    before = read_object(folder / "card.json")
    command = ["evaluate", str(folder), "--only", "conformers", "--card", "--output", str(tmp_path / "report.json")]
    assert main(command) == 0
    text = capsys.readouterr().out
    assert text.startswith("own test sets (95 % interval)")
    assert "rank correlation of Spearman, median" in text
    report = json.loads((tmp_path / "report.json").read_text(), parse_constant=pytest.fail)
    assert report["errors"] == []
    assert {row["set"] for row in report["own test sets"]} == {"conformers, GFN2-xTB"}
    after = read_object(folder / "card.json")
    beside = after["metrics"]["side by side"]
    assert beside["own test sets"] == report["own test sets"]
    assert beside["parameters, sha256"] == {str(folder): after["sha256"]}
    written = {"own test sets", "named molecules", "parameters, sha256"}
    kept = {key: value for key, value in before["metrics"]["side by side"].items() if key not in written}
    assert {key: value for key, value in beside.items() if key not in written} == kept
    assert {**after, "metrics": None} == {**before, "metrics": None}
