"""Fit the intervals of a model's energies to its errors on labels it was not trained on, and measure what they hold.

The card of the model gets the key `intervals`: for total energies, conformers, torsions and interaction energies the
expected size of an error, the factors of the 68, 90 and 95 % intervals, and the share of held-out errors that they
hold. A model without members has intervals too: they then follow from size, energy difference and rare parts alone.
"""

import argparse
import json
from pathlib import Path

from virialff.commands import ExitCode

SUMMARY = "fit the intervals of a model's energies to held-out labels"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `virialff calibrate`."""
    parser.add_argument("model", help="a name of `virialff models list`, or a model folder")
    parser.add_argument("--labels", type=Path, metavar="STORE", help="labels to measure on (default: those that ship)")
    parser.add_argument(
        "--max-molecules",
        type=int,
        metavar="N",
        help="measure no more molecules, and no more complexes, of each split and level (default 120)",
    )
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Measure, fit, write the card, print what the intervals hold."""
    from training.models.calibrate import LABELS, calibrate
    from training.models.held_out_errors import MOST_GROUPS
    from training.models.intervals import describe
    from virialff.access import require_write_access
    from virialff.commands.messages import progress_lines
    from virialff.models.checkpoint import update_card
    from virialff.models.intervals import INTERVALS
    from virialff.models.registry import load_model, model_folder

    require_write_access("Calibrating a model")
    folder = model_folder(arguments.model)
    found = calibrate(
        load_model(folder),
        arguments.labels or LABELS,
        most_groups=arguments.max_molecules or MOST_GROUPS,
        progress=progress_lines(),
    )
    update_card(folder, {INTERVALS: found})
    print(json.dumps(found, indent=1) if arguments.json else "\n".join(describe(folder.name, found["quantities"])))
    return ExitCode.OK
