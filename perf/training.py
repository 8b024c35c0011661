"""Speed of the training loop: steps, molecules and pairs a second, and the share of time in data.

On one thread of the CPU and, where there is one, on a GPU. Run by `python -m perf.training`; `--packs runs/NAME/packs`
takes the training packs of a run instead of making them. A row has pair energies and forces by torch instead of the
compiled loops; `--compile` adds one under torch.compile, whose compilation, about a minute, is not counted.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from training.data.make_packs import COUNTS, make_packs
from training.data.pack import load_packs
from training.loop.ranks import Processes
from training.loop.run_folder import RunFolder
from training.loop.state import resume_or_start
from training.loop.train import StageRun
from training.objectives import losses
from training.recipes.recipe import PRESETS, Recipe, load_recipe
from virialff.potential.energy import pair_energies_and_forces as plain

#: Training records that the baseline is fitted to, which is not measured.
_RECORDS = 200


@dataclass(frozen=True)
class Speed:
    """A second of training."""

    steps: float
    molecules: float
    geometries: float
    pairs: float
    data_share: float  #: of the time, in reading, drawing and joining records


def measure(recipe: Recipe, packs: Path, device: str, *, steps: int) -> Speed:
    """Train some steps by the last stage of a recipe; as many before them are not counted."""
    molecules, complexes = load_packs(packs)
    stage = replace(recipe.all_stages[-1], steps=10**6)
    few = molecules.train.subset(range(min(_RECORDS, len(molecules.train))))
    with TemporaryDirectory(prefix="virialff-") as folder:
        run = RunFolder(Path(folder))
        state = resume_or_start(run, recipe.network, [stage], few, device)
        training = StageRun(
            run, state, stage, 0, stage.steps, molecules, complexes, Processes(device=device), lambda line: None
        )
        state.begin_stage(stage)
        for step in range(steps):
            training.step(step)
        before = [copy.copy(source.seen) for source in training.sources]
        started = time.perf_counter()
        for step in range(steps, 2 * steps):
            training.step(step)
        if device != "cpu":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - started
    seen = [source.seen for source in training.sources]

    def rate(name: str) -> float:
        return (
            sum(getattr(after, name) - getattr(first, name) for after, first in zip(seen, before, strict=True))
            / seconds
        )

    return Speed(steps / seconds, rate("records"), rate("geometries"), rate("pairs"), rate("seconds"))


@contextmanager
def potential_by_torch(*, compiled: bool) -> Iterator[None]:
    """Train with pair energies and forces by torch, under torch.compile for batches of any shape if `compiled`."""
    chosen = losses._energies_and_forces
    losses._energies_and_forces = torch.compile(plain, dynamic=True) if compiled else plain
    try:
        yield
    finally:
        losses._energies_and_forces = chosen


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m perf.training", description=__doc__)
    parser.add_argument("--recipe", type=Path, default=PRESETS / "foundation.yaml", help="default: foundation.yaml")
    parser.add_argument("--packs", type=Path, help="training packs (default: made of the recipe's labels)")
    parser.add_argument("--steps", type=int, default=30, help="steps measured, after as many (default %(default)s)")
    parser.add_argument("--compile", action="store_true", help="add a row for torch.compile; needs a C++ compiler")
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = load_recipe(given.recipe)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    with TemporaryDirectory(prefix="virialff-") as folder:
        packs = given.packs or Path(folder)
        if not (packs / COUNTS).exists():
            make_packs(
                recipe.data.labels,
                packs,
                seed=recipe.data.split_seed,
                fractions=recipe.data.fractions,
                level_of_theory=recipe.level_of_theory,
            )

        def measured(suffix: str = "") -> list[tuple[str, ...]]:
            return [_row(device + suffix, measure(recipe, packs, device, steps=given.steps)) for device in devices]

        rows = measured()
        with potential_by_torch(compiled=False):
            rows += measured(", potential by torch")
        if given.compile:
            with potential_by_torch(compiled=True):
                rows += measured(", potential by torch.compile")
    rows.insert(0, ("device", "steps/s", "molecules/s", "geometries/s", "pairs/s", "time in data"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _row(name: str, speed: Speed) -> tuple[str, ...]:
    rates = (f"{speed.steps:.2f}", f"{speed.molecules:.0f}", f"{speed.geometries:.0f}", f"{speed.pairs:,.0f}")
    return name, *rates, f"{speed.data_share:.0%}"


if __name__ == "__main__":
    main()
