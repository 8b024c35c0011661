"""Write the rows of a label store into a file for other programs.

Formats by suffix: .xyz and .extxyz (extended XYZ), .db (ASE), .h5 and .hdf5 (the layout of SPICE), .json and .jsonl
(QCSchema), .parquet (everything that a row holds) and .sdf. Text is compressed where the name ends in .gz. Geometries,
energies and forces are written, in the units of the format; energies once more in kcal/mol, exactly as in the store,
with level of theory, kind and SMILES, so that `virialff data import` reads them back. Rows without an energy are left
out and counted.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from virialff.commands import ExitCode
from virialff.commands.messages import say
from virialff.commands.output import form_of
from virialff.text import counted

SUMMARY = "write a label store as extended XYZ, ASE, HDF5, QCSchema, Parquet or SDF"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", type=Path, metavar="STORE", help="folder of a store, or a Parquet file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="file to write")
    parser.add_argument("--level", metavar="NAME", help="write only rows at this level of theory")


def run(arguments: argparse.Namespace) -> int:
    from virialff.commands.import_geometries import Progress
    from virialff.labels.export import export_labels
    from virialff.labels.formats.entry import FORMATS
    from virialff.labels.store import LabelStore

    form_of(str(arguments.output), tuple(FORMATS))
    report = export_labels(
        LabelStore(arguments.store), arguments.output, level_of_theory=arguments.level, progress=Progress()
    )
    for reason, count in report.left_out.most_common():
        say(f"{count} x left out: {reason}")
    print(f"{arguments.output}: {counted(report.n_rows, 'row')}, {arguments.output.stat().st_size / 1e6:.1f} MB")
    return ExitCode.OK
