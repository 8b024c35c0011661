"""The trainings of a study: each row is a run that goes on where it was ended, measured on validation alone."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from training.data.make_packs import COUNTS, make_packs
from training.data.pack import Pack, load_packs
from training.loop.evaluate import evaluate
from training.loop.run import COMPANION_PACKS
from training.loop.stopping import TrainingInterrupted, TrainingStopped
from training.loop.train import train
from training.recipes.optimization import Optimization
from training.recipes.recipe import PRESETS, Recipe, load_recipe
from virialff.access import require_write_access
from virialff.documents import json_lines, read_object
from virialff.errors import ConfigError
from virialff.files import replace_file
from virialff.labels.splits import Fractions
from virialff.networks.config import NetworkConfig

RESULT = "result.json"
#: Steps of the training that tells how long a study takes; as many before them are not counted.
_PROBE_STEPS = 10


@dataclass(frozen=True)
class Row:
    """One training of a study; `folder` is its name among the runs of the study."""

    folder: str
    network: NetworkConfig
    stage: Optimization
    molecules: Pack
    complexes: Pack | None
    #: Run or model that it starts from.
    initial: Path | None
    #: Molecules and complexes of another level of theory to train on beside.
    companion: tuple[Pack, Pack] | None = None


@dataclass(frozen=True)
class Result:
    """Errors on validation by name (predictions.potential_errors), or why the training ended before."""

    errors: dict[str, float]
    stopped: str = ""


@dataclass(frozen=True)
class Study:
    """What the trainings of a study share."""

    folder: Path
    recipe: Recipe
    stage: Optimization
    molecules: Pack
    complexes: Pack
    #: Those of the recipe's companion, for a study that asked for them.
    companion: tuple[Pack, Pack] | None


def add_study_arguments(parser: argparse.ArgumentParser, name: str, *, steps: int) -> None:
    """Arguments that all studies have."""
    parser.add_argument("--recipe", type=Path, default=PRESETS / "foundation.yaml", help="default: foundation.yaml")
    parser.add_argument("--folder", type=Path, default=Path("runs") / name, help=f"runs of the study (runs/{name})")
    parser.add_argument("--packs", type=Path, help="training packs (default: made of the recipe's labels)")
    parser.add_argument("--steps", type=int, default=steps, help="steps of each training (default %(default)s)")
    parser.add_argument(
        "--validation", type=float, help="share of the validation split, taken from training (default: the recipe's)"
    )
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--json", type=Path, default=Path(f"assets/studies/{name}.json"), help="default %(default)s")
    parser.add_argument("--markdown", type=Path, default=Path(f"docs/{name}.md"), help="default %(default)s")


def command_of(arguments: Sequence[str] | None) -> str:
    """The arguments as they were given, for the page to say how it was made; None for those of this process."""
    return shlex.join(sys.argv[1:] if arguments is None else arguments)


def open_study(arguments: argparse.Namespace, *, with_companion: bool = False) -> Study:
    """The recipe's last stage at the length of the study, and its labels, with those of a companion if asked for.

    Raises ConfigError for what cannot be.
    """
    require_write_access("A study")
    recipe = load_recipe(arguments.recipe)
    if arguments.steps < 1:
        raise ConfigError(f"--steps {arguments.steps}: a training has at least one step.")
    packs = arguments.packs or arguments.folder / "packs"
    if arguments.packs is None:
        _pack(recipe.data.labels, recipe.level_of_theory, packs, recipe, arguments.validation)
    companion = None
    if with_companion and recipe.companion is not None:
        beside = packs.parent / COMPANION_PACKS
        if arguments.packs is None:
            _pack(recipe.companion.labels, recipe.companion.level_of_theory, beside, recipe, arguments.validation)
        elif not (beside / COUNTS).exists():
            raise ConfigError(f"The recipe has a companion and there are no packs of its labels at {beside}.")
        companion = load_packs(beside)
    stage = replace(
        recipe.all_stages[-1],
        steps=arguments.steps,
        warmup_steps=min(recipe.all_stages[-1].warmup_steps, arguments.steps // 10),
        # Validation is measured once, at the end.
        validate_every=arguments.steps,
    )
    return Study(arguments.folder, recipe, stage, *load_packs(packs), companion)


def _pack(labels: Sequence[Path], level: str, packs: Path, recipe: Recipe, validation: float | None) -> None:
    if not (packs / COUNTS).exists():
        fractions = _with_validation(recipe.data.fractions, validation)
        make_packs(labels, packs, seed=recipe.data.split_seed, fractions=fractions, level_of_theory=level)


def _with_validation(fractions: Fractions, share: float | None) -> Fractions:
    # The test part stays: what is held out for the shipped model takes no part in a study.
    if share is None:
        return fractions
    train = 1.0 - share - fractions[2]
    if share <= 0.0 or train <= 0.0:
        raise ConfigError(f"--validation {share}: it lies between 0 and {1 - fractions[2]:.2f}.")
    return train, share, fractions[2]


def run_rows(study: Study, rows: Sequence[Row], device: str, say: Callable[[str], None] = print) -> list[Result]:
    """Train and measure the rows that have no result yet. Raises TrainingInterrupted on a signal: the same command
    goes on."""
    results = []
    done = {row.folder: _read(study.folder / row.folder) for row in rows}
    open_rows = [row for row in rows if done[row.folder] is None]
    if open_rows:
        seconds = sum(_seconds_per_step(row, device) * row.stage.steps for row in _longest(open_rows))
        seconds *= len(open_rows) / len(_longest(open_rows))
        say(f"{len(open_rows)} of {len(rows)} trainings are to be done, in about {seconds / 60:.0f} min")
    started = time.monotonic()
    for row in rows:
        result = done[row.folder]
        if result is None:
            result = _run(study, row, device)
            left = open_rows.index(row) + 1
            per_row = (time.monotonic() - started) / left
            remaining = (len(open_rows) - left) * per_row / 60
            shown = result.stopped or "  ".join(f"{name} {value:.3f}" for name, value in result.errors.items())
            say(f"{row.folder}: {shown}  ({left} of {len(open_rows)}, remaining {remaining:.0f} min)")
        results.append(result)
    return results


def _longest(rows: Sequence[Row]) -> Sequence[Row]:
    # The first and the last stand for all: rows differ little in the time of a step.
    return rows[:1] if len(rows) == 1 else (rows[0], rows[-1])


def _seconds_per_step(row: Row, device: str) -> float:
    with TemporaryDirectory(prefix="virialff-") as folder:
        seconds = []
        for steps in (1, 1 + _PROBE_STEPS):
            stage = replace(row.stage, steps=steps, validate_every=10**9, checkpoint_seconds=1e9)
            begun = time.monotonic()
            with _quiet_probe():
                train(
                    Path(folder) / str(steps),
                    row.network,
                    [stage],
                    _without_validation(row.molecules),
                    None if row.complexes is None else _without_validation(row.complexes),
                    initial=row.initial,
                    companion=row.companion,
                    device=device,
                    report=lambda line: None,
                )
            seconds.append(time.monotonic() - begun)
    return max(0.0, seconds[1] - seconds[0]) / _PROBE_STEPS


@contextmanager
def _quiet_probe() -> Iterator[None]:
    try:
        yield
    except TrainingInterrupted:
        raise
    except TrainingStopped:
        # The row itself will tell.
        return


def _without_validation(pack: Pack) -> Pack:
    return replace(pack, validation=pack.validation.subset([]))


def _run(study: Study, row: Row, device: str) -> Result:
    folder = study.folder / row.folder
    try:
        state = train(
            folder,
            row.network,
            [row.stage],
            row.molecules,
            row.complexes,
            initial=row.initial,
            companion=row.companion,
            device=device,
            report=lambda line: None,
        )
        result = Result(evaluate(state, row.molecules, row.complexes, "validation", row.stage))
    except TrainingInterrupted:
        raise
    except TrainingStopped as error:
        result = Result({}, str(error))
    folder.mkdir(parents=True, exist_ok=True)
    content = {"errors": result.errors, "stopped": result.stopped, "steps": row.stage.steps}
    replace_file(folder / RESULT, json_lines(content))
    return result


def _read(folder: Path) -> Result | None:
    if not (folder / RESULT).exists():
        return None
    content = read_object(folder / RESULT, "take it away, so that this row is trained again")
    return Result(content["errors"], content["stopped"])


def write_results(json_file: Path, content: object, markdown_file: Path, markdown: str) -> None:
    """Write the results of a study for programs and for people."""
    for path, text in ((json_file, json.dumps(content, indent=1) + "\n"), (markdown_file, markdown)):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())


def finish(main: Callable[[], None]) -> int:
    """Run a study's main function and turn what ends it into an exit code and a sentence."""
    from virialff.commands import ExitCode
    from virialff.errors import VirialffError

    try:
        main()
    except TrainingInterrupted as error:
        print(error, file=sys.stderr)
        return ExitCode.INTERRUPTED
    except VirialffError as error:
        print(error, file=sys.stderr)
        return ExitCode.USAGE
    return ExitCode.OK
