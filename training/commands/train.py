"""`virialff train RECIPE`: pack the labels, train in a run folder, or go on with the run that is there."""

import argparse
import json
import sys
from pathlib import Path

from training.commands.job_options import add_job_arguments, refuse_job_arguments, start_job
from virialff.access import require_write_access
from virialff.commands import ExitCode

SUMMARY = "train a model by a recipe"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `virialff train`."""
    parser.add_argument("recipe", type=Path, help="a recipe, such as training/presets/foundation.yaml")
    parser.add_argument("--run", type=Path, help="run folder (default: runs/ and the recipe's name)")
    parser.add_argument("--steps", type=int, help="train this many steps instead of the recipe's")
    parser.add_argument(
        "--repack", action="store_true", help="go on with the labels there are now (a campaign that still computes)"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default cpu); a job takes it from --gpus")
    add_job_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train until the recipe's steps are done. A run that was interrupted goes on from its last checkpoint.

    With --cluster it starts a job that does so, and ends.
    """
    if arguments.cluster is not None:
        return start_job(arguments)
    require_write_access("Training")
    refuse_job_arguments(arguments)
    from dataclasses import replace

    from training.config import load_recipe
    from training.dataset import COMPLEXES, MOLECULES, load_pack
    from training.loop import train
    from training.pack import COUNTS, make_packs
    from training.state import steps_done
    from training.stopping import TrainingInterrupted
    from virialff.errors import ConfigError

    recipe = load_recipe(arguments.recipe)
    stages = recipe.all_stages
    if arguments.steps is not None:
        if len(stages) > 1:
            raise ConfigError("--steps is for a recipe of one stage: write the steps of the stages into the recipe.")
        stages = (replace(stages[0], steps=arguments.steps),)
    folder = arguments.run or Path("runs") / recipe.name
    packs = folder / "packs"
    if arguments.repack or not (packs / COUNTS).exists():
        counts = make_packs(
            [recipe.data.labels],
            packs,
            seed=recipe.data.split_seed,
            fractions=recipe.data.fractions,
            level_of_theory=recipe.level_of_theory,
        )
        with (folder / "data_history.jsonl").open("a") as file:
            file.write(json.dumps({"from_step": steps_done(folder)} | counts) + "\n")
    print((packs / COUNTS).read_text(), flush=True)
    (folder / "recipe.json").write_text(recipe.model_dump_json(indent=1) + "\n")
    try:
        train(
            folder,
            recipe.network,
            stages,
            load_pack(packs / MOLECULES),
            load_pack(packs / COMPLEXES),
            initial=recipe.initial,
            device=arguments.device,
            report=lambda line: print(line, flush=True),
        )
    except TrainingInterrupted as error:
        print(f"virialff train: {error}", file=sys.stderr)
        return ExitCode.INTERRUPTED
    return ExitCode.OK
