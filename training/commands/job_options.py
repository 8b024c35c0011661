"""The options of `virialff train` that hand the training to a job instead of this process."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from virialff.commands import ExitCode
from virialff.errors import ConfigError

if TYPE_CHECKING:
    from training.recipes.recipe import Recipe


def add_job_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments that say where a job runs."""
    group = parser.add_argument_group("as a job, which goes on when this command ends: see `virialff jobs`")
    group.add_argument("--cluster", choices=("local", "slurm"), help="train as a job of this machine or of SLURM")
    group.add_argument("--partition", help="of SLURM (default: the cluster's)")
    group.add_argument("--account", help="of SLURM")
    group.add_argument(
        "--time", type=int, metavar="MINUTES", help="of SLURM (default 720): the job then saves and ends"
    )
    group.add_argument("--memory", type=float, metavar="GB", help="of SLURM (default 8)")
    group.add_argument(
        "--sbatch",
        action="append",
        default=[],
        metavar="OPTION=VALUE",
        help="further option of sbatch; may be repeated",
    )


def recipe_arguments(arguments: argparse.Namespace) -> list[str]:
    """The options that change the recipe, as they were given."""
    given = {
        "--steps": arguments.steps,
        "--length": arguments.length,
        "--seed": arguments.seed,
        "--initial": None if arguments.initial is None else arguments.initial.absolute(),
    }
    return [text for name, value in given.items() if value is not None for text in (name, str(value))]


def run_name(recipe: "Recipe", seed: int | None) -> str:
    """Name of the run folder: the recipe's, with the seed where another one than the recipe's was given."""
    return recipe.name if seed is None else f"{recipe.name}-{seed}"


def refuse_job_arguments(arguments: argparse.Namespace) -> None:
    """Raise ConfigError for an argument of a job where this process trains."""
    for name in ("partition", "account", "time", "memory", "sbatch"):
        if getattr(arguments, name) not in (None, []):
            raise ConfigError(f"--{name} is for a job: give --cluster local or --cluster slurm with it.")


def start_job(arguments: argparse.Namespace) -> int:
    """Start the job and say how to follow it. Raises ConfigError for options that do not fit together."""
    from pydantic import ValidationError

    from training.jobs.control import start
    from training.jobs.runs import runs_folder
    from training.recipes.recipe import load_recipe
    from training.slurm import SlurmConfig

    given = {
        "partition": arguments.partition,
        "account": arguments.account,
        "time_minutes": arguments.time,
        "memory_gb": arguments.memory,
        "additional_parameters": dict(_pair(text) for text in arguments.sbatch) or None,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if given and arguments.cluster != "slurm":
        raise ConfigError("--partition, --account, --time, --memory and --sbatch go with --cluster slurm only.")
    try:
        slurm = SlurmConfig.model_validate({"memory_gb": 8.0} | given)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"What SLURM is asked for is impossible: {first['loc'][0]}: {first['msg']}.") from error
    if arguments.device is not None:
        raise ConfigError("--device is not for a job: --gpus says whether it has GPUs.")
    options: list[str] = ["--repack"] if arguments.repack else []
    options += ["--tensorboard"] if arguments.tensorboard else []
    options += recipe_arguments(arguments)
    run: Path | None = arguments.run
    if run is None and arguments.seed is not None:
        run = runs_folder() / run_name(load_recipe(arguments.recipe), arguments.seed)
    job = start(
        arguments.recipe,
        run=run,
        cluster=arguments.cluster,
        gpus=arguments.gpus,
        nodes=arguments.nodes,
        processes=arguments.processes,
        slurm=slurm,
        options=options,
    )
    print(f"job {job.name} is {job.state} in {job.run}")
    print(f"follow it with `virialff jobs follow {job.name}`, stop it with `virialff jobs stop {job.name}`")
    return ExitCode.OK


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ConfigError(f"--sbatch {text}: it takes OPTION=VALUE, such as --sbatch qos=long.")
    return name.lstrip("-"), value
