"""`python -m training.studies.speed`: how fast the trainings that page Train offers go on one thread of this machine.

Each is measured over some steps on a sample of its labels and written to assets/studies/training_speed.json, by which
the page says how long a training takes where none of its kind has run yet.
"""

from __future__ import annotations

import argparse
import datetime
import platform
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from training.jobs.estimates import RECORDED
from training.loop.ranks import Processes
from training.loop.run import prepare_run, train_recipe
from training.loop.speed import measure_cost
from training.recipes.fine_tuning import fine_tuning
from training.recipes.presets import check_recipe, recipe_text
from training.recipes.recipe import PRESETS, Recipe, load_recipe
from virialff.documents import json_lines
from virialff.files import replace_file
from virialff.models.registry import SHIPPED, SHIPPED_DEFAULT
from virialff.settings import ASSETS


def offered() -> dict[str, Recipe]:
    """The recipes by the names of the cards of the page; fine-tuning with shipped labels in the place of one's own."""
    level, labels = "wB97X-D/def2-SVP", str(ASSETS / "data" / "dft.parquet")
    values = fine_tuning(SHIPPED / SHIPPED_DEFAULT, [labels], level, name="fine-tuned")
    presets = {name: load_recipe(PRESETS / f"{name}.yaml") for name in ("demo", "virialff", "foundation")}
    return presets | {"fine-tuning": check_recipe(recipe_text(values))}


def processor() -> str:
    """The model of the processor as the system names it."""
    facts = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:\s*(.+)$", facts.read_text(), re.MULTILINE) if facts.is_file() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _whole(recipe: Recipe) -> float:
    """Steps a second of a whole training with its validations and checkpoints."""
    with TemporaryDirectory(prefix="virialff-") as folder:
        run = Path(folder) / "run"
        prepare_run(recipe, run, say=lambda line: None)
        state = train_recipe(recipe, recipe.all_stages, run, Processes(device="cpu"), say=lambda line: None)
        return state.step / state.seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(prog="python -m training.studies.speed", description=__doc__)
    parser.add_argument("--json", type=Path, default=RECORDED, help="file to write (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=6, help="steps measured, after as many (default %(default)s)")
    given = parser.parse_args(arguments)
    trainings = {}
    for name, recipe in offered().items():
        cost = measure_cost(recipe, steps=given.steps)
        if name == "demo":
            # Of so short a training the validations are most of the time: it is made whole.
            cost = replace(cost, steps_per_second=_whole(recipe))
        trainings[name] = {
            "steps_per_second": round(cost.steps_per_second, 3),
            "memory_bytes": cost.memory_bytes,
            "with_validation": name == "demo",
            "processor": processor(),
        }
        print(f"{name}: {cost.steps_per_second:.2f} steps a second, {cost.memory_bytes / 1e9:.2f} GB", flush=True)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    replace_file(given.json, json_lines({"date": today, "trainings": trainings}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
