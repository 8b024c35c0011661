"""`python -m training.whole_training --minutes 12 --device cuda`: foundation, level and members in a given time.

Each run gets a share of the time; a short training tells how many steps that is, and its schedule has this length. The
runs are what `virialff train` makes, so that `virialff ship` makes a model of them. With `--packs` there, made before
by the same command with `--packs-only`, it needs no more than the loop does, and pydantic and pyyaml for the recipes.
"""

from __future__ import annotations

import argparse
import sys
import tarfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from training.data.pack import Pack, load_packs
from training.loop.evaluate import evaluate
from training.loop.state import State
from training.loop.train import train
from training.recipes.optimization import Optimization
from training.recipes.recipe import PRESETS, Recipe, load_recipe
from virialff.documents import json_lines
from virialff.files import replace_file
from virialff.networks.config import NetworkConfig

#: Shares of the time of the foundation and of the level; members share the rest.
SHARES = {"foundation": 0.6, "level": 0.2}
#: Of the time of a run, for what is no step: baselines, validation, checkpoints.
_RESERVE = 0.1
_PROBE_STEPS = (5, 20)
_PROBE_RECORDS = 300

Packs = tuple[Pack, Pack]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train the runs one after the other and print the errors of each on validation; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training.whole_training", description=__doc__)
    parser.add_argument("--minutes", type=float, default=12.0, help="of all trainings together (default %(default)g)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default %(default)s)")
    parser.add_argument("--foundation", type=Path, default=PRESETS / "foundation.yaml", help="its recipe")
    parser.add_argument("--level", type=Path, default=PRESETS / "virialff.yaml", help="recipe of the level")
    parser.add_argument("--members", type=int, default=2, help="further runs of the level (default %(default)s)")
    parser.add_argument("--packs", type=Path, default=Path("runs/whole_training_packs"), help="default %(default)s")
    parser.add_argument("--packs-only", action="store_true", help="make the packs, which needs RDKit, and end")
    parser.add_argument("--output", type=Path, default=Path("runs/whole_training"), help="default %(default)s")
    given = parser.parse_args(arguments)
    foundation, level = load_recipe(given.foundation), load_recipe(given.level)
    labels = {
        name: _packs(recipe, given.packs / name) for name, recipe in (("foundation", foundation), ("level", level))
    }
    if given.packs_only:
        return 0

    seconds = 60.0 * given.minutes
    shares = SHARES | {f"member-{n + 1}": (1.0 - sum(SHARES.values())) / given.members for n in range(given.members)}
    rows = []
    for number, (name, share) in enumerate(shares.items()):
        began = time.monotonic()
        if name == "foundation":
            run = Run(foundation, foundation.network, labels[name], None, foundation.initial, given.device)
        else:
            companion, initial = labels["foundation"], given.output / "foundation"
            run = Run(level, foundation.network, labels["level"], companion, initial, given.device)
        stage = replace(run.recipe.all_stages[-1], seed=max(1, number))
        state, stage = run.train(given.output / name, stage, share * seconds)
        errors = evaluate(state, *run.packs, "validation")
        rows.append((name, stage.steps, time.monotonic() - began, errors))
        with tarfile.open(given.output / f"{name}.tar.gz", "w:gz") as archive:
            archive.add(given.output / name, name)
    print(_table(rows))
    return 0


class Run:
    """One training: its recipe, the network of the foundation, its labels and where it runs."""

    def __init__(
        self,
        recipe: Recipe,
        network: NetworkConfig,
        packs: Packs,
        companion: Packs | None,
        initial: Path | None,
        device: str,
    ) -> None:
        self.recipe, self.network, self.packs = recipe, network, packs
        self.companion, self.initial, self.device = companion, initial, device

    def train(self, folder: Path, stage: Optimization, seconds: float) -> tuple[State, Optimization]:
        """Train for so many seconds, the search for their number of steps included; the stage at its length."""
        began = time.monotonic()
        each = self._seconds_per_step(stage)
        left = (1.0 - _RESERVE) * seconds - (time.monotonic() - began)
        steps = max(1, int(left / each))
        stage = replace(
            stage, steps=steps, warmup_steps=min(stage.warmup_steps, steps // 10), validate_every=max(1, steps // 5)
        )
        print(f"{folder.name}: {steps} steps of {each:.3f} s", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        told = self.recipe.model_copy(update={"network": self.network, "initial": self.initial, "optimization": stage})
        replace_file(folder / "recipe.json", json_lines(told.model_dump(mode="json")))
        return self._train(folder, stage, self.packs), stage

    def _train(self, folder: Path, stage: Optimization, packs: Packs) -> State:
        return train(
            folder,
            self.network,
            [stage],
            *packs,
            initial=self.initial,
            companion=self.companion,
            device=self.device,
            report=lambda line: print(line, flush=True),
        )

    def _seconds_per_step(self, stage: Optimization) -> float:
        few = tuple(
            replace(
                pack,
                train=pack.train.subset(range(min(_PROBE_RECORDS, len(pack.train)))),
                validation=pack.validation.subset([]),
            )
            for pack in self.packs
        )
        seconds = []
        with TemporaryDirectory(prefix="virialff-") as folder:
            for steps in _PROBE_STEPS:
                began = time.monotonic()
                self._train(
                    Path(folder) / str(steps), replace(stage, steps=steps, validate_every=10**9), (few[0], few[1])
                )
                seconds.append(time.monotonic() - began)
        return max(1e-4, (seconds[1] - seconds[0]) / (_PROBE_STEPS[1] - _PROBE_STEPS[0]))


def _packs(recipe: Recipe, folder: Path) -> Packs:
    if not (folder / "counts.json").exists():
        from training.data.make_packs import make_packs

        make_packs(
            recipe.data.labels,
            folder,
            seed=recipe.data.split_seed,
            fractions=recipe.data.fractions,
            level_of_theory=recipe.level_of_theory,
        )
    return load_packs(folder)


def _table(rows: Sequence[tuple[str, int, float, dict[str, float]]]) -> str:
    names = list(dict.fromkeys(name for *_, errors in rows for name in errors))
    lines = ["| run | steps | seconds | " + " | ".join(names) + " |", "| --- |" + " ---: |" * (2 + len(names))]
    for run, steps, seconds, errors in rows:
        cells = [f"{errors[name]:.3f}" if name in errors else "–" for name in names]
        lines.append(f"| {run} | {steps} | {seconds:.0f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
