"""Interaction energies of complexes by the model, GFN2-xTB, ANI and DFT, in kcal/mol; positive is bound.

Vertical: every molecule as it is in the complex. With --relax the complex and its molecules are also relaxed with
GFN2-xTB, each to its own minimum (Eq. 25). The input needs coordinates; of several conformers the first is taken.
DFT (`pyscf`, `psi4`: wB97X-D/def2-SVP, counterpoise-corrected) takes from a minute to many minutes a complex.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from virialff.commands import inputs
from virialff.commands.params import plain
from virialff.commands.report import Report, add_output_arguments
from virialff.errors import ConfigError, EngineError, MoleculeError

if TYPE_CHECKING:
    import pandas as pd

    from virialff.engines import Engine
    from virialff.interactions.complexes import ComplexInteractions
    from virialff.models.force_field import Model

SUMMARY = "interaction energies of complexes, vertical and relaxed"
METHODS = ("model", "gfn2", "ani", "pyscf", "psi4")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    inputs.add_input_arguments(parser)
    add_output_arguments(parser)
    parser.add_argument(
        "--method",
        default="model",
        metavar="LIST",
        help=f"methods, separated by commas: {', '.join(METHODS)} (default %(default)s)",
    )
    parser.add_argument("--relax", action="store_true", help="relax with GFN2-xTB too")


def run(arguments: argparse.Namespace) -> int:
    from virialff.engines import get_engine
    from virialff.interactions.complexes import complex_interactions
    from virialff.methods.energy_methods import energy_engine

    names = list(dict.fromkeys(name for name in arguments.method.replace(" ", "").split(",") if name))
    unknown = [name for name in names if name not in METHODS]
    if unknown or not names:
        shown = f"there is no method {unknown[0]!r}" if unknown else "--method names none"
        raise ConfigError(f"{shown}; choose from {', '.join(METHODS)}")
    methods: dict[str, Engine | Model] = {
        name: inputs.load(arguments) if name == "model" else energy_engine(name) for name in names
    }
    relaxer = get_engine("gfn2") if arguments.relax else None
    report = Report(arguments)
    for item in inputs.read(arguments):
        if isinstance(item, inputs.BadRecord):
            report.fail(item.label, item.error.message)
            continue
        try:
            found = complex_interactions(item.molecule, methods, relaxer)
        except (MoleculeError, EngineError) as error:
            report.fail(item.label, str(error))
            continue
        for method, reason in found.reasons.items():
            report.complain(item.label, f"{method}: {reason}")
        for change in found.changes:
            report.complain(item.label, f"relaxing changed more than the shape: {change}")
        report.add(
            item.label,
            text=partial(_text, item.label, found),
            record=partial(_record, found),
            table=partial(_table, found),
        )
    return report.finish()


def _text(label: str, found: ComplexInteractions) -> str:
    geometry = f", relaxed with {found.geometry_level}" if found.geometry_level else ""
    return f"record {label}: interaction energies{geometry}\n{plain(found.table)}"


def _table(found: ComplexInteractions) -> pd.DataFrame:
    return found.table


def _record(found: ComplexInteractions) -> dict[str, Any]:
    kinds = {"vertical": found.vertical, "relaxed": found.relaxed}
    return {
        f"{kind}_kcal_per_mol": {entry.method: entry.energy for entry in entries}
        for kind, entries in kinds.items()
        if entries
    }
