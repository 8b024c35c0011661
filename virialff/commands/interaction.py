"""Interaction energies of complexes by the model, GFN2-xTB, ANI and DFT, in kcal/mol; negative is bound.

E_int = E(complex) - E(molecules). Vertical: every molecule as it is in the complex. With --relax the complex and its
molecules are also relaxed with GFN2-xTB, each to its own minimum. The input needs coordinates; of several conformers
the first is taken.
DFT (`pyscf`, `psi4`: wB97X-D/def2-SVP, counterpoise-corrected) takes from a minute to many minutes a complex.
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING, Any

from virialff.commands import inputs
from virialff.commands.report import Report, add_output_arguments, plain
from virialff.errors import EngineError, MoleculeError

if TYPE_CHECKING:
    import pandas as pd

    from virialff.interactions.complexes import ComplexInteractions

SUMMARY = "interaction energies of complexes, vertical and relaxed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    inputs.add_input_arguments(parser)
    add_output_arguments(parser)
    inputs.add_method_argument(parser)
    parser.add_argument("--relax", action="store_true", help="relax with GFN2-xTB too")


def run(arguments: argparse.Namespace) -> int:
    from virialff.interactions.complexes import complex_interactions

    methods = inputs.methods(arguments)
    relaxer = inputs.force_method(arguments, "gfn2", methods) if arguments.relax else None
    report = Report(arguments)
    for label, molecule in inputs.usable(arguments, report):
        try:
            found = complex_interactions(molecule, methods, relaxer)
        except (MoleculeError, EngineError) as error:
            report.fail(label, str(error))
            continue
        for method, reason in found.reasons.items():
            report.complain(label, f"{method}: {reason}")
        for change in found.changes:
            report.complain(label, f"relaxing changed more than the shape: {change}")
        report.add(
            label,
            text=partial(_text, label, found),
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
