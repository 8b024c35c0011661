"""Make memory-mapped training packs of label stores: one file of molecules, one of complexes, split by molecular graph.

`virialff train` does the same with the store, level and split that its recipe names.
"""

import argparse
import json
from pathlib import Path

from virialff.commands import ExitCode
from virialff.commands.output import require_folder

SUMMARY = "make training packs of label stores"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `virialff data pack`."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="folder of a store, or a Parquet file")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FOLDER", help="folder to write the packs into"
    )
    parser.add_argument("--level", metavar="NAME", help="level of theory (default: the only one in the stores)")
    parser.add_argument("--seed", type=int, default=2026, help="seed of the split (default %(default)s)")
    parser.add_argument(
        "--fractions",
        type=float,
        nargs=3,
        default=(0.88, 0.04, 0.08),
        metavar=("TRAIN", "VALIDATION", "TEST"),
        help="shares of the split (default 0.88 0.04 0.08)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the packs and print the counts by split."""
    require_folder(arguments.output)
    from training.data.make_packs import make_packs

    counts = make_packs(
        arguments.paths,
        arguments.output,
        seed=arguments.seed,
        fractions=tuple(arguments.fractions),
        level_of_theory=arguments.level,
    )
    print(json.dumps(counts, indent=1))
    return ExitCode.OK
