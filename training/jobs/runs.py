"""Runs side by side: which there are, their metrics as tables, speed."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from training.loop.metrics import METRICS_FILE, read_metrics
from virialff.errors import ConfigError, DocumentError
from virialff.files import as_name, name_problem
from virialff.settings import runs_folder

#: Steps of the metrics over which the present speed is measured.
_RECENT = 5
_JOBS = "jobs"


@dataclass(frozen=True)
class Speed:
    """How fast a run trains."""

    steps_per_second: float
    recent_steps_per_second: float  #: over the last lines of metrics


def runs_with_metrics() -> list[Path]:
    """Run folders in `runs_folder()` that have metrics, by name, those of trainings in a shell too."""
    return sorted(path.parent for path in runs_folder().glob(f"*/{METRICS_FILE}"))


def metrics_table(run: Path) -> pd.DataFrame:
    """A row a step with metrics: step, stage, seconds, learning_rate, train_* and validation_* as the run wrote them.

    Losses are mean absolute errors in kcal/mol, kcal/mol/Angstrom for forces and e Angstrom for dipoles.
    """
    return pd.DataFrame(read_metrics(run))


def speed_of(run: Path) -> Speed | None:
    """Steps a second, None before the second line of metrics."""
    try:
        rows = [row for row in read_metrics(run) if row.get("seconds", 0) > 0]
    except DocumentError:
        return None  # `metrics_table` says why.
    if len(rows) < 2:
        return None
    first, last = rows[max(0, len(rows) - 1 - _RECENT)], rows[-1]
    seconds = last["seconds"] - first["seconds"]
    recent = (last["step"] - first["step"]) / seconds if seconds > 0 else 0.0
    return Speed(last["step"] / last["seconds"], recent)


def check_run_name(name: str) -> None:
    """Raise ConfigError where no run of `runs_folder()` can have this name."""
    if (problem := name_problem(name, "run")) is not None:
        raise ConfigError(problem)
    if name == _JOBS:
        raise ConfigError(f"{name!r} is where the records of the jobs are; give the run another name")


def free_run_name(name: str) -> str:
    """The name, or with a number behind it if `runs_folder()` has a run or a job of it."""
    place = runs_folder()
    taken = {path.name for path in place.glob("*")} | {path.name for path in (place / _JOBS).glob("*")} | {_JOBS}
    name = as_name(name, "run")
    if name not in taken:
        return name
    stem, _, number = name.rpartition("-")
    base = stem if stem and number.isdecimal() else name
    return next(f"{base}-{n}" for n in range(2, len(taken) + 3) if f"{base}-{n}" not in taken)
