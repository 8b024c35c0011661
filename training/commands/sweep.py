"""`virialff sweep RECIPE --vary NAME=LOW:HIGH`: short trainings that look for better settings of a recipe."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from virialff.commands import ExitCode
from virialff.commands.messages import is_quiet
from virialff.documents import json_text
from virialff.files import replace_file

if TYPE_CHECKING:
    from training.studies.sweep import Trial

SUMMARY = "look for better settings of a recipe by short trainings"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `virialff sweep`."""
    parser.add_argument("recipe", type=Path, help="a recipe of one stage, such as training/presets/demo.yaml")
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        metavar="NAME=VALUES",
        help="a setting of the training or the network, LOW:HIGH or A,B,C: learning_rate=5e-4:5e-3; may be repeated",
    )
    parser.add_argument("--trials", type=int, default=12, help="trainings in all (default %(default)s)")
    parser.add_argument("--steps", type=int, default=200, help="steps of each training (default %(default)s)")
    parser.add_argument(
        "--measure",
        default="all",
        help="what decides: energy_mae, relative_rmse, torsion_rmse, force_mae, interaction_mae on validation, or all "
        "of them (default)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn (default %(default)s)")
    parser.add_argument("--folder", type=Path, help="of the sweep (default: runs/ and the recipe's name, -sweep)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="default: cpu")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the recipe with the best settings there")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def run(arguments: argparse.Namespace) -> int:
    """Run what is missing of the sweep. Safe to stop and to start again, with more trials too."""
    from training.loop.stopping import TrainingInterrupted
    from training.recipes.presets import recipe_text, recipe_values
    from training.recipes.recipe import load_recipe
    from training.studies.sweep import SweepRequest, best_of, recipe_with, run_sweep

    recipe = load_recipe(arguments.recipe)
    values = recipe_values(recipe)
    request = SweepRequest(
        values, tuple(arguments.vary), arguments.trials, arguments.steps, arguments.measure, arguments.seed
    )
    folder = arguments.folder or Path("runs") / f"{recipe.name}-sweep"
    try:
        trials = run_sweep(request, folder, device=arguments.device, say=_say)
    except TrainingInterrupted as error:
        print(f"virialff sweep: {error}", file=sys.stderr)
        return ExitCode.INTERRUPTED
    best = best_of(trials)
    if arguments.write is not None and best is not None:
        replace_file(arguments.write, recipe_text(recipe_with(values, best.values)).encode())
    _tell(trials, best, folder, as_json=arguments.json)
    return ExitCode.OK if best is not None else ExitCode.SOME_FAILED


def _tell(trials: "list[Trial]", best: "Trial | None", folder: Path, *, as_json: bool) -> None:
    from dataclasses import asdict

    from training.studies.sweep import trials_table

    if as_json:
        content = {"folder": str(folder), "best": None if best is None else best.number + 1}
        rows = [asdict(trial) | {"number": trial.number + 1} for trial in trials]
        print(json_text("sweep", content | {"trials": rows}, indent=1))
        return
    print(trials_table(trials).to_string(index=False, float_format=lambda value: f"{value:.4g}", na_rep="-"))
    if best is None:
        print("no training finished: lower the learning rates of the sweep")
    else:
        print(f"finished: the best is training {best.number + 1}")


def _say(line: str) -> None:
    if not is_quiet():
        print(line, file=sys.stderr, flush=True)
