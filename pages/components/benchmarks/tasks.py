"""What the page Benchmarks computes in worker processes. Imports no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pages.components.shell.worker import Report
from virialff.benchmarks.own_sets import SETS
from virialff.benchmarks.report import SideBySide, evaluate_models
from virialff.models.registry import load_model


def evaluate(
    report: Report,
    names: Sequence[str],
    labels: str | None,
    level_of_theory: str,
    references: str | None,
    engines: Sequence[str],
    physics: bool,
    max_molecules: int | None,
    own_sets: bool,
) -> SideBySide:
    """`evaluate_models` of registered models by their names."""
    report(0, 0, "loading the models")
    return evaluate_models(
        {name: load_model(name) for name in names},
        labels=None if labels is None else Path(labels),
        level_of_theory=level_of_theory,
        references=None if references is None else Path(references),
        engines=tuple(engines),
        physics=physics,
        max_molecules=max_molecules,
        own_sets=tuple(SETS) if own_sets else (),
        named=own_sets,
        progress=lambda what, done, total: report(done, total, f"{what}, {done} of {total}"),
    )
