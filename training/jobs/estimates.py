"""How long a training will take, and what memory: said before it starts, with what the figures rest on.

In this order: what was measured of this very recipe here, a run of these settings in the folder of the runs, and what
was recorded with virialff by `python -m training.studies.speed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.jobs.runs import runs_with_metrics, speed_of
from virialff.documents import read_object
from virialff.errors import VirialffError
from virialff.settings import ASSETS

if TYPE_CHECKING:
    from training.loop.speed import Cost

RECORDED = ASSETS / "studies" / "training_speed.json"
#: Of a stage, what does not change how long a step takes.
_FREE = frozenset(
    {
        *("name", "steps", "seed", "optimizer", "learning_rate", "warmup_steps", "schedule", "decay", "decay_steps"),
        *("average_decay", "gradient_norm", "validate_every", "checkpoint_seconds", "explosion", "coordinate_noise"),
    }
)


@dataclass(frozen=True)
class Estimate:
    """Of the training loop; the labels are read before it."""

    seconds: float
    steps: int
    steps_per_second: float
    memory_bytes: int | None
    source: str  #: what it rests on, as the end of a sentence
    with_validation: bool = True  #: whether validation was measured too

    @property
    def basis(self) -> str:
        """The source, and what it leaves out."""
        return self.source if self.with_validation else f"{self.source}, without validation"


def estimate(values: Mapping[str, Any], recorded_as: str, measured: Cost | None = None) -> Estimate | None:
    """Of a recipe by its values (`recipe_values`); None where nothing is known of anything like it.

    recorded_as: its entry in RECORDED. measured: of this very recipe on this machine.
    """
    steps = sum(int(stage["steps"]) for stage in _stages(values))
    memory = _recorded().get(recorded_as, {}).get("memory_bytes")
    if measured is not None:
        rate = measured.steps_per_second
        source = "as measured on this machine just now"
        return Estimate(steps / rate, steps, rate, measured.memory_bytes, source, with_validation=False)
    for run in runs_with_metrics()[::-1]:
        speed = speed_of(run)
        if speed is not None and speed.steps_per_second > 0 and _alike(run, values):
            rate = speed.steps_per_second
            return Estimate(steps / rate, steps, rate, memory, f"as the run {run.name} of these settings went here")
    entry = _recorded().get(recorded_as)
    if not entry:
        return None
    rate = float(entry["steps_per_second"])
    source = f"as recorded on one thread of an {entry['processor']}"
    return Estimate(steps / rate, steps, rate, memory, source, bool(entry.get("with_validation")))


def _stages(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return values.get("stages") or [values["optimization"]]


def _recorded() -> Mapping[str, Any]:
    return read_object(RECORDED).get("trainings", {}) if RECORDED.is_file() else {}


def _alike(run: Path, values: Mapping[str, Any]) -> bool:
    """Whether a run had the same network, batches and losses."""
    try:
        other = read_object(run / "recipe.json")
    except (VirialffError, OSError):
        return False  # `metrics_table` says what is wrong with it where it is shown.
    return _costly(other) == _costly(values)


def _costly(values: Mapping[str, Any]) -> Any:
    stages = values.get("stages") or [values.get("optimization") or {}]
    return (
        values.get("network"),
        bool(values.get("companion")),
        [{name: value for name, value in _plain(stage).items() if name not in _FREE} for stage in stages],
    )


def _plain(stage: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in stage.items()}
