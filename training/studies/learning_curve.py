"""`python -m training.studies.learning_curve`: error against number of training molecules, several seeds each.

All trainings have the same number of steps, no complexes and the same validation molecules; a seed decides which
molecules are taken, the first weights and the batches. A study that was ended goes on with the same command.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.studies.rows import (
    Result,
    Row,
    Study,
    add_study_arguments,
    command_of,
    finish,
    open_study,
    run_rows,
    write_results,
)
from virialff.benchmarks.learning_curves import FURTHEST, LearningCurve, make_curve
from virialff.errors import ConfigError

QUANTITIES = {
    "energy_mae": "total energy of minima, MAE",
    "relative_rmse": "conformer energies, RMSE",
    "twin_mae": "kinetic energy by a twin, MAE",
}
UNIT = "kcal/mol"


def rows_of(study: Study, numbers: Sequence[int], seeds: int) -> list[Row]:
    """The trainings: every number of molecules with every seed; smaller sets are parts of the larger ones.

    Raises ConfigError for more molecules than there are.
    """
    train = study.molecules.train
    if max(numbers) > len(train):
        raise ConfigError(f"{max(numbers)} training molecules were asked for and there are {len(train)}.")
    rows = []
    for number in sorted(set(numbers)):
        for seed in range(1, seeds + 1):
            order = np.random.default_rng([study.recipe.data.split_seed, seed]).permutation(len(train))
            stage = replace(study.stage, seed=seed, interaction_weight=0.0, interaction_force_weight=0.0)
            pack = replace(study.molecules, train=train.subset(sorted(order[:number].tolist())))
            folder = f"{number}-molecules-seed-{seed}"
            rows.append(Row(folder, study.recipe.network, stage, pack, None, study.recipe.initial))
    return rows


def default_numbers(available: int) -> list[int]:
    """Five numbers of molecules, each half of the next, up to all."""
    return [max(1, available >> power) for power in (4, 3, 2, 1, 0)]


def curves_of(rows: Sequence[Row], results: Sequence[Result], steps: int) -> list[LearningCurve]:
    """One curve for each of QUANTITIES that was measured; a training that stopped has no point."""
    curves = []
    for name, words in QUANTITIES.items():
        errors: dict[int, list[float]] = {}
        for row, result in zip(rows, results, strict=True):
            if name in result.errors:
                errors.setdefault(len(row.molecules.train), []).append(result.errors[name])
        if errors:
            curves.append(make_curve(words, UNIT, errors, steps))
    return curves


def as_page(study: Study, curves: Sequence[LearningCurve], command: str) -> str:
    """The page with a table for each curve and what the power law predicts."""
    initial = "" if study.recipe.initial is None else f" from `{study.recipe.initial}`"
    lines = [
        f"# Learning curves: {study.recipe.name}",
        "",
        f"Errors of the recipe `{study.recipe.name}` ({study.recipe.level_of_theory}, without complexes){initial} "
        f"after {study.stage.steps:,} steps, against the number of training molecules, on the "
        f"{len(study.molecules.validation):,} molecules of the validation split. The trainings have equal steps and "
        "are far shorter than that of a shipped model: where steps limit the error, the curve is flatter than it would "
        "be.",
    ]
    for curve in curves:
        lines += [
            "",
            f"## {curve.quantity} ({curve.unit})",
            "",
            "| molecules | mean | each seed |",
            "| ---: | ---: | --- |",
        ]
        for point in curve.points:
            each = ", ".join(f"{error:.2f}" for error in point.errors)
            lines.append(f"| {point.n_molecules:,} | {point.mean:.2f} | {each} |")
        furthest = FURTHEST * curve.points[-1].n_molecules
        lines += [
            "",
            f"Power law: the error falls as N^-b with b = {curve.exponent()}. For {furthest:,.0f} molecules, ten times "
            f"as many, it gives {curve.predict(furthest)} {curve.unit}. Intervals are of 95 %, from the seeds.",
        ]
    lines += ["", f"Made by `python -m training.studies.learning_curve {command}`.", ""]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train all rows, write the page, the JSON and, if asked for, the figure; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.studies.learning_curve", description=__doc__)
    add_study_arguments(parser, "learning_curve", steps=2000)
    parser.add_argument("--molecules", type=int, nargs="+", help="numbers of molecules (default: all, 1/2, ... 1/16)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings with each number (default %(default)s)")
    parser.add_argument("--figure", help="HTML file of the figure")
    given = parser.parse_args(arguments)

    def run() -> None:
        study = open_study(given)
        numbers = given.molecules or default_numbers(len(study.molecules.train))
        if min(numbers) < 1 or given.seeds < 1:
            raise ConfigError("--molecules and --seeds take 1 or more.")
        rows = rows_of(study, numbers, given.seeds)
        results = run_rows(study, rows, given.device, say=lambda line: print(line, flush=True))
        curves = curves_of(rows, results, study.stage.steps)
        content = {
            "recipe": study.recipe.name,
            "level_of_theory": study.recipe.level_of_theory,
            "curves": [curve.as_dict() for curve in curves],
        }
        write_results(given.json, content, given.markdown, as_page(study, curves, command_of(arguments)))
        if given.figure:
            from virialff.figures.training import learning_curve_figure

            learning_curve_figure(curves).write_html(given.figure, include_plotlyjs="cdn")

    return finish(run)


if __name__ == "__main__":
    sys.exit(main())
