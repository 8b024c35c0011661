"""Turn a run into a model with a card measured on data it was never trained on.

`virialff ship RUN` keeps the model under its name, as `virialff models add` does; `virialff ship RUN MODEL` writes a
model folder instead.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from virialff.commands import ExitCode

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
    parser.add_argument("--limitation", action="append", default=[], help="a sentence for the card; may be repeated")


def run(arguments: argparse.Namespace) -> int:
    """Measure, save, print the card's metrics. Without psi4-data the card says so in the place of S66."""
    from virialff.errors import ConfigError

    try:
        recipe = json.loads((arguments.run / "recipe.json").read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(f"{arguments.run} is not a run of `virialff train`: it has no recipe.json") from error
    name = arguments.name or recipe["name"]
    if arguments.model is not None:
        metrics = _make_model(arguments, recipe, name, arguments.model)
    else:
        metrics = _add_model(arguments, recipe, name)
    print(json.dumps(metrics, indent=1))
    return ExitCode.OK


def _add_model(arguments: argparse.Namespace, recipe: dict[str, Any], name: str) -> dict[str, Any]:
    from virialff.access import require_write_access
    from virialff.registry import add, check_new_name

    # Before the minutes of measuring.
    require_write_access("Adding a model")
    check_new_name(name)
    with tempfile.TemporaryDirectory(prefix="virialff-") as folder:
        metrics = _make_model(arguments, recipe, name, Path(folder) / "model")
        added = add(Path(folder) / "model", name)
    print(f"virialff: added the model {added.name} in {added.folder}", file=sys.stderr)
    return metrics


def _make_model(arguments: argparse.Namespace, recipe: dict[str, Any], name: str, folder: Path) -> dict[str, Any]:
    """Write the model folder and return the metrics of its card."""
    from training.card import errors_by_geometry, held_out_errors, make_card, predict_test_split
    from training.charge_sign import orient_charges
    from training.dataset import MOLECULES, load_pack
    from training.pack import COUNTS
    from training.run_folder import RunFolder
    from training.state import read_run, stages_of
    from virialff.benchmarks.conformers import compare_conformers, conformer_set
    from virialff.benchmarks.model_report import report_interactions
    from virialff.checkpoint import save_checkpoint
    from virialff.engines import get_engine
    from virialff.errors import EvaluationSetError
    from virialff.forcefield import load_model

    packs = arguments.run / "packs"
    counts = json.loads((packs / COUNTS).read_text())
    history = [json.loads(line) for line in (arguments.run / "data_history.jsonl").read_text().splitlines()]
    molecules = load_pack(packs / MOLECULES)
    state = read_run(arguments.run, molecules.train)
    stages = stages_of(RunFolder(arguments.run).config())
    # Dipoles settle the sign of the charges, energies do not.
    if not any(stage.dipole_weight for stage in stages):
        orient_charges(state.average, molecules.train)
    predictions = predict_test_split(state, packs)
    metrics: dict[str, Any] = {
        "held_out": held_out_errors(predictions).as_dict(),
        "held_out_by_geometry": errors_by_geometry(predictions),
    }

    def save() -> None:
        card = make_card(
            name=name,
            recipe=recipe,
            counts=counts | {"history": history},
            state=state,
            metrics=metrics,
            limitations=arguments.limitation,
        )
        save_checkpoint(folder, state.average, state.baseline, card)

    save()
    model = load_model(folder)
    conformers = compare_conformers(conformer_set(), get_engine("gfn2"), {"model": model})
    metrics["conformer set against GFN2-xTB"] = {
        "above the lowest conformer by GFN2-xTB (kcal/mol)": conformers.summary("model", "reference").as_row(),
        "above each method's own lowest conformer (kcal/mol)": conformers.summary("model", "own").as_row(),
    }
    try:
        metrics["interactions"] = report_interactions(model).as_dict()
        metrics["S66 by other methods (kcal/mol)"] = _s66_of_engines()
    except EvaluationSetError as error:
        metrics["interactions"] = f"not measured: {error}"
    save()
    return metrics


def _s66_of_engines() -> dict[str, dict[str, float]]:
    """Vertical S66 errors of GFN2-xTB and ANI at the same geometries, by level of theory; those that are there."""
    from virialff.benchmarks.s66 import run_s66
    from virialff.engines import ENGINES, get_engine

    engines = [get_engine(name) for name in ENGINES]
    methods = {engine.name: engine for engine in engines if engine.available() is None}
    result = run_s66(methods)
    return {methods[name].level_of_theory: result.summary(name).as_row() for name in methods}
