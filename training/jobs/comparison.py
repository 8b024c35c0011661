"""Runs side by side: the settings in which they differ, and their errors."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from training.loop.metrics import read_metrics
from virialff.documents import read_object
from virialff.errors import VirialffError

_NOT_THERE = "not known"
_VALIDATION = "validation_"


def differing_settings(runs: Sequence[Path]) -> pd.DataFrame:
    """The settings that are not the same in all of these runs: a row a setting, a column a run, values as text.

    Of one stage its settings have their own names; of several that of the stage stands before them.
    """
    settings = {run.name: _settings(run) for run in runs}
    names = dict.fromkeys(name for values in settings.values() for name in values)
    rows = {name: [values.get(name, _NOT_THERE) for values in settings.values()] for name in names}
    different = {name: values for name, values in rows.items() if len(set(values)) > 1}
    table = pd.DataFrame.from_dict(different, orient="index", columns=list(settings), dtype=object)
    table.index.name = "setting"
    return table.reset_index()


def errors_table(runs: Sequence[Path]) -> pd.DataFrame:
    """A row a run: its last step, seconds of training, and its last errors on validation (kcal/mol and the like).

    Errors are named as in the metrics, without `validation_`. Raises DocumentError for damaged metrics.
    """
    rows = []
    for run in runs:
        last = next(iter(read_metrics(run)[-1:]), {})
        errors = {name: value for name, value in last.items() if name.startswith(_VALIDATION)}
        rows.append(
            {"run": run.name, "step": last.get("step"), "seconds": last.get("seconds")}
            | {name.removeprefix(_VALIDATION): value for name, value in errors.items()}
        )
    return pd.DataFrame(rows)


def _settings(run: Path) -> dict[str, str]:
    """All settings of a run as text by name: what it was started with (config.json), data and level of its recipe."""
    try:
        config = read_object(run / "config.json")
        recipe = read_object(run / "recipe.json") if (run / "recipe.json").exists() else {}
    except (VirialffError, OSError):
        return {}
    stages = config.get("stages") or []
    parts: dict[str, Any] = {"level_of_theory": recipe.get("level_of_theory"), "initial": config.get("initial")}
    parts |= {f"data: {name}": value for name, value in _mapping(recipe.get("data")).items()}
    companion = _mapping(recipe.get("companion"))
    parts |= {f"companion: {name}": value for name, value in companion.items()}
    for stage in map(_mapping, stages):
        before = "" if len(stages) == 1 else f"{stage.get('name')}: "
        parts |= {f"{before}{name}": value for name, value in stage.items()}
    parts |= _mapping(config.get("network"))
    return {name: _text(value) for name, value in parts.items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(part) for part in value)
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
