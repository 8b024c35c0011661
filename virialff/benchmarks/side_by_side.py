"""Models, GFN2-xTB and ANI side by side on data that none of the models was trained on: one report for all."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import virialff
from virialff.benchmarks.calibration import CalibrationResult, calibrate_model
from virialff.benchmarks.held_out import HeldOutComparison, run_held_out
from virialff.benchmarks.labelled import HeldOutSet, SplitRule, read_held_out
from virialff.benchmarks.physics import PhysicsResult, check_physics
from virialff.benchmarks.reference_data import load_references
from virialff.benchmarks.reference_energies import ReferenceComparison, compare_references
from virialff.engines import ENGINES, Engine, get_engine
from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.errors import ConfigError
from virialff.labels.splits import SPLITS
from virialff.models.card import side_by_side_table
from virialff.models.force_field import Model
from virialff.settings import ASSETS

#: Called as progress(what, done, in all); what it raises stops the run.
Progress = Callable[[str, int, int], None]
REFERENCES = ASSETS / "data" / "references.parquet"
LABELS = ASSETS / "data" / "dft.parquet"
_LEADING = ["set", "quantity", "sizes", "method"]


@dataclass(frozen=True, eq=False)
class SideBySide:
    """All that was measured; what was not is None or empty, and `notes` say why."""

    levels: Mapping[str, str]
    held_out: HeldOutComparison | None
    references: ReferenceComparison | None
    physics: Mapping[str, PhysicsResult] = field(default_factory=dict)
    calibration: Mapping[str, Mapping[str, CalibrationResult]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """One row a set, quantity (with unit), sizes or class, and method, then as `ErrorSummary.as_row`."""
        tables = []
        if self.held_out is not None and len(self.held_out.statistics):
            tables.append(self.held_out.statistics.assign(set=f"held out, {self.held_out.level_of_theory}"))
        if self.references is not None and len(self.references.statistics):
            tables.append(self.references.statistics)
        if not tables:
            return pd.DataFrame(columns=_LEADING)
        joined = pd.concat(tables, ignore_index=True)
        return joined[_LEADING + [name for name in joined.columns if name not in _LEADING]]

    def wide(self, statistic: str = "mae") -> pd.DataFrame:
        """`statistics` with a column a method, as `model_card.side_by_side_table`."""
        return side_by_side_table([{str(k): v for k, v in row.items()} for row in self._records()], statistic)

    def _records(self) -> list[dict[Any, Any]]:
        records: list[dict[Any, Any]] = self.statistics.to_dict("records")
        return records

    def as_dict(self) -> dict[str, Any]:
        """Plain values, also for a model card; no NaN."""
        pairs = self.references.base_pairs if self.references is not None else pd.DataFrame()
        return {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "virialff": virialff.__version__,
            "levels of theory": dict(self.levels),
            "errors": _plain(self.statistics.round(4).to_dict("records")),
            "base pairs, E_int (kcal/mol)": _plain(pairs.round(3).to_dict("records")),
            "physics": _plain({name: result.as_dict() for name, result in self.physics.items()}),
            "calibration": {
                name: {quantity: result.as_dict() for quantity, result in results.items()}
                for name, results in self.calibration.items()
                if results
            },
            "notes": list(self.notes),
        }


def evaluate_models(
    models: Mapping[str, Model],
    *,
    labels: Path | None = LABELS,
    level_of_theory: str = LEVEL_OF_THEORY,
    references: Path | None = REFERENCES,
    engines: Sequence[str] = ENGINES,
    physics: bool = True,
    max_molecules: int | None = None,
    progress: Progress | None = None,
) -> SideBySide:
    """Measure models and, beside them, engines.

    labels: store or file whose test part is used: the part that the split of every model's card leaves out. None for
    none. references: store or file of reference energies of the evaluation sets. An engine that cannot compute here is
    left out with its reason in the notes. max_molecules: of the labels.

    Raises ConfigError for a model whose card does not tell its split and for labels without this level, StoreError.
    """
    notes: list[str] = []
    usable: dict[str, Engine] = {}
    for name in engines:
        engine = get_engine(name)
        reason = engine.available()
        if reason is None:
            # What it loads, or fetches, on first use decides what it calls itself.
            engine.atomic_energies(np.array([1]))
            usable[engine.level] = engine
        else:
            notes.append(f"{name} is left out: {reason}")
    levels = {name: model.level_of_theory for name, model in models.items()} | {name: name for name in usable}
    comparison = None
    calibration: dict[str, dict[str, CalibrationResult]] = {}
    if labels is not None:
        rules = [split_rule(name, model.card) for name, model in models.items()]
        held_out = read_held_out(labels, level_of_theory, rules, max_molecules=max_molecules)
        report = None if progress is None else (lambda done, total: progress("held-out labels", done, total))
        comparison = run_held_out({**models, **usable}, held_out, progress=report)
        notes += _held_out_notes(held_out, comparison)
        for name, model in models.items():
            calibration[name] = calibrate_model(model, held_out)
    measured = None
    if references is not None:
        store = load_references(references)
        measured = compare_references(models, store)
        notes += [f"{name} failed at {level}: {reason}" for name, level, reason in store.failures]
    checks = {}
    for position, (name, model) in enumerate(models.items() if physics else ()):
        if progress is not None:
            progress("checks of the parameters", position, len(models))
        checks[name] = check_physics(model)
        notes += [f"not checked of {name}: {reason}" for reason in checks[name].not_checked]
    return SideBySide(levels, comparison, measured, checks, calibration, tuple(notes))


def split_rule(name: str, card: Mapping[str, Any]) -> SplitRule:
    """How the data of a model were divided, from its card. Raises ConfigError where the card does not say it."""
    split = card.get("split")
    fractions = split.get("fractions") if isinstance(split, dict) else None
    seed = split.get("seed") if isinstance(split, dict) else None
    if not isinstance(seed, int) or not isinstance(fractions, list) or len(fractions) != len(SPLITS):
        raise ConfigError(
            f"the card of the model {name} does not say how its data were split, so what it never saw is not known: "
            "evaluate it without labels"
        )
    return SplitRule(seed, (float(fractions[0]), float(fractions[1]), float(fractions[2])))


def _held_out_notes(held_out: HeldOutSet, comparison: HeldOutComparison) -> list[str]:
    sizes = [molecule.n_heavy for molecule in held_out.molecules]
    span = f", of {min(sizes)} to {max(sizes)} heavy atoms" if sizes else ""
    notes = [
        f"held out at {held_out.level_of_theory}: {len(sizes)} molecules{span}, {len(held_out.complexes)} complexes; "
        f"molecules for training have up to {held_out.largest_training} heavy atoms"
    ]
    notes += [
        f"total energies of {name} are shifted by a constant an element, fitted to {n} training molecules"
        for name, n in comparison.shifts.items()
        if (name, 0) not in comparison.reasons
    ]
    for name in comparison.methods:
        whole = comparison.reasons.get((name, 0))
        if whole:
            notes.append(whole)
        left_out = [reason for (method, number), reason in comparison.reasons.items() if method == name and number]
        if left_out:
            notes.append(f"{name} left out {len(left_out)} molecules, the first because {left_out[0]}")
    return notes


def _plain(value: Any) -> Any:
    """The same with NaN as None and numpy's numbers as Python's."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
