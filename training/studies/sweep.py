"""A sweep: some settings of a recipe varied in short trainings, which Optuna draws and breaks off where they lag.

Its folder has the packs, the study (`study.db`, SQLite), a run a training, and `trials.json`, which pages and commands
show. A sweep that was ended goes on with the same command, the training that was under way from its checkpoint.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from training.data.pack import load_packs
from training.jobs.locks import holding
from training.loop.evaluate import evaluate
from training.loop.run import COMPANION_PACKS, PACKS, prepare_run
from training.loop.run_folder import CHECKPOINT, RunFolder
from training.loop.stopping import TrainingInterrupted, TrainingStopped
from training.loop.train import train
from training.recipes.optimization import Optimization
from training.recipes.presets import Setting, settings_of
from training.recipes.recipe import Recipe
from virialff.access import require_write_access
from virialff.documents import json_lines, read_object
from virialff.errors import ConfigError, DocumentError
from virialff.files import replace_file
from virialff.networks.config import NetworkConfig, out_of_bounds

if TYPE_CHECKING:
    import optuna

REQUEST, TRIALS, STUDY = "sweep.json", "trials.json", "study.db"
#: What decides between trainings: one error on validation, or all of them.
ALL = "all"
MEASURES = {
    ALL: "all errors (geometric mean)",
    "energy_mae": "total energy of minima, MAE (kcal/mol)",
    "relative_rmse": "conformers, RMSE (kcal/mol)",
    "torsion_rmse": "torsions, RMSE (kcal/mol)",
    "force_mae": "force component, MAE (kcal/mol/Å)",
    "interaction_mae": "interaction energy, MAE (kcal/mol)",
}
MOST_TRIALS, MOST_VARIED = 200, 8
#: Validations of a training, at each of which it may be broken off; the first quarter and three trainings are spared.
_LOOKS, _SPARED_TRIALS = 8, 3
#: Trainings drawn at random before those that learn from the others.
_RANDOM_TRIALS = 6
#: A range of which the end is so many times its start is drawn from evenly in its logarithm.
_LOGARITHMIC = 4.0
#: Settings of a stage that are not worth a sweep, or that the sweep itself sets.
_NOT_VARIED = frozenset({"steps", "seed", "validate_every", "checkpoint_seconds", "threads", "double_precision"})

TrialState = Literal["running", "finished", "pruned", "stopped"]


@dataclass(frozen=True)
class Varied:
    """One setting of a recipe, and the values that it may have: from low to high, or one of the choices."""

    name: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[float | bool | str, ...] = ()

    def __str__(self) -> str:
        if self.choices:
            return f"{self.name}={','.join(_shown(choice) for choice in self.choices)}"
        return f"{self.name}={self.low:g}:{self.high:g}"

    @property
    def is_logarithmic(self) -> bool:
        """Whether its range is drawn from evenly in the logarithm."""
        return self.low > 0 and self.high >= _LOGARITHMIC * self.low

    def has(self, value: Any) -> bool:
        """Whether a value is among those that it may have."""
        if self.choices:
            return value in self.choices
        return isinstance(value, (int, float)) and self.low <= value <= self.high


@dataclass(frozen=True)
class SweepRequest:
    """What was asked for; `recipe` as JSON values, `varied` as `parse_varied` reads them."""

    recipe: dict[str, Any]
    varied: tuple[str, ...]
    trials: int
    steps: int
    measure: str = ALL
    seed: int = 1


@dataclass(frozen=True)
class Trial:
    """One short training: its values, its last errors on validation, and the score that is made small."""

    number: int
    state: TrialState
    values: dict[str, Any]
    errors: dict[str, float] = field(default_factory=dict)
    score: float | None = None
    step: int = 0
    reason: str = ""


def variable_settings() -> dict[str, Setting]:
    """The settings of networks and stages that a sweep can vary, by name."""
    found = [*settings_of(Optimization), *settings_of(NetworkConfig)]
    kinds = ("integer", "number", "switch", "choice")
    return {entry.name: entry for entry in found if entry.kind in kinds and entry.name not in _NOT_VARIED}


def parse_varied(text: str) -> Varied:
    """What `NAME=LOW:HIGH` or `NAME=A,B,C` means. Raises ConfigError with what is wrong in it."""
    name, equals, values = (part.strip() for part in text.partition("="))
    entry = variable_settings().get(name)
    if not equals or entry is None:
        raise ConfigError(
            f"{text}: give NAME=LOW:HIGH or NAME=A,B,C, where NAME is a number, switch or choice of a stage or of the "
            "network, such as learning_rate=5e-4:5e-3"
        )
    if ":" in values:
        low, high = (_value(entry, part, text) for part in values.split(":", 1))
        if entry.kind in ("switch", "choice") or not low < high:
            raise ConfigError(f"{text}: LOW:HIGH is for numbers, the smaller one first")
        return Varied(name, low, high)
    choices = tuple(_value(entry, part, text) for part in values.split(","))
    if len(set(choices)) < 2:
        raise ConfigError(f"{text}: give two values or more, else there is nothing to choose")
    return Varied(name, choices=choices)


def _value(entry: Setting, text: str, whole: str) -> Any:
    word = text.strip()
    try:
        if entry.kind == "switch":
            return {"true": True, "false": False}[word.lower()]
        if entry.kind == "choice":
            return {choice: choice for choice in entry.choices}[word]
        value = int(word) if entry.kind == "integer" else float(word)
    except (KeyError, ValueError) as error:
        kinds = {"switch": "true or false", "integer": "a whole number", "number": "a number"}
        wanted = kinds.get(entry.kind, f"one of {', '.join(entry.choices)}")
        raise ConfigError(f"{whole}: {word!r} is not {wanted}") from error
    if (problem := out_of_bounds(_owner(entry.name), entry.name, value)) is not None:
        raise ConfigError(f"{whole}: {problem}")
    return value


def _owner(name: str) -> type:
    return NetworkConfig if name in {entry.name for entry in settings_of(NetworkConfig)} else Optimization


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def check_request(request: SweepRequest) -> list[Varied]:
    """The varied settings of a request. Raises ConfigError for what no sweep can be."""
    recipe = Recipe.model_validate(request.recipe)
    if len(recipe.all_stages) > 1:
        raise ConfigError("A sweep takes a recipe of one stage: this one has several.").of("recipe")
    if not 2 <= request.trials <= MOST_TRIALS:
        raise ConfigError(f"{request.trials} trainings: a sweep has 2 to {MOST_TRIALS}.").of("trials")
    if request.steps < _LOOKS:
        raise ConfigError(f"{request.steps} steps: a training of a sweep has {_LOOKS} or more.").of("steps")
    if request.measure not in MEASURES:
        raise ConfigError(f"{request.measure!r}: the measure is one of {', '.join(MEASURES)}.").of("measure")
    varied = [parse_varied(text) for text in request.varied]
    names = [entry.name for entry in varied]
    if not 1 <= len(names) <= MOST_VARIED:
        raise ConfigError(f"{len(names)} varied settings: a sweep has 1 to {MOST_VARIED}.").of("vary")
    if len(set(names)) < len(names):
        raise ConfigError("A setting is varied twice: give its values once.").of("vary")
    fixed = [name for name in names if recipe.initial is not None and _owner(name) is NetworkConfig]
    if fixed:
        raise ConfigError(
            f"{', '.join(fixed)}: the recipe starts from the weights of {recipe.initial}, which fix the network; vary "
            "settings of the training, or leave out `initial`."
        ).of("vary")
    return varied


def recipe_with(recipe: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a recipe of one stage with these in it, by the names of their settings."""
    network = {name: value for name, value in values.items() if _owner(name) is NetworkConfig}
    stage = {name: value for name, value in values.items() if name not in network}
    result = {**recipe, "network": {**recipe["network"], **network}}
    if recipe.get("stages"):
        return result | {"stages": [{**recipe["stages"][0], **stage}]}
    return result | {"optimization": {**recipe["optimization"], **stage}}


def run_sweep(
    request: SweepRequest, folder: Path, *, device: str = "cpu", say: Callable[[str], None] = print
) -> list[Trial]:
    """Run the trainings of a sweep that are not done; the trials in their order.

    The first has the recipe's own values where they lie in the ranges. One that is worse at a validation than half of
    those before it is broken off (`pruned`); one whose loss explodes counts as such.

    Raises ConfigError for a request that cannot be or a folder with another sweep, TrainingInterrupted on a signal:
    the same call goes on.
    """
    require_write_access("A sweep")
    varied = check_request(request)
    with holding(folder / "sweep.lock", f"The sweep {folder}"):
        _settle(folder, request)
        recipe = Recipe.model_validate(request.recipe)
        prepare_run(recipe, folder, say=lambda line: None)
        study = _open_study(folder, request, recipe, varied)
        sweep = _Sweep(request, recipe, varied, folder, device, say, study)
        while (trial := sweep.next()) is not None:
            sweep.train(trial)
        return sweep.write()


def read_request(folder: Path) -> SweepRequest:
    """What was asked for of the sweep in this folder. Raises DocumentError, FileNotFoundError."""
    content = read_object(folder / REQUEST, "start the sweep anew in another folder")
    try:
        return SweepRequest(**(content | {"varied": tuple(content["varied"])}))
    except (TypeError, KeyError) as error:
        raise DocumentError(f"{folder / REQUEST} is no request of a sweep: start it anew in another folder.") from error


def read_trials(folder: Path) -> list[Trial]:
    """The trials of the sweep in this folder as they were last; none before the first. Raises DocumentError."""
    if not (folder / TRIALS).exists():
        return []
    content = read_object(folder / TRIALS, "it is written anew when the sweep goes on")
    try:
        return [Trial(**row) for row in content["trials"]]
    except (TypeError, KeyError) as error:
        raise DocumentError(f"{folder / TRIALS} is damaged: it is written anew when the sweep goes on.") from error


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The finished trial with the smallest score; None before the first."""
    finished = [trial for trial in trials if trial.state == "finished" and trial.score is not None]
    return min(finished, key=lambda trial: trial.score or 0.0, default=None)


def trials_table(trials: Sequence[Trial]) -> pd.DataFrame:
    """A row a trial, finished ones by their score first: training, state, step, score, its values, its errors."""
    order = sorted(trials, key=lambda trial: (trial.state != "finished", trial.score or math.inf, trial.number))
    return pd.DataFrame(
        [
            {"training": trial.number + 1, "state": trial.state, "step": trial.step, "score": trial.score}
            | trial.values
            | trial.errors
            for trial in order
        ]
    )


def _settle(folder: Path, request: SweepRequest) -> None:
    """Keep what was asked for; a sweep that goes on may have more trials."""
    if (folder / REQUEST).exists():
        before = read_request(folder)
        if replace(before, trials=request.trials) != request:
            raise ConfigError(f"{folder} has a sweep with other settings: give another folder.").of("folder")
    replace_file(folder / REQUEST, json_lines(asdict(request)))


def _open_study(folder: Path, request: SweepRequest, recipe: Recipe, varied: Sequence[Varied]) -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    file = (folder / STUDY).absolute()
    pruner = optuna.pruners.MedianPruner(_SPARED_TRIALS, n_warmup_steps=request.steps // 4)
    try:
        with closing(sqlite3.connect(file)) as database:
            database.execute("PRAGMA quick_check")
    except sqlite3.DatabaseError as error:
        raise DocumentError(f"{file} is damaged ({error}): start the sweep anew in another folder.") from error
    # Not by a URL, in which some characters of a path mean something.
    connect = {"creator": lambda: sqlite3.connect(file, timeout=60, check_same_thread=False)}
    storage = optuna.storages.RDBStorage("sqlite://", engine_kwargs=connect)
    study = optuna.create_study(storage=storage, study_name="sweep", load_if_exists=True, pruner=pruner)
    trials = study.get_trials(deepcopy=False)
    own = {entry.name: _own_value(recipe, entry.name) for entry in varied}
    if not trials and all(entry.has(own[entry.name]) for entry in varied):
        study.enqueue_trial(own)
    return study


def _own_value(recipe: Recipe, name: str) -> Any:
    return getattr(recipe.network if _owner(name) is NetworkConfig else recipe.all_stages[0], name)


class _Sweep:
    """A sweep at work."""

    def __init__(
        self,
        request: SweepRequest,
        recipe: Recipe,
        varied: Sequence[Varied],
        folder: Path,
        device: str,
        say: Callable[[str], None],
        study: optuna.Study,
    ) -> None:
        self._request, self._recipe, self._varied = request, recipe, varied
        self._folder, self._device, self._say, self._study = folder, device, say, study
        self._packs = load_packs(folder / PACKS)
        self._companion = load_packs(folder / COMPANION_PACKS) if recipe.companion is not None else None

    def next(self) -> optuna.Trial | None:
        """The trial that was under way, else a new one; None once all are done."""
        import optuna

        states = optuna.trial.TrialState
        trials = self._study.get_trials(deepcopy=False)
        for frozen in trials:
            if frozen.state == states.RUNNING:
                return optuna.Trial(self._study, frozen._trial_id)
        begun = sum(frozen.state != states.WAITING for frozen in trials)
        if begun >= self._request.trials:
            return None
        # Seeded by the number of the trial, so that a sweep that was interrupted draws as one that was not.
        self._study.sampler = optuna.samplers.TPESampler(
            seed=self._request.seed + begun, n_startup_trials=_RANDOM_TRIALS
        )
        return self._study.ask()

    def train(self, trial: optuna.Trial) -> None:
        """Train one, and tell the study how it ended."""
        import optuna

        values = {entry.name: _drawn(trial, entry) for entry in self._varied}
        run = self._folder / f"trial-{trial.number + 1}"
        known = set(self._study.trials[trial.number].intermediate_values)

        def look(line: str) -> None:
            latest = RunFolder(run).metrics()[-1]
            names = [name for name in latest if name.startswith("validation_")]
            score = self._keep(
                trial, latest["step"], {name.removeprefix("validation_"): latest[name] for name in names}
            )
            if latest["step"] not in known:
                trial.report(score, latest["step"])
            self.write()
            done = sum(other.state.is_finished() for other in self._study.get_trials(deepcopy=False))
            self._say(
                f"{done} of {self._request.trials} trainings done; training {trial.number + 1} at step "
                f"{latest['step']} of {self._request.steps}: score {score:.4g}"
            )
            if latest["step"] < self._request.steps and trial.should_prune():
                raise optuna.TrialPruned

        state, score = optuna.trial.TrialState.PRUNED, None
        try:
            network, stage = self._settings(values)
            trained = train(
                run,
                network,
                [stage],
                *self._packs,
                initial=self._recipe.initial,
                companion=self._companion,
                device=self._device,
                report=look,
            )
            errors = evaluate(trained, *self._packs, "validation", stage)
            score = self._keep(trial, stage.steps, errors)
            if math.isfinite(score):
                state = optuna.trial.TrialState.COMPLETE
            else:
                trial.set_user_attr("reason", "its errors are no finite numbers")
        except TrainingInterrupted:
            self.write()
            raise
        except (TrainingStopped, ValueError) as error:
            trial.set_user_attr("reason", str(error))
        except optuna.TrialPruned:
            pass  # As `state` says.
        complete = state == optuna.trial.TrialState.COMPLETE
        self._study.tell(trial, score if complete else None, state)
        # Of short trainings nobody makes a model.
        (run / CHECKPOINT).unlink(missing_ok=True)
        self.write()

    def _settings(self, values: Mapping[str, Any]) -> tuple[NetworkConfig, Optimization]:
        """Network and stage of a trial. Raises ValueError for values that contradict each other."""
        steps = self._request.steps
        own = self._recipe.all_stages[0]
        stage = replace(own, steps=steps, warmup_steps=min(own.warmup_steps, steps // 10))
        stage = replace(stage, validate_every=max(1, steps // _LOOKS))
        network = {name: value for name, value in values.items() if _owner(name) is NetworkConfig}
        others = {name: value for name, value in values.items() if name not in network}
        return replace(self._recipe.network, **network), replace(stage, **others)

    def _keep(self, trial: optuna.Trial, step: int, errors: Mapping[str, float]) -> float:
        """Note the errors of a trial; the score."""
        measure = self._request.measure
        if measure != ALL and measure not in errors:
            raise ConfigError(
                f"Validation has no {measure} with these labels, only {', '.join(errors)}: choose another measure."
            ).of("measure")
        chosen = list(errors.values()) if measure == ALL else [errors[measure]]
        score = math.exp(sum(math.log(max(value, 1e-12)) for value in chosen) / len(chosen))
        trial.set_user_attr("step", step)
        trial.set_user_attr("errors", {name: value for name, value in errors.items() if math.isfinite(value)})
        trial.set_user_attr("score", score if math.isfinite(score) else None)
        return score

    def write(self) -> list[Trial]:
        """Write the trials as they are now; returns them."""
        import optuna

        states: dict[optuna.trial.TrialState, TrialState] = {
            optuna.trial.TrialState.RUNNING: "running",
            optuna.trial.TrialState.COMPLETE: "finished",
            optuna.trial.TrialState.PRUNED: "pruned",
        }
        trials = []
        for frozen in self._study.get_trials(deepcopy=False):
            if frozen.state not in states:
                continue
            told = frozen.user_attrs
            state: TrialState = "stopped" if "reason" in told else states[frozen.state]
            trials.append(
                Trial(
                    frozen.number,
                    state,
                    dict(frozen.params),
                    told.get("errors", {}),
                    told.get("score"),
                    told.get("step", 0),
                    told.get("reason", ""),
                )
            )
        replace_file(self._folder / TRIALS, json_lines({"trials": [asdict(trial) for trial in trials]}))
        return trials


def _drawn(trial: optuna.Trial, entry: Varied) -> Any:
    if entry.choices:
        return trial.suggest_categorical(entry.name, list(entry.choices))
    if isinstance(entry.low, int):
        return trial.suggest_int(entry.name, entry.low, int(entry.high), log=entry.is_logarithmic)
    return trial.suggest_float(entry.name, entry.low, entry.high, log=entry.is_logarithmic)
