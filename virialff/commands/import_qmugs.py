"""Import the published files of QMugs (summary.csv and structures.tar.gz in one folder) into a label store.

The archive is read once from front to back and not unpacked. Rows are at wB97X-D/def2-SVP; --gfn2 adds those at
GFN2-xTB. What is not taken is counted by reason; an import that was stopped goes on where it was when it is run again.
Exit code 1 means that something was not imported, 0 that everything was.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from virialff.commands import ExitCode
from virialff.commands.messages import say
from virialff.commands.output import require_folder
from virialff.commands.parser import UsageError
from virialff.errors import ConfigError
from virialff.text import cell, counted

if TYPE_CHECKING:
    from virialff.labels.imports.qmugs.importer import ImportReport
    from virialff.labels.imports.qmugs.problems import Problem
    from virialff.labels.imports.qmugs.summary import SummaryCheck

SUMMARY = "import QMugs as published into a label store"

_SECONDS_BETWEEN_LINES = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="folder with summary.csv and structures.tar.gz")
    parser.add_argument("-o", "--output", metavar="STORE", help="folder of the label store to add to")
    parser.add_argument("--gfn2", action="store_true", help="also import the rows at GFN2-xTB")
    parser.add_argument(
        "--any-geometry",
        action="store_true",
        help="also import energies that were computed at another geometry than the record's; `detail` marks them",
    )
    parser.add_argument("--problems", metavar="FILE.csv", help="write everything that was not imported into this table")
    parser.add_argument("--check", action="store_true", help="only check the energies in summary.csv")


def run(arguments: argparse.Namespace) -> int:
    from virialff.labels.imports.qmugs import summary

    folder = Path(arguments.folder)
    if arguments.check:
        check = summary.check_summary(folder / summary.FILE)
        print(check_text(check))
        return ExitCode.SOME_FAILED if check.violations else ExitCode.OK
    if arguments.output is None:
        raise UsageError("name the label store to add to with --output, or give --check to only check the summary")
    require_folder(arguments.output)
    from virialff.access import require_write_access
    from virialff.labels.imports.qmugs.importer import import_qmugs
    from virialff.labels.store import LabelStore

    require_write_access("Importing labels")
    with _problem_table(arguments.problems) as on_problem:
        report = import_qmugs(
            folder,
            LabelStore(arguments.output),
            levels=("dft", "gfn2") if arguments.gfn2 else ("dft",),
            any_geometry=arguments.any_geometry,
            on_problem=on_problem,
            progress=_Progress(),
        )
    print(report_text(report))
    return ExitCode.SOME_FAILED if refused(report) else ExitCode.OK


def refused(report: ImportReport) -> int:
    """How many problems kept something from being imported."""
    from virialff.labels.imports.qmugs.problems import IMPORTED_ALL_THE_SAME

    return sum(count for reason, count in report.problems.items() if reason not in IMPORTED_ALL_THE_SAME)


def report_text(report: ImportReport) -> str:
    """The counts of a report, and the first problems of each reason."""
    end = "" if report.complete else ", where the archive breaks off"
    rows, structures = counted(report.n_summary_rows, "row"), counted(report.n_structures, "structure")
    lines = [f"{rows} in the summary, {structures} in the archive{end}"]
    for level, count in sorted(report.rows.items()):
        lines.append(f"{level}: {counted(count, 'row')} in the store, {report.new_rows[level]} of them new")
    for reason, count in report.problems.most_common():
        lines.append(f"{count} x {reason}")
        lines += [f"    {problem.where}: {problem.text}" for problem in report.examples[reason]]
        if count > len(report.examples[reason]):
            lines.append("    ...")
    return "\n".join(lines)


def check_text(check: SummaryCheck) -> str:
    """What `--check` prints."""
    lines = [f"{counted(check.n_rows, 'row')}"]
    for identity, deviation in check.largest.items():
        lines.append(f"{identity}: {check.violations[identity]} violations, extreme {deviation:.2e} Eh")
    if check.n_other_elements:
        lines.append(
            f"{counted(check.n_other_elements, 'row')} with elements outside the nine: their atoms were not checked"
        )
    return "\n".join([*lines, *(f"    {example}" for example in check.examples)])


class _Progress:
    """A line on standard error now and then: how much is done, the rate and the time left."""

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        rate = done / (now - self._start)
        left = max(total - done, 0) / rate / 60.0
        say(f"{done} of {counted(total, 'structure')}, {rate:.0f} a second, about {left:.0f} min left")


@contextmanager
def _problem_table(path: str | None) -> Iterator[Callable[[Problem], None] | None]:
    if path is None:
        yield None
        return
    try:
        file = open(path, "w", encoding="utf-8", newline="")  # noqa: SIM115 - closed right below
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
    with file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["reason", "where", "problem"])
        yield lambda problem: writer.writerow(
            [cell(text) for text in (problem.reason.value, problem.where, problem.text)]
        )
