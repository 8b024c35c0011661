"""From runs, finished or stopped, to a model folder: the parameter sets, what is measured of them, the card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.data.make_packs import COUNTS, make_packs
from training.data.pack import MOLECULES, Records, load_pack, load_packs
from training.loop.evaluate import predict
from training.loop.run_folder import ADVICE, RunFolder
from training.loop.state import State, read_run, stages_of, steps_done
from training.models.card import (
    calibration_of,
    errors_by_geometry,
    held_out_errors,
    kinetic_errors_held_out,
    make_card,
    training_environments,
    twin_errors_held_out,
)
from training.objectives.charge_sign import orient_charges
from training.recipes.recipe import DataSection
from virialff.benchmarks.own_sets import SETS
from virialff.benchmarks.reference_data import REFERENCES
from virialff.benchmarks.report import LABELS, Progress, card_metrics, evaluate_models
from virialff.documents import read_lines, read_object
from virialff.errors import ConfigError
from virialff.models.checkpoint import CARD_FILE, Member, load_checkpoint, save_checkpoint, update_card
from virialff.models.force_field import Model
from virialff.models.registry import load_model
from virialff.networks.baseline import Baseline
from virialff.networks.force_field import ForceFieldNetwork

_PACKS = "packs"
_HISTORY = "data_history.jsonl"


@dataclass(frozen=True)
class Shipment:
    """What becomes a model.

    run: folder of the run whose parameters at its last checkpoint are the force field. members: runs or model folders
    that give the spread. twins: runs of kinetic-energy twins, measured for the card. beside: models to measure beside
    it. labels, level: store and level of theory for that, by default those of the recipe. own_sets: whether our own
    test sets and the named molecules are part of that.
    """

    run: Path
    name: str
    members: tuple[Path, ...] = ()
    twins: tuple[Path, ...] = ()
    beside: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    labels: Path | None = None
    level: str | None = None
    references: Path | None = None
    compare: bool = True
    own_sets: bool = True
    recipe: dict[str, Any] = field(default_factory=dict)


def make_model(shipment: Shipment, folder: Path, *, progress: Progress | None = None) -> dict[str, Any]:
    """Write the model folder and return the metrics of its card.

    Raises ConfigError for a run that has no checkpoint, for members of another network or level of theory, and for what
    cannot be compared.
    """
    recipe, packs = shipment.recipe, _packs(shipment.run, shipment.recipe)
    records = load_pack(packs / MOLECULES).train
    beside = {name: load_model(name) for name in shipment.beside}
    state = trained_state(shipment.run, records)
    _check_recipe(recipe, shipment.run)
    members = [_member(path, shipment, state, records) for path in shipment.members]
    molecules, complexes = load_packs(packs)
    predictions = [
        predict(network, baseline, molecules.test, complexes.test)
        for network, baseline in [(state.average, state.baseline), *((part.network, part.baseline) for part in members)]
    ]
    metrics: dict[str, Any] = {
        "held_out": held_out_errors(predictions[0]),
        "held_out_by_geometry": errors_by_geometry(predictions[0]),
    }
    if kinetic := _kinetic_errors(shipment.run, state, packs) | _twin_errors(shipment.twins):
        metrics["kinetic energy"] = kinetic
    if calibration := calibration_of(predictions):
        metrics["calibration"] = calibration
    environments = training_environments([packs, *_earlier_packs(shipment.run, recipe)])
    counts = read_object(packs / COUNTS, "take it away, so that the packs are made anew") | {
        "history": _history(shipment.run)
    }

    def save() -> Model:
        card = make_card(
            name=shipment.name,
            recipe=recipe,
            counts=counts,
            state=state,
            environments=environments,
            metrics=metrics,
            limitations=[*_unfinished(shipment.run, state), *shipment.limitations],
        )
        save_checkpoint(folder, state.average, state.baseline, card, members)
        return load_model(folder)

    if shipment.compare:
        model = save()
        report = evaluate_models(
            {shipment.name: model, **beside},
            labels=shipment.labels or _labels(recipe),
            level_of_theory=shipment.level or recipe["level_of_theory"],
            references=shipment.references or (REFERENCES if REFERENCES.is_file() else None),
            own_sets=tuple(SETS) if shipment.own_sets else (),
            named=shipment.own_sets,
            progress=progress,
        )
        metrics["side by side"] = report.as_dict()
        metrics |= card_metrics(model, report.physics[shipment.name])
        # Not saved anew: the files of parameters stay those that were measured, whose sha256 the card has.
        update_card(folder, {"metrics": metrics})
    else:
        save()
    return metrics


def read_recipe(run: Path) -> dict[str, Any]:
    """The recipe of a run. Raises ConfigError for a folder that is no run."""
    try:
        return read_object(run / "recipe.json", ADVICE)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(f"{run} is not a run of `virialff train`: it has no recipe.json") from error


def trained_state(run: Path, records: Records) -> State:
    """The run at its last checkpoint; dipoles settle the sign of the charges, energies do not.

    Raises ConfigError for a run that has trained no potential yet.
    """
    if steps_done(run) == 0:
        raise ConfigError(f"the run {run} has no checkpoint yet: train it first")
    stages = stages_of(RunFolder(run).config())
    if any(stage.twin_weight for stage in stages):
        raise ConfigError(f"the run {run} is a kinetic-energy twin: its pair sum is no force field")
    state = read_run(run, records)
    first = next((number for number, stage in enumerate(stages) if stage.trains_potential), None)
    if first is None:
        raise ConfigError(f"the run {run} trains no potential, only kinetic energies: it is no force field")
    before = sum(stage.steps for stage in stages[:first])
    if state.step <= before:
        raise ConfigError(
            f"the run {run} ended at step {state.step}, and its potential is trained from step {before + 1} on: go on "
            "with it first"
        )
    if not any(stage.dipole_weight for stage in stages):
        orient_charges(state.average, records)
    return state


def _unfinished(run: Path, state: State) -> list[str]:
    """A sentence for the card of a run that has not made all its steps."""
    stages = stages_of(RunFolder(run).config())
    steps = sum(stage.steps for stage in stages)
    if state.step >= steps:
        return []
    return [f"Its training was ended at step {state.step} of {steps}; more steps may lower its errors."]


def _member(path: Path, shipment: Shipment, state: State, records: Records) -> Member:
    level = shipment.recipe["level_of_theory"]
    network: ForceFieldNetwork
    baseline: Baseline
    if (path / CARD_FILE).is_file():
        model = load_checkpoint(path)
        network, baseline, own_level = model.network.float(), model.baseline, model.card["level_of_theory"]
        origin = {"name": model.card["name"], "date": model.card.get("date"), "recipe": model.card["recipe"]}
    else:
        recipe = read_recipe(path)
        own_level = recipe["level_of_theory"]
        if own_level == level:
            other = trained_state(path, records)
            network, baseline = other.average, other.baseline
            origin = {"name": recipe["name"], "recipe": recipe | {"steps_done": other.step}}
    if own_level != level:
        raise ConfigError(f"{path} is of {own_level} and {shipment.run} of {level}: a model's members share one level")
    mine = state.average.config.to_dict()
    for key, value in network.config.to_dict().items():
        if mine[key] != value:
            raise ConfigError(
                f"{path} has a network with {key} {value} and {shipment.run} one with {mine[key]}: members share it"
            )
    return Member(network, baseline, origin)


def _kinetic_errors(run: Path, state: State, packs: Path) -> dict[str, Any]:
    """Errors of the network of stage 1 at the end of the run, by what it was trained on."""
    stages = [stage for stage in stages_of(RunFolder(run).config()) if stage.trains_kinetic]
    if not stages:
        return {}
    descriptors = stages[0].kinetic_descriptor_weight > 0
    errors = kinetic_errors_held_out(state, packs, descriptors=descriptors)
    what = "sum of atoms and bonds" if descriptors else "whole molecule"
    return {} if errors is None else {f"stage 1, {what} (kcal/mol)": errors.as_row()}


def _twin_errors(twins: Sequence[Path]) -> dict[str, Any]:
    """Errors of each twin on its own test split, by its reading of the paper. ConfigError for a run that is none."""
    rows = {}
    for run in twins:
        recipe = read_recipe(run)
        stages = [stage for stage in stages_of(RunFolder(run).config()) if stage.twin_weight]
        if not stages or steps_done(run) == 0:
            raise ConfigError(f"the run {run} is no trained kinetic-energy twin: give a finished run with twin_weight")
        packs = _packs(run, recipe)
        state = read_run(run, load_pack(packs / MOLECULES).train)
        reading = stages[-1].twin_terms
        for which, errors in twin_errors_held_out(state, packs, reading).items():
            rows[f"twin {recipe['name']}, {reading.replace('_', ' ')} terms{which} (kcal/mol)"] = errors.as_row()
    return rows


def _packs(run: Path, recipe: dict[str, Any]) -> Path:
    """The packs of a run; those of a run that came without are made again from the labels of its recipe."""
    packs = run / _PACKS
    if not (packs / COUNTS).is_file():
        _check_recipe(recipe, run)
        data = DataSection.model_validate(recipe["data"])
        make_packs(
            data.labels,
            packs,
            seed=data.split_seed,
            fractions=data.fractions,
            level_of_theory=recipe["level_of_theory"],
        )
    return packs


def _check_recipe(recipe: dict[str, Any], run: Path) -> None:
    if not isinstance(recipe.get("level_of_theory"), str) or not isinstance(recipe.get("data"), dict):
        raise ConfigError(f"the recipe.json of {run} has no level of theory or no data: {ADVICE}")


def _earlier_packs(run: Path, recipe: dict[str, Any]) -> Sequence[Path]:
    """Packs of other labels that the run trained on too: those of a companion and of the runs it began with."""
    found = [run / "companion_packs"]
    seen = {run.resolve()}
    initial = recipe.get("initial")
    while initial is not None and Path(initial).resolve() not in seen and (Path(initial) / "recipe.json").is_file():
        earlier = Path(initial)
        seen.add(earlier.resolve())
        found += [earlier / _PACKS, earlier / "companion_packs"]
        initial = read_recipe(earlier).get("initial")
    return [packs for packs in found if (packs / COUNTS).is_file() and (packs / MOLECULES).is_file()]


def _labels(recipe: dict[str, Any]) -> Path | None:
    """The first of the recipe's stores that is still there, else the labels that ship."""
    return next((path for path in (*DataSection.model_validate(recipe["data"]).labels, LABELS) if path.exists()), None)


def _history(run: Path) -> list[dict[str, Any]]:
    file = run / _HISTORY
    return read_lines(file).rows
