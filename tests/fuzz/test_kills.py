"""A few kills at random moments, as `python -m tests.fuzz.kills` does many, and that it sees a difference."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fuzz.kills import Different, kill, killed, same_losses
from virialff.settings import MODELS_VARIABLE, RUNS_VARIABLE


@pytest.mark.slow
def test_kills_at_random_moments_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (MODELS_VARIABLE, RUNS_VARIABLE):  # put back afterwards
        monkeypatch.setenv(variable, str(tmp_path))
    ends = kill(["registry", "labelling"], 5, seed=1, folder=tmp_path, say=lambda line: None)
    assert ends == {"registry": "same after 2 kills", "labelling": "same after 3 kills"}


def test_what_differs_is_said() -> None:
    rows = [{"step": 5, "train_energy": 1.5}, {"step": 10, "train_energy": 1.0}]
    same_losses(rows, [dict(row) for row in rows])
    with pytest.raises(Different, match="metrics of the steps"):
        same_losses(rows, rows[:1])
    with pytest.raises(Different, match=r"step 10: train_energy is 1\.1, not 1\.0"):
        same_losses(rows, [rows[0], {"step": 10, "train_energy": 1.1}])
    with pytest.raises(Different, match="failed by itself with exit code 3"):
        killed(lambda: sys.exit(3), 60.0)
