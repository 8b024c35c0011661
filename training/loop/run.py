"""A run by a recipe: its packs are made of the labels, and it is trained or gone on with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from training.data.make_packs import COUNTS, make_packs
from training.data.pack import load_packs
from training.loop.initial import require_level
from training.loop.ranks import Processes
from training.loop.state import State, steps_done
from training.loop.train import train
from training.recipes.optimization import Optimization
from training.recipes.recipe import DataSection, Recipe
from virialff.documents import json_line, json_lines, read_object
from virialff.files import replace_file

#: Folders of a run with the packs of its own level of theory and of the companion.
PACKS, COMPANION_PACKS = "packs", "companion_packs"


def _print(line: str) -> None:
    print(line, flush=True)


def prepare_run(recipe: Recipe, folder: Path, *, repack: bool = False, say: Callable[[str], None] = _print) -> None:
    """Write `recipe.json` and make the packs that are missing, or all of them with `repack`.

    Raises ConfigError where `initial` is of another level of theory than the companion.
    """
    if recipe.companion is not None and recipe.initial is not None:
        require_level(recipe.initial, recipe.companion.level_of_theory)
    _pack(recipe.data.labels, recipe.level_of_theory, recipe.data, folder / PACKS, repack)
    if recipe.companion is not None:
        companion = recipe.companion
        _pack(companion.labels, companion.level_of_theory, recipe.data, folder / COMPANION_PACKS, repack)
    say(json.dumps(read_object(folder / PACKS / COUNTS), indent=1))
    replace_file(folder / "recipe.json", json_lines(recipe.model_dump(mode="json")))


def train_recipe(
    recipe: Recipe,
    stages: Sequence[Optimization],
    folder: Path,
    processes: Processes,
    *,
    say: Callable[[str], None] = _print,
) -> State:
    """Train in the run that `prepare_run` made; raises what `loop.train` raises."""
    molecules, complexes = load_packs(folder / PACKS)
    return train(
        folder,
        recipe.network,
        stages,
        molecules,
        complexes,
        initial=recipe.initial,
        companion=None if recipe.companion is None else load_packs(folder / COMPANION_PACKS),
        processes=processes,
        report=say,
    )


def _pack(labels: Sequence[Path], level: str, split: DataSection, packs: Path, repack: bool) -> None:
    if (packs / COUNTS).exists() and not repack:
        return
    counts = make_packs(labels, packs, seed=split.split_seed, fractions=split.fractions, level_of_theory=level)
    run = packs.parent
    history = run / ("data_history.jsonl" if packs.name == PACKS else f"{packs.name}_history.jsonl")
    with history.open("ab") as file:
        file.write(json_line({"from_step": steps_done(run)} | counts))
