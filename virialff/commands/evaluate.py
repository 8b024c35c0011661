"""Measure models, GFN2-xTB and ANI side by side on data that none of the models was trained on.

Reference energies of the evaluation sets: S66 against CCSD(T)/CBS and against DFT with counterpoise, relaxed dimers,
A-T and G-C, conformers. Labels: the part that the split of every model leaves out: total energies (also per atom and by
size of the molecule), energies above the lowest minimum, forces, dipoles, complexes. Then the checks of the parameters,
and, for a model with members, spread against error. Our own test sets: torsions by class of bond, conformers,
drug-sized molecules, contacts by class, relaxation. Named molecules: barriers, the more stable form and charges that a
chemist looks at first, each with whether it is right. Sets that are not complete are measured as far as they go; every
number has its number of values and a 95 % bootstrap interval over molecules.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virialff.commands import ExitCode
from virialff.commands.messages import progress_lines
from virialff.commands.output import TABLES, form_of, write
from virialff.commands.parser import positive_int
from virialff.text import counted, fixed

if TYPE_CHECKING:
    import pandas as pd

    from virialff.benchmarks.report import SideBySide

SUMMARY = "errors of models, GFN2-xTB and ANI side by side"
#: Our own test sets, `virialff.benchmarks.own_sets.SETS`, and all parts of an evaluation.
OWN_PARTS = ("torsions", "conformers", "drug-sized", "contacts", "relaxation")
PARTS = ("labels", "references", "physics", *OWN_PARTS, "named")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "models", nargs="+", metavar="MODEL", help="a name of `virialff models list`, or a model folder"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write everything as json, or the table of errors as csv, tsv, parquet"
    )
    parser.add_argument(
        "--labels", type=Path, metavar="STORE", help="labels to test on (default: the shipped DFT labels)"
    )
    parser.add_argument("--level", metavar="NAME", help="level of theory of the labels (default wB97X-D/def2-SVP)")
    parser.add_argument("--no-labels", action="store_true", help="measure on the evaluation sets alone")
    parser.add_argument(
        "--references", type=Path, metavar="STORE", help="reference energies (default: the shipped ones)"
    )
    parser.add_argument(
        "--max-molecules", type=positive_int, metavar="N", help="of the labels, test on no more molecules"
    )
    parser.add_argument("--no-physics", action="store_true", help="leave out the checks of the parameters")
    parser.add_argument(
        "--no-own-sets", action="store_true", help="leave out our own test sets and the named molecules"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=PARTS,
        metavar="PART",
        help=f"measure this part alone; may be repeated: {', '.join(PARTS)}",
    )
    parser.add_argument(
        "--card",
        action="store_true",
        help="keep own test sets and named molecules in the first model's card",
    )


def run(arguments: argparse.Namespace) -> int:
    from virialff.benchmarks.report import (
        LABELS,
        LEVEL_OF_THEORY,
        REFERENCES,
        evaluate_models,
        evaluation_json,
    )
    from virialff.models.card import SIDE_BY_SIDE
    from virialff.models.registry import keep_in_card, load_model

    names = list(dict.fromkeys(arguments.models))
    form = None if arguments.output is None else form_of(arguments.output, ("json", *TABLES))
    parts = set(arguments.only or PARTS)
    if not arguments.only and arguments.no_own_sets:
        parts -= {*OWN_PARTS, "named"}
    models = {name: load_model(name) for name in names}
    report = evaluate_models(
        models,
        labels=None if arguments.no_labels or "labels" not in parts else arguments.labels or LABELS,
        level_of_theory=arguments.level or LEVEL_OF_THEORY,
        references=arguments.references or REFERENCES if "references" in parts else None,
        physics="physics" in parts and not arguments.no_physics,
        max_molecules=arguments.max_molecules,
        own_sets=[name for name in OWN_PARTS if name in parts],
        named="named" in parts,
        progress=progress_lines(),
    )
    if form in TABLES:
        write(arguments.output, form, report.statistics)
    elif form is not None:
        write(arguments.output, "text", evaluation_json(report) + "\n")
    if arguments.card:
        keep_in_card(names[0], SIDE_BY_SIDE, _kept(report, models[names[0]].card["metrics"].get(SIDE_BY_SIDE, {})))
    print(as_text(report))
    return ExitCode.OK


def _kept(report: SideBySide, earlier: dict[str, Any]) -> dict[str, Any]:
    """Own test sets and named molecules for a card; what it had of the same parameters and was not measured stays."""
    from virialff.benchmarks.report import NAMED, OWN_SETS, SHA256

    found = report.as_dict()
    same = earlier.get(SHA256) == found[SHA256]
    measured = {row["set"] for row in found[OWN_SETS]}
    rows = [row for row in earlier.get(OWN_SETS, []) if same and row["set"] not in measured] + found[OWN_SETS]
    named = found[NAMED] or (earlier.get(NAMED, []) if same else [])
    return {OWN_SETS: rows, NAMED: named, SHA256: found[SHA256]}


def as_text(report: SideBySide) -> str:
    """Mean absolute and root mean square errors, the base pairs, the checks and the calibration as text."""
    parts = []
    for name, statistic in (("mean absolute errors", "mae"), ("root mean square errors", "rmse")):
        if len(report.statistics):
            parts.append(f"{name} (95 % interval)\n{_blocks(report.wide(statistic))}")
    if report.own_sets.rows:
        parts.append("own test sets (95 % interval)\n" + _blocks(report.own_sets_table()))
    if report.named.answers:
        parts.append("named molecules\n" + report.named_table().to_string(index=False))
    if len(report.base_pairs):
        table = report.base_pairs.to_string(index=False, float_format=partial(fixed, decimals=2))
        parts.append(f"base pairs, E_int in kcal/mol\n{table}")
    for model, result in report.physics.items():
        parts.append(f"checks of the parameters of {model}\n{result.table.to_string(index=False)}")
    for model, results in report.calibration.items():
        for quantity, found in results.items():
            parts.append(
                f"spread of {model}, {quantity}: error over spread {found.scale:.2f}, rank correlation "
                f"{found.rank_correlation:.2f}, {100 * found.share_within(1):.0f} % of errors within one spread, "
                f"{100 * found.share_within(2):.0f} % within two ({counted(len(found.errors), 'value')})"
            )
    return "\n\n".join([*parts, *report.notes])


def _blocks(wide: pd.DataFrame) -> str:
    blocks = []
    for place, part in wide.groupby("set", sort=False):
        shown = part.drop(columns="set")
        shown = shown[[name for name in shown.columns if (shown[name] != "").any()]]
        blocks.append(f"{place}\n{shown.to_string(index=False)}")
    return "\n".join(blocks)
