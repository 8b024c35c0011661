"""The labels in assets/data: whole, plausible, as many as the data card says, and free of the evaluation sets."""

import subprocess
import sys
from pathlib import Path

import pytest

from virialff.labels.check import check
from virialff.labels.evaluation_sets import evaluation_reason
from virialff.labels.store import LabelStore

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "assets" / "data"
#: What models are trained on; the first is too large to be checked here.
TRAINING = [
    *("gfn2", "gfn2_pushed", "gfn2_small", "gfn2_torsions", "gfn2_torsions_2", "gfn2_torsions_3"),
    "gfn2_torsions_4",
    *("gfn2_contacts", "gfn2_flexible", "gfn2_relaxed", "gfn2_relaxed_2", "gfn2_relaxed_3"),
    "gfn2_chembl",
    *("dft", "dft_torsions", "dft_contacts", "dft_conformers", "qmugs"),
]
COLUMNS = ["task", "inchikeys", "kind", "detail", "failure"]


@pytest.fixture(scope="module")
def rows():
    """Per file: (task, inchikeys, kind, detail) of every row with a label."""
    return {
        path.stem: [
            row
            for table in LabelStore(path).tables(COLUMNS)
            for row in zip(*(table[name].to_pylist() for name in COLUMNS), strict=True)
            if row[4] is None
        ]
        for path in sorted(DATA.glob("*.parquet"))
    }


def test_the_gfn2_campaign_is_whole(rows):
    molecules = [row for row in rows["gfn2"] if row[2] != "complex"]
    assert len({row[0] for row in molecules}) >= 10_000
    assert len(molecules) >= 60_000
    assert len({row[0] for row in molecules if row[3] == "minimum_gfn2"}) >= 3_000
    assert len({row[0] for row in rows["gfn2"] if row[2] == "complex"}) >= 10_000


def test_no_task_is_in_two_files(rows):
    held = [{row[0] for row in part} for part in rows.values()]
    assert len(set().union(*held)) == sum(map(len, held))


@pytest.mark.parametrize("name", TRAINING)
def test_nothing_to_train_on_is_kept_for_evaluation(rows, name):
    for keys in {tuple(row[1]) for row in rows[name]}:
        assert evaluation_reason(keys) is None, keys


def test_the_references_are_of_the_evaluation_sets(rows):
    complexes = {tuple(row[1]) for row in rows["references"] if row[2] == "complex"}
    assert complexes
    assert all(evaluation_reason(keys) for keys in complexes)


@pytest.mark.parametrize("name", [*TRAINING[1:], "references"])
def test_every_row_passes_the_check(name):
    result = check(DATA / f"{name}.parquet")
    assert list(result.problems) == []


def test_the_card_is_that_of_the_files():
    run = subprocess.run(
        [sys.executable, "-m", "scripts.data_card", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
