"""Look at, check, merge and pack stores of labels: folders that label campaigns write, or single Parquet files.

`info` counts the rows by level of theory, kind, element and failure; `check` verifies every row and ends with exit
code 1 where one is wrong or a file is damaged, naming the file and the row. It takes runs, jobs and models too, whose
files carry checksums.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import importlib.util
from pathlib import Path

from virialff.commands import Command, ExitCode, add_command
from virialff.commands.messages import complain
from virialff.commands.output import require_folder
from virialff.documents import json_text
from virialff.text import counted

SUMMARY = "count, check, merge and pack label stores"
#: Actions with a module of their own, as virialff.commands describes one.
MODULES = {
    "statistics": "virialff.commands.dataset_statistics",
    "import": "virialff.commands.import_geometries",
    "export": "virialff.commands.export_labels",
    "import-qmugs": "virialff.commands.import_qmugs",
    "import-sdf": "virialff.commands.import_sdf",
}
#: Entry points of actions that other packages add; each names such a module.
GROUP = "virialff.commands.data"
#: Problems that `check` prints; the rest is counted.
SHOWN = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    info = actions.add_parser("info", help="count rows by level of theory, kind, element and failure")
    info.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folder of a store, or a Parquet file")
    info.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    info.set_defaults(do=_info)

    check = actions.add_parser("check", help="verify every row; exit code 1 where one is wrong or a file is damaged")
    check.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="store, run, job, campaign, model, or one file of them"
    )
    check.set_defaults(do=_check)

    merge = actions.add_parser("merge", help="write the rows of several stores, each once, into one")
    merge.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folder of a store, or a Parquet file")
    merge.add_argument(
        "-o", "--output", type=Path, required=True, help="folder, or NAME.parquet for one file; must be new"
    )
    merge.add_argument(
        "--quantise", action="store_true", help="keep positions to 1e-3 Angstrom and forces to 0.1 kcal/mol/Angstrom"
    )
    merge.add_argument("--rows", type=int, default=100_000, help="rows a file of a folder (default 100000)")
    merge.set_defaults(do=_merge)

    for name, module in MODULES.items():
        command: Command = importlib.import_module(module)
        add_command(actions, name, command).set_defaults(do=command.run)
    for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        if importlib.util.find_spec(entry.module.partition(".")[0]) is not None:
            command = entry.load()
            add_command(actions, entry.name, command).set_defaults(do=command.run)


def run(arguments: argparse.Namespace) -> int:
    code: int = arguments.do(arguments)
    return code


def _info(arguments: argparse.Namespace) -> int:
    from virialff.labels.summary import summarise

    summaries = [summarise(path) for path in arguments.paths]
    if arguments.json:
        print(json_text("data_info", {"stores": [summary.as_dict() for summary in summaries]}, indent=1))
    else:
        print("\n".join(summary.as_text() for summary in summaries))
    for summary in summaries:
        for reason in summary.damaged:
            complain(reason)
    return ExitCode.SOME_FAILED if any(summary.damaged for summary in summaries) else ExitCode.OK


def _check(arguments: argparse.Namespace) -> int:
    from virialff.damage import check_all

    wrong = 0
    for path in arguments.paths:
        result = check_all(path)
        wrong += len(result.problems)
        for problem in result.problems[:SHOWN]:
            complain(str(problem))
        if len(result.problems) > SHOWN:
            complain(f"{path}: {len(result.problems) - SHOWN} more problems")
        where = f"{counted(result.rows, 'row')} in {counted(result.files, 'file')}"
        print(f"{path}: {where}, {counted(len(result.problems), 'problem')}")
    return ExitCode.SOME_FAILED if wrong else ExitCode.OK


def _merge(arguments: argparse.Namespace) -> int:
    from virialff.labels.merge import merge

    require_folder(arguments.output, also=("parquet",))
    result = merge(arguments.paths, arguments.output, rows_per_file=arguments.rows, quantise=arguments.quantise)
    repeated = f", {result.repeated:,} repeated rows left out" if result.repeated else ""
    files = f"{counted(len(result.files), 'file')}" if len(result.files) != 1 else "one file"
    print(f"{arguments.output}: {counted(result.rows, 'row')} in {files}, {result.n_bytes / 1e6:.1f} MB{repeated}")
    return ExitCode.OK
