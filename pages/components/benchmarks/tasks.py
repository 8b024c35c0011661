"""What the page Benchmarks computes in worker processes. Imports no Streamlit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pages.components.shell.worker import Report
from virialff.benchmarks.noncovalent import InteractionResult, reference_comparison
from virialff.benchmarks.own_sets import SETS
from virialff.benchmarks.reference_data import Geometry, load_references
from virialff.benchmarks.report import SideBySide, evaluate_models
from virialff.interactions.complexes import ComplexInteractions, complex_interactions
from virialff.methods.method import get_method, with_forces
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule
from virialff.text import counted


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


def base_pairs(
    report: Report, complexes: tuple[tuple[str, Molecule], ...], methods: Mapping[str, str]
) -> dict[str, ComplexInteractions]:
    """E_int of several named complexes, vertical and relaxed with GFN2-xTB; `methods`: label to name."""
    report(0, 0, "loading the methods")
    by = {label: get_method(name) for label, name in methods.items()}
    relaxing = with_forces(get_method("gfn2"))
    found = {}
    for place, (name, molecule) in enumerate(complexes):

        def progress(done: int, total: int, step: str, place: int = place, name: str = name) -> None:
            report(place * total + done, len(complexes) * total, f"{name}, {step}")

        found[name] = complex_interactions(molecule, by, relaxing, progress=progress)
    return found


def compare_references(report: Report, path: str, folder: str, geometry: Geometry) -> InteractionResult:
    """The reference dimers by a model, beside what the references hold."""
    report(0, 0, "reading the references")
    return reference_comparison(
        load_references(path),
        load_model(folder + "/"),
        geometry,
        progress=lambda done, total: report(done, total, f"{done} of {counted(total, 'dimer')}"),
    )
