"""Turn a run into a model with a card measured on data it was never trained on.

`virialff ship RUN` keeps the model under its name, as `virialff models add` does; `virialff ship RUN MODEL` writes a
model folder instead. Further runs, trained by the same recipe from another seed, become members by --member: the force
field is that of RUN alone, they give the spread of its results. The card has the model side by side with GFN2-xTB, ANI
and the models of --beside.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from virialff.commands import ExitCode
from virialff.commands.messages import say

if TYPE_CHECKING:
    from training.models.shipping import Shipment

SUMMARY = "turn a training run into a model with its card"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `virialff ship`."""
    parser.add_argument("run", type=Path, help="run folder of `virialff train`")
    parser.add_argument(
        "model",
        type=Path,
        nargs="?",
        help="folder to write, such as assets/models/default (default: your models)",
    )
    parser.add_argument("--name", help="name of the model (default: the recipe's)")
    parser.add_argument(
        "--member",
        type=Path,
        action="append",
        default=[],
        metavar="RUN|MODEL",
        help="run or model folder of the same network and level that gives the spread; may be repeated",
    )
    parser.add_argument(
        "--twin",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        help="run of a kinetic-energy twin, whose errors go into the card; may be repeated",
    )
    parser.add_argument(
        "--beside", action="append", default=[], metavar="MODEL", help="model to measure beside it; may be repeated"
    )
    parser.add_argument("--labels", type=Path, help="labels to measure on (default: those of the recipe)")
    parser.add_argument("--level", metavar="NAME", help="level of theory of these labels (default: the recipe's)")
    parser.add_argument("--references", type=Path, help="reference energies (default: the shipped ones)")
    parser.add_argument(
        "--no-comparison", action="store_true", help="measure on the run's own test split alone, which is quick"
    )
    parser.add_argument(
        "--no-own-sets", action="store_true", help="compare without our own test sets and the named molecules"
    )
    parser.add_argument("--limitation", action="append", default=[], help="a sentence for the card; may be repeated")


def run(arguments: argparse.Namespace) -> int:
    """Measure, save, print the card's metrics. Without psi4-data the card says so in the place of S66."""
    from training.models.shipping import Shipment, read_recipe

    recipe = read_recipe(arguments.run)
    shipment = Shipment(
        run=arguments.run,
        name=arguments.name or recipe["name"],
        members=tuple(arguments.member),
        twins=tuple(arguments.twin),
        beside=tuple(arguments.beside),
        limitations=tuple(arguments.limitation),
        labels=arguments.labels,
        level=arguments.level,
        references=arguments.references,
        compare=not arguments.no_comparison,
        own_sets=not arguments.no_own_sets,
        recipe=recipe,
    )
    metrics = _add_model(shipment) if arguments.model is None else _make_model(shipment, arguments.model)
    print(json.dumps(metrics, indent=1))
    return ExitCode.OK


def _make_model(shipment: "Shipment", folder: Path) -> dict[str, Any]:
    from training.jobs.locks import holding
    from training.models.shipping import make_model
    from virialff.commands.messages import progress_lines

    with holding(folder.with_name(f".{folder.name}.lock"), f"The model folder {folder}", remove=True):
        return make_model(shipment, folder, progress=progress_lines())


def _add_model(shipment: "Shipment") -> dict[str, Any]:
    from virialff.access import require_write_access
    from virialff.models.registry import add, check_new_name

    # Before the minutes of measuring.
    require_write_access("Adding a model")
    check_new_name(shipment.name)
    with tempfile.TemporaryDirectory(prefix="virialff-") as folder:
        metrics = _make_model(shipment, Path(folder) / "model")
        added = add(Path(folder) / "model", shipment.name)
    say(f"added the model {added.name} in {added.folder}")
    return metrics
