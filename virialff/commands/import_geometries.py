"""Import geometries with energies from files of others into a label store.

Formats by suffix: .sdf, .xyz and .extxyz (extended XYZ), .db (ASE), .h5 and .hdf5 (SPICE, ANI-1x and their like), .json
and .jsonl (QCSchema, QCArchive), .parquet. Text may be compressed with gzip. What `virialff data export` wrote needs no
further option. A record needs a geometry with all hydrogens, a total energy and its level of theory. What is not taken
is counted by reason; importing a file again adds what is missing. Exit code 1 means that something was not imported.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from virialff.commands import ExitCode
from virialff.commands.messages import say
from virialff.commands.output import require_folder
from virialff.commands.parser import UsageError, positive_int
from virialff.text import counted

if TYPE_CHECKING:
    from virialff.labels.imports.geometries import ImportReport

SUMMARY = "import geometries with energies from extended XYZ, ASE, HDF5, QCSchema, Parquet or SDF"

#: What --field can name.
FIELDS = ("forces", "numbers", "positions", "smiles", "level")
_SECONDS_BETWEEN_LINES = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="file to import")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="STORE", help="folder of the label store to add to"
    )
    parser.add_argument("--energy", metavar="FIELD", help="what holds the total energy (default: as the format has it)")
    parser.add_argument(
        "--unit", help="of the energy, where the file does not say: Eh, kcal/mol, kJ/mol or eV (default: of the format)"
    )
    parser.add_argument(
        "--level", metavar="NAME", help="level of theory, such as wB97X-D/def2-SVP; records of another are refused"
    )
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        metavar="WHAT=NAME",
        help=f"what the file calls something else: {', '.join(FIELDS)}; may be given several times",
    )
    parser.add_argument("--length", choices=("angstrom", "bohr"), help="unit of positions, where the file does not say")
    parser.add_argument("--no-forces", action="store_true", help="take energies alone")
    parser.add_argument("--program", help="program that computed the energies, where the file does not say")
    parser.add_argument(
        "--kind",
        choices=("minimum", "displaced", "scan", "complex"),
        help="what the geometries are (default: what the record says, else by its forces)",
    )
    parser.add_argument("--source", help="name of the set, kept with every row (default: the name of the file)")
    parser.add_argument(
        "--max-records", type=positive_int, default=1_000_000, metavar="N", help="stop after these (default 1000000)"
    )


def run(arguments: argparse.Namespace) -> int:
    from virialff.access import require_write_access
    from virialff.labels.formats.entry import Budget, Fields
    from virialff.labels.imports.geometries import import_geometries
    from virialff.labels.store import LabelStore

    names = _names(arguments.field)
    require_folder(arguments.output)
    require_write_access("Importing labels")
    report = import_geometries(
        arguments.files,
        LabelStore(arguments.output),
        fields=Fields(energy=arguments.energy, unit=arguments.unit, length=arguments.length, **names),
        level_of_theory=arguments.level,
        program=arguments.program,
        kind=arguments.kind,
        source=arguments.source,
        with_forces=not arguments.no_forces,
        budget=Budget(records=arguments.max_records),
        progress=Progress(),
    )
    print(report_text(report))
    return ExitCode.SOME_FAILED if report.refused else ExitCode.OK


def _names(given: list[str]) -> dict[str, str]:
    names = {}
    for text in given:
        what, _, name = text.partition("=")
        if what not in FIELDS or not name:
            raise UsageError(f"argument --field: {text!r} is not WHAT=NAME with WHAT one of {', '.join(FIELDS)}")
        names[what] = name
    return names


def report_text(report: ImportReport) -> str:
    """The counts of a report, and its first problems."""
    lines = [
        f"{counted(report.n_records, 'record')}: {counted(report.n_new, 'new row')}, {report.n_known} known before"
    ]
    lines += [f"{count} x refused: {reason}" for reason, count in report.refused.most_common()]
    lines += [f"    {problem}" for problem in report.problems]
    return "\n".join(lines)


class Progress:
    """A line on standard error now and then."""

    def __init__(self) -> None:
        self._start = self._last = time.monotonic()

    def __call__(self, done: int) -> None:
        now = time.monotonic()
        if now - self._last < _SECONDS_BETWEEN_LINES:
            return
        self._last = now
        say(f"{counted(done, 'record')}, {done / (now - self._start):.0f} a second")
