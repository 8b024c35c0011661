"""Import geometries with energies from an SDF file into a label store: `virialff data import` for that format alone.

A record needs a geometry with all hydrogens and a data field with the total energy. What is not taken is counted by
reason; importing a file again adds what is missing. Exit code 1 means that something was not imported.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from virialff.commands import ExitCode
from virialff.commands.import_geometries import Progress, report_text
from virialff.commands.output import require_folder

SUMMARY = "import geometries with energies from an SDF file into a label store"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.sdf", help="SDF file, compressed with gzip or not")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="STORE", help="folder of the label store to add to"
    )
    parser.add_argument("--energy", required=True, metavar="FIELD", help="data field that holds the total energy")
    parser.add_argument("--unit", default="Eh", help="of the energy: Eh, kcal/mol, kJ/mol or eV (default Eh)")
    parser.add_argument("--level", required=True, metavar="NAME", help="level of theory, such as wB97X-D/def2-SVP")
    parser.add_argument("--program", default="not given", help="program that computed the energies")
    parser.add_argument(
        "--kind",
        choices=("minimum", "displaced", "scan"),
        default="minimum",
        help="what the geometries are (default: minima)",
    )
    parser.add_argument("--source", default="sdf", help="name of the set, kept with every row (default sdf)")


def run(arguments: argparse.Namespace) -> int:
    from virialff.access import require_write_access
    from virialff.labels.imports.sdf import import_sdf
    from virialff.labels.store import LabelStore

    require_folder(arguments.output)
    require_write_access("Importing labels")
    report = import_sdf(
        arguments.file,
        LabelStore(arguments.output),
        energy_field=arguments.energy,
        unit=arguments.unit,
        level_of_theory=arguments.level,
        program=arguments.program,
        kind=arguments.kind,
        source=arguments.source,
        progress=Progress(),
    )
    print(report_text(report))
    return ExitCode.SOME_FAILED if report.refused else ExitCode.OK
