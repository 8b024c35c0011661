"""`virialff train RECIPE`: pack the labels, train in a run folder, or go on with the run that is there."""

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from training.commands.job_options import (
    add_job_arguments,
    recipe_arguments,
    refuse_job_arguments,
    run_name,
    start_job,
)
from virialff.access import require_write_access
from virialff.commands import ExitCode
from virialff.commands.messages import is_quiet
from virialff.errors import ConfigError

if TYPE_CHECKING:
    from training.recipes.optimization import Optimization
    from training.recipes.recipe import Recipe

SUMMARY = "train a model by a recipe"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `virialff train`."""
    parser.add_argument("recipe", type=Path, help="a recipe, such as training/presets/foundation.yaml")
    parser.add_argument("--run", type=Path, help="run folder (default: runs/ and the recipe's name)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help="train this many steps instead of the recipe's")
    length.add_argument(
        "--length",
        type=float,
        metavar="SHARE",
        help="train every stage this share of the recipe's steps, with its schedule in proportion (0.01)",
    )
    parser.add_argument(
        "--initial", type=Path, metavar="RUN|MODEL", help="folder whose weights to start with, instead of the recipe's"
    )
    parser.add_argument(
        "--seed",
        type=int,
        help="seed of every stage instead of the recipe's: a twin of a run, to be a member (default run: NAME-SEED)",
    )
    parser.add_argument(
        "--repack", action="store_true", help="go on with the labels there are now (a campaign that still computes)"
    )
    parser.add_argument(
        "--tensorboard",
        action="store_true",
        help="write the metrics for TensorBoard too, into `tensorboard` of the run",
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda with --gpus, else cpu")
    parser.add_argument("--gpus", type=int, help="train on so many GPUs of this machine or of each node; 0 for none")
    parser.add_argument("--nodes", type=int, default=1, help="machines that train together, with --cluster slurm")
    parser.add_argument(
        "--processes", type=int, help="processes on each machine that share every batch (default: one a GPU)"
    )
    add_job_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Train until the recipe's steps are done. A run that was interrupted goes on from its last checkpoint.

    With --cluster it starts a job that does so, and ends. With several GPUs it starts torchrun, which starts this
    command once for each of them.
    """
    if arguments.cluster is not None:
        return start_job(arguments)
    require_write_access("Training")
    refuse_job_arguments(arguments)
    from training.loop.launcher import Nodes, run_processes, telling_the_end
    from training.loop.ranks import joined_processes
    from training.loop.run import prepare_run, train_recipe
    from training.loop.run_folder import RunFolder
    from training.loop.stopping import TrainingInterrupted
    from training.loop.tensorboard import begin_events
    from training.recipes.recipe import load_recipe

    device = arguments.device or ("cuda" if arguments.gpus else "cpu")
    recipe = load_recipe(arguments.recipe)
    if arguments.initial is not None:
        recipe = recipe.model_copy(update={"initial": arguments.initial})
    stages = _stages(recipe, arguments.steps, arguments.length, arguments.seed)
    folder = arguments.run or Path("runs") / run_name(recipe, arguments.seed)
    if "WORLD_SIZE" not in os.environ:
        processes = _processes(arguments)
        if processes > 1 or arguments.nodes > 1:
            nodes = Nodes.of_slurm(arguments.nodes, os.environ)
            return run_processes(_own_arguments(arguments, folder, device), processes, nodes)
    try:
        with joined_processes(device) as group, telling_the_end(), ExitStack() as held:
            if group.is_first:
                held.enter_context(RunFolder(folder).held())
                prepare_run(recipe, folder, repack=arguments.repack, say=_say)
                if arguments.tensorboard:
                    begin_events(folder)
            group.wait()
            train_recipe(recipe, stages, folder, group, say=_say)
    except TrainingInterrupted as error:
        print(f"virialff train: {error}", file=sys.stderr)
        return ExitCode.INTERRUPTED
    return ExitCode.OK


def _say(line: str) -> None:
    if not is_quiet():
        print(line, flush=True)


def _processes(arguments: argparse.Namespace) -> int:
    """Processes on this machine. Raises ConfigError for more GPUs than it has and for no process at all."""
    from training.jobs.slots import gpus_here

    here = len(gpus_here())
    if arguments.gpus is not None and not 0 <= arguments.gpus <= here:
        raise ConfigError(f"--gpus {arguments.gpus}: this machine has {here or 'no'} NVIDIA GPU{'s' * (here > 1)}.")
    if (arguments.processes or 1) < 1 or arguments.nodes < 1:
        raise ConfigError("--processes and --nodes take 1 or more.")
    if arguments.gpus and (arguments.processes or arguments.gpus) != arguments.gpus:
        raise ConfigError("--processes goes without GPUs: with them there is one process a GPU.")
    return arguments.processes or arguments.gpus or 1


def _own_arguments(arguments: argparse.Namespace, folder: Path, device: str) -> list[str]:
    repack = ["--repack"] if arguments.repack else []
    repack += ["--tensorboard"] if arguments.tensorboard else []
    repack += ["--quiet"] if is_quiet() else []
    return [str(arguments.recipe), "--run", str(folder), "--device", device, *recipe_arguments(arguments), *repack]


def _stages(recipe: "Recipe", steps: int | None, length: float | None, seed: int | None) -> "tuple[Optimization, ...]":
    from dataclasses import replace

    stages = recipe.all_stages
    if seed is not None:
        stages = tuple(replace(stage, seed=seed) for stage in stages)
    if length is not None:
        if not 0.0 < length <= 1.0:
            raise ConfigError(f"--length {length:g}: it is a share of the recipe's steps, above 0 and at most 1.")
        return tuple(stage.shortened(length) for stage in stages)
    if steps is None:
        return stages
    if len(stages) > 1:
        raise ConfigError("--steps is for a recipe of one stage: take --length, or write steps into the recipe.")
    return (replace(stages[0], steps=steps),)
