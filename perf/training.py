"""Speed of the training loop: steps, molecules and pairs a second, and the share of time in data.

On one thread of the CPU and, where there is one, on a GPU. Run by `python -m perf.training`; `--packs runs/NAME/packs`
takes the training packs of a run instead of making them. A row has pair energies and forces by torch instead of the
compiled loops; `--compile` adds one under torch.compile, whose compilation, about a minute, is not counted.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from training.data.make_packs import COUNTS, make_packs
from training.loop.speed import Speed, measure
from training.objectives import losses
from training.recipes.recipe import PRESETS, load_recipe
from virialff.potential.energy import pair_energies_and_forces as plain


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
