"""How fast a recipe trains on this machine, and what memory it takes: a few of its steps on a sample of its labels."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from training.data.make_packs import make_packs
from training.data.pack import load_packs
from training.loop.ranks import Processes
from training.loop.run_folder import RunFolder
from training.loop.state import resume_or_start
from training.loop.train import StageRun
from training.recipes.recipe import Recipe
from virialff.errors import ConfigError
from virialff.labels.store import LabelStore, write_parquet

#: Training records that the baseline is fitted to, which is not measured.
_RECORDS = 200
#: Tasks of each store that a sample has: enough for batches of the sizes of the presets.
_TASKS = 250


@dataclass(frozen=True)
class Speed:
    """A second of training."""

    steps: float
    molecules: float
    geometries: float
    pairs: float
    data_share: float  #: of the time, in reading, drawing and joining records


@dataclass(frozen=True)
class Cost:
    """What a training takes on one machine, by some of its steps."""

    steps_per_second: float
    memory_bytes: int  #: most that the process held, PyTorch and the sample of the labels with it


def measure(recipe: Recipe, packs: Path, device: str, *, steps: int, companion: Path | None = None) -> Speed:
    """Train some steps by the last stage of a recipe; as many before them are not counted.

    packs, companion: folders of packs. device: cpu, or a GPU as torch names it.
    """
    molecules, complexes = load_packs(packs)
    stage = replace(recipe.all_stages[-1], steps=10**6)
    few = molecules.train.subset(range(min(_RECORDS, len(molecules.train))))
    with TemporaryDirectory(prefix="virialff-") as folder:
        run = RunFolder(Path(folder))
        others = None if companion is None else load_packs(companion)
        state = resume_or_start(
            run,
            recipe.network,
            [stage],
            few,
            device,
            recipe.initial,
            companion=None if others is None else others[0].train,
        )
        training = StageRun(
            run, state, stage, 0, stage.steps, molecules, complexes, Processes(device=device), lambda line: None
        )
        if others is not None and stage.companion_weight:
            training.add_companion(*others)
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


def measure_cost(
    recipe: Recipe, *, steps: int = 4, device: str = "cpu", say: Callable[[str], None] = lambda text: None
) -> Cost:
    """Steps a second and memory of a recipe here, with validation and checkpoints left out.

    Its labels are sampled evenly, so that it takes seconds and not the minutes that all of them would. Raises
    ConfigError where its labels hold nothing of its level, and what `make_packs` raises.
    """
    with TemporaryDirectory(prefix="virialff-") as folder:
        place = Path(folder)
        say("sampling the labels")
        parts = {"packs": (recipe.data.labels, recipe.level_of_theory)}
        if recipe.companion is not None:
            parts["companion"] = (recipe.companion.labels, recipe.companion.level_of_theory)
        for name, (stores, level) in parts.items():
            sample = sampled(stores, level, place / f"{name}.parquet")
            # All of it is trained on: how a small sample falls into splits is chance.
            make_packs([sample], place / name, seed=0, fractions=(1.0, 0.0, 0.0), level_of_theory=level)
        say("training some steps")
        torch.set_num_threads(recipe.all_stages[-1].threads)
        _forget_peak()
        companion = place / "companion" if recipe.companion is not None else None
        speed = measure(recipe, place / "packs", device, steps=steps, companion=companion)
        return Cost(speed.steps, _peak_bytes())


def sampled(stores: Sequence[Path], level: str, file: Path) -> Path:
    """Write a Parquet file with the rows of some tasks of each store at this level, evenly spread over it."""
    parts: list[pa.Table] = []
    for path in stores:
        store = LabelStore(path)
        tasks: dict[str, None] = {}
        for table in store.tables(["task", "level_of_theory"]):
            own = table.filter(pc.equal(table["level_of_theory"], level))
            tasks |= dict.fromkeys(own["task"].unique().to_pylist())
        names = list(tasks)
        if not names:
            continue
        places = np.linspace(0, len(names) - 1, min(_TASKS, len(names))).astype(int)
        wanted = pa.array([names[place] for place in places])
        parts += [
            part
            for table in store.tables()
            if len(
                part := table.filter(
                    pc.and_(pc.equal(table["level_of_theory"], level), pc.is_in(table["task"], wanted))
                )
            )
        ]
    if not parts:
        raise ConfigError(f"the labels hold nothing at {level}: choose another level of theory")
    write_parquet(file, parts)
    return file


def _forget_peak() -> None:
    """From now on the peak memory of this process is counted anew."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # Without it the peak is that since the process began, which is no less.


def _peak_bytes() -> int:
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return 1024 * int(found[1]) if found else 0
