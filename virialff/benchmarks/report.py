"""What is measured of models: side by side with GFN2-xTB and ANI on data that none of them was trained on, and the rest
of what a model card says.
"""

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
from virialff.benchmarks.calibration import CalibrationResult
from virialff.benchmarks.conformers import ConformerResult, compare_conformers, compare_stored, conformer_set
from virialff.benchmarks.held_out import HeldOutComparison, HeldOutSet, SplitRule, read_held_out, run_held_out
from virialff.benchmarks.named import NamedResult, check_named, named_table
from virialff.benchmarks.noncovalent import (
    BASE_PAIRS,
    REPORTED,
    S66,
    S66X8,
    InteractionResult,
    run,
    run_reported,
)
from virialff.benchmarks.own_sets import OwnSets, measure_sets
from virialff.benchmarks.physics import PhysicsResult, check_physics
from virialff.benchmarks.reference_data import REFERENCES, References, load_references
from virialff.documents import json_text
from virialff.engines import ENGINES, Engine, get_engine
from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.errors import EvaluationSetError
from virialff.methods.method import MODEL
from virialff.models.card import side_by_side_table
from virialff.models.force_field import Model
from virialff.settings import ASSETS
from virialff.text import counted
from virialff.units import KCAL_MOL

#: Called as progress(what, done, in all); what it raises stops the run.
Progress = Callable[[str, int, int], None]
LABELS = ASSETS / "data" / "dft.parquet"
#: Keys of a card's comparison: figures of our own test sets, the named molecules, and of which parameters they are.
OWN_SETS, NAMED, SHA256 = "own test sets", "named molecules", "parameters, sha256"
_LEADING = ["set", "quantity", "sizes", "method"]
#: The quantities of a ConformerResult by their zero.
_CONFORMER_ZEROS = {
    "reference": f"above the lowest conformer by {LEVEL_OF_THEORY}, that one left out (kcal/mol)",
    "own": "above each method's own lowest conformer (kcal/mol)",
}


@dataclass(frozen=True, eq=False)
class SideBySide:
    """All that was measured; what was not is None or empty, and `notes` say why.

    interactions: by the name of the set, see `noncovalent.REPORTED`; conformers: minima of the conformer set; own_sets:
    our own test sets; named: the molecules that a chemist looks at first. sha256: of each model's parameters.
    """

    levels: Mapping[str, str]
    held_out: HeldOutComparison | None = None
    interactions: Mapping[str, InteractionResult] = field(default_factory=dict)
    conformers: ConformerResult | None = None
    physics: Mapping[str, PhysicsResult] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    own_sets: OwnSets = field(default_factory=OwnSets)
    named: NamedResult = field(default_factory=NamedResult)
    sha256: Mapping[str, str] = field(default_factory=dict)

    @property
    def calibration(self) -> Mapping[str, Mapping[str, CalibrationResult]]:
        """Of each model with members, spread against error by quantity."""
        return {} if self.held_out is None else self.held_out.calibration

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """One row a set, quantity (with unit), sizes or class, and method, then as `ErrorSummary.as_row`."""
        tables = []
        if self.held_out is not None and len(self.held_out.statistics):
            tables.append(self.held_out.statistics.assign(set=f"held out, {self.held_out.level_of_theory}"))
        for entry in REPORTED:
            if entry.statistic == "errors" and entry.name in self.interactions:
                found = self.interactions[entry.name].statistics.rename(columns={"category": "sizes"})
                tables.append(found.assign(set=entry.name, quantity="E_int (kcal/mol)"))
        if self.conformers is not None:
            found = self.conformers.statistics.rename(columns={"zero": "quantity"})
            tables.append(
                found.assign(quantity=found["quantity"].map(_CONFORMER_ZEROS), set="conformer set", sizes="all")
            )
        if not tables:
            return pd.DataFrame(columns=_LEADING)
        joined = pd.concat(tables, ignore_index=True)
        return joined[_LEADING + [name for name in joined.columns if name not in _LEADING]]

    @property
    def base_pairs(self) -> pd.DataFrame:
        """One row a pair and geometry: pair, geometry, set, then E_int of every method in kcal/mol."""
        tables = []
        for entry in REPORTED:
            if entry.statistic == "values" and entry.name in self.interactions:
                result = self.interactions[entry.name]
                table = result.table.rename(columns={"category": "pair", "reference": entry.level})
                tables.append(table[["pair", "set", entry.level, *result.methods]].assign(geometry=entry.geometry))
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def wide(self, statistic: str = "mae") -> pd.DataFrame:
        """`statistics` with a column a method, as `model_card.side_by_side_table`."""
        return side_by_side_table([{str(k): v for k, v in row.items()} for row in self._records()], statistic)

    def own_sets_table(self) -> pd.DataFrame:
        """The figures of our own test sets, with a column a method."""
        return side_by_side_table(self.own_sets.rows, "value")

    def named_table(self) -> pd.DataFrame:
        """The named molecules, with a column a method."""
        return named_table(self.named.as_records())

    def _records(self) -> list[dict[Any, Any]]:
        records: list[dict[Any, Any]] = self.statistics.to_dict("records")
        return records

    def as_dict(self) -> dict[str, Any]:
        """Plain values, also for a model card; no NaN."""
        return {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "virialff": virialff.__version__,
            "levels of theory": dict(self.levels),
            "errors": _plain(self.statistics.round(4).to_dict("records")),
            "base pairs, E_int (kcal/mol)": _plain(self.base_pairs.round(3).to_dict("records")),
            "physics": _plain({name: result.as_dict() for name, result in self.physics.items()}),
            "calibration": {
                name: {quantity: result.as_dict() for quantity, result in results.items()}
                for name, results in self.calibration.items()
            },
            OWN_SETS: _plain([_rounded(row) for row in self.own_sets.rows]),
            NAMED: self.named.as_records(),
            SHA256: dict(self.sha256),
            "notes": list(self.notes),
        }


def evaluation_json(report: SideBySide) -> str:
    """The report as a JSON document, in the words of all of them."""
    content = report.as_dict()
    levels = content.pop("levels of theory")
    methods = {"methods": {name: {"level_of_theory": level} for name, level in levels.items()}}
    units = {"units": {"energy": KCAL_MOL.name}}
    pairs = {"base_pairs": content.pop("base pairs, E_int (kcal/mol)")}
    return json_text("evaluation", methods | units | pairs | content, indent=1)


def evaluate_models(
    models: Mapping[str, Model],
    *,
    labels: Path | None = LABELS,
    level_of_theory: str = LEVEL_OF_THEORY,
    references: Path | None = REFERENCES,
    engines: Sequence[str] = ENGINES,
    physics: bool = True,
    max_molecules: int | None = None,
    own_sets: Sequence[str] = (),
    named: bool = False,
    progress: Progress | None = None,
) -> SideBySide:
    """Measure models and, beside them, engines.

    labels: store or file whose test part is used: the part that the split of every model's card leaves out. None for
    none. references: store or file of reference energies of the evaluation sets. An engine that cannot compute here is
    left out with its reason in the notes. max_molecules: of the labels, and of each of our own test sets. own_sets:
    names of `own_sets.SETS`; named: whether to ask the questions of `named.QUESTIONS`.

    Raises ConfigError for a model whose card does not tell its split and for labels without this level, StoreError.
    """
    usable, notes = _usable(engines)
    levels = {name: model.level_of_theory for name, model in models.items()} | {name: name for name in usable}
    comparison = None
    if labels is not None:
        rules = [SplitRule.of_card(name, model.card) for name, model in models.items()]
        held_out = read_held_out(labels, level_of_theory, rules, max_molecules=max_molecules)
        report = None if progress is None else (lambda done, total: progress("held-out labels", done, total))
        comparison = run_held_out(models, held_out, usable, progress=report)
        notes += _held_out_notes(held_out, comparison)
    store = References((), (), ()) if references is None else load_references(references)
    interactions = run_reported(models, store)
    notes += [f"{name} failed at {level}: {reason}" for name, level, reason in store.failures]
    for name, result in interactions.items():
        notes += _left_out(result.reasons, f"complexes ({name})")
    checks = {}
    for position, (name, model) in enumerate(models.items() if physics else ()):
        if progress is not None:
            progress("checks of the parameters", position, len(models))
        checks[name] = check_physics(model)
        notes += [f"not checked of {name}: {reason}" for reason in checks[name].not_checked]
    own = measure_sets(models, own_sets, max_molecules=max_molecules, progress=progress) if own_sets else OwnSets()
    tell = None if progress is None else (lambda done, total: progress("named molecules", done, total))
    asked = check_named(models, progress=tell) if named else NamedResult()
    notes += [f"{name} has no value for {what}: {reason}" for (name, what), reason in asked.reasons.items()]
    return SideBySide(
        levels,
        comparison,
        interactions,
        compare_stored(store, LEVEL_OF_THEORY, models),
        checks,
        tuple(notes),
        own,
        asked,
        {name: model.sha256 for name, model in models.items()},
    )


def card_metrics(model: Model, physics: PhysicsResult) -> dict[str, Any]:
    """What the card of a model says besides `SideBySide`: conformers against GFN2-xTB, and complexes.

    physics: the model's checks. Without psi4-data the complexes are a sentence that says so.
    """
    conformers = compare_conformers(conformer_set(), get_engine("gfn2"), {MODEL: model})
    metrics: dict[str, Any] = {
        "conformer set against GFN2-xTB": {
            "above the lowest conformer by GFN2-xTB (kcal/mol)": conformers.summary(MODEL, "reference").as_row(),
            "above each method's own lowest conformer (kcal/mol)": conformers.summary(MODEL, "own").as_row(),
        }
    }
    usable, _ = _usable(ENGINES)
    try:
        s66 = run(S66, {MODEL: model, **usable})
        s66x8, pairs = (run(entry, {MODEL: model}) for entry in (S66X8, BASE_PAIRS))
    except EvaluationSetError as error:
        return metrics | {"interactions": f"not measured: {error}"}
    metrics["interactions"] = {
        "s66 vertical against CCSD(T)/CBS (kcal/mol)": _by_category(s66),
        "s66x8 vertical against CCSD(T)/CBS (kcal/mol)": _by_category(s66x8),
        "base pairs vertical (kcal/mol)": _plain(
            pairs.table[["category", "set", "reference", MODEL]]
            .rename(columns={"category": "pair", "set": "geometry"})
            .to_dict("records")
        ),
        "dimers": [
            {
                "dimer": check.name,
                "distance (Angstrom)": check.distance,
                "well depth (kcal/mol)": check.well_depth,
                "E_int at 10 Angstrom (kcal/mol)": check.long_range,
                "further wells": check.n_bumps,
                "holds": check.holds,
            }
            for check in physics.dimers
        ],
        "S66 dimers bound more strongly behind the wall": list(physics.collapsing),
    }
    metrics["S66 by other methods (kcal/mol)"] = {level: s66.summary(level).as_row() for level in usable}
    return metrics


def _by_category(result: InteractionResult) -> dict[str, Any]:
    """Statistics of the model by class of complexes."""
    rows = result.statistics.round(4).to_dict("records")
    return {row.pop("category"): row for row in _plain(rows) if row.pop("method") == MODEL}


def _usable(engines: Sequence[str]) -> tuple[dict[str, Engine], list[str]]:
    """Engines by their level of theory, and sentences on those that cannot compute here."""
    usable: dict[str, Engine] = {}
    notes: list[str] = []
    for name in engines:
        engine = get_engine(name)
        reason = engine.available()
        if reason is None:
            # What it loads, or fetches, on first use decides what it calls itself.
            engine.atomic_energies(np.array([1]))
            usable[engine.level] = engine
        else:
            notes.append(f"{name} is left out: {reason}")
    return usable, notes


def _held_out_notes(held_out: HeldOutSet, comparison: HeldOutComparison) -> list[str]:
    sizes = [molecule.n_heavy for molecule in held_out.molecules]
    span = f", of {min(sizes)} to {max(sizes)} heavy atoms" if sizes else ""
    notes = [
        f"held out at {held_out.level_of_theory}: {counted(len(sizes), 'molecule')}{span}, "
        f"{counted(len(held_out.complexes), 'complex', 'complexes')}; "
        f"molecules for training have up to {held_out.largest_training} heavy atoms"
    ]
    notes += [
        f"total energies of {name} are shifted by a constant an element, fitted to {n} training molecules"
        for name, n in comparison.shifts.items()
        if (name, 0) not in comparison.reasons
    ]
    notes += [reason for (_, number), reason in comparison.reasons.items() if not number]
    return notes + _left_out({key: reason for key, reason in comparison.reasons.items() if key[1]}, "molecules")


def _left_out(reasons: Mapping[tuple[str, int], str], what: str) -> list[str]:
    """One sentence a method."""
    by_method: dict[str, list[str]] = {}
    for (method, _), reason in reasons.items():
        by_method.setdefault(method, []).append(reason)
    return [f"{name} left out {len(found)} {what}, the first because {found[0]}" for name, found in by_method.items()]


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}


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
