"""Label campaigns at GFN2-xTB: `python -m training.labels CONFIG --workers N`.

A campaign is a list of shards, each of some tens of molecules or complexes. A worker locks a shard, computes it and
writes it whole; a finished shard is never computed again. So a campaign can be stopped, killed and started again, by
several commands at once, and ends with the same labels: all randomness comes from the seed and the molecule.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from training.label_compute import label_complex, label_molecule
from training.label_plan import ComplexTask, LabelConfig, MoleculeTask, Plan, load_config, locked, stored_plan
from training.label_shards import Failure, LabelRecord, read_failures, read_shard, read_shards, shard_paths, write_shard
from virialff.errors import VirialffError

__all__ = ["main", "read_failures", "read_shard", "read_shards", "run_campaign"]

#: A molecule whose worker died this many times is recorded as a failure.
MAX_ATTEMPTS = 3
#: Dead workers that one run of the command replaces before it gives up.
MAX_RESTARTS = 50


class Shard(NamedTuple):
    """A shard of the plan: where it goes and what it holds."""

    path: Path
    tasks: Sequence[MoleculeTask | ComplexTask]


def shards(plan: Plan, config: LabelConfig) -> list[Shard]:
    """The shards of a campaign in the order of work, molecules and complexes in turn."""
    molecules = list(_cut(config.folder / "molecules", plan.molecules, config.molecules_per_shard))
    pairs = list(_cut(config.folder / "complexes", plan.complexes, config.complexes_per_shard))
    # Each kind is spread evenly, so that a part of the campaign is a fair sample of the whole.
    placed = [(index / len(part), shard) for part in (molecules, pairs) for index, shard in enumerate(part)]
    return [shard for _, shard in sorted(placed, key=lambda item: (item[0], item[1].path))]


def _cut(folder: Path, tasks: Sequence[MoleculeTask | ComplexTask], size: int) -> Iterator[Shard]:
    for index in range(0, len(tasks), size):
        yield Shard(folder / f"shard_{index // size:05d}.npz", tasks[index : index + size])


def compute_shard(shard: Shard, config: LabelConfig, alive: Callable[[], bool] = lambda: True) -> bool:
    """Compute and write one shard unless it is finished or in another worker's hands; returns whether it did.

    A molecule at which the process died MAX_ATTEMPTS times is recorded as a failure. `alive` is asked before each
    molecule; when it says no, the shard is left for later.
    """
    shard.path.parent.mkdir(parents=True, exist_ok=True)
    with locked(shard.path.with_suffix(".lock")) as mine:
        if not mine or shard.path.exists():
            return False
        for left in shard.path.parent.glob(f"{shard.path.name}.*.tmp"):
            left.unlink()
        suspects = _Suspects(shard.path.with_suffix(".suspects"))
        records: list[LabelRecord] = []
        failures: list[Failure] = []
        for task in shard.tasks:
            if not alive():
                suspects.forget()
                return False
            key = task.inchikey if isinstance(task, MoleculeTask) else task.key
            if suspects.deaths[key] >= MAX_ATTEMPTS:
                text = task.smiles if isinstance(task, MoleculeTask) else ".".join(task.smiles)
                failures.append(Failure(key, text, "all", "the worker process died while computing it"))
                continue
            suspects.begin(key)
            record: LabelRecord | None
            if isinstance(task, MoleculeTask):
                record, failed = label_molecule(task, config)
            else:
                record, failed = label_complex(task, config)
            failures += failed
            if record is not None:
                records.append(record)
        write_shard(shard.path, records, failures)
        suspects.forget()
        return True


class _Suspects:
    """A file beside a shard in work: which molecule is being computed, and at which ones the process died before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        content = json.loads(path.read_text()) if path.exists() else {"deaths": {}, "current": None}
        self.deaths: Counter[str] = Counter(content["deaths"])
        if content["current"] is not None:
            self.deaths[content["current"]] += 1

    def begin(self, key: str) -> None:
        temporary = self._path.with_suffix(".suspects.tmp")
        temporary.write_text(json.dumps({"deaths": self.deaths, "current": key}))
        os.replace(temporary, self._path)

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)


def _work(config: LabelConfig, parent: int) -> None:
    """A worker process: every shard that nobody else has or had. It stops when the command that started it is gone."""
    plan = stored_plan(config)
    for shard in shards(plan, config):
        if os.getppid() != parent:
            return
        compute_shard(shard, config, alive=lambda: os.getppid() == parent)


def run_campaign(
    config: LabelConfig, *, workers: int, interval: float = 10.0, say: Callable[[str], None] = print
) -> None:
    """Run a campaign to its end with `workers` processes, one thread each, telling the progress every `interval` s.

    A worker that dies is replaced. Raises VirialffError when too many die or one ends with an error.
    """
    # Workers inherit it: more threads only cost at this size of molecule.
    os.environ["OMP_NUM_THREADS"] = "1"
    every = shards(stored_plan(config, say), config)
    context = multiprocessing.get_context("spawn")

    def start() -> multiprocessing.process.BaseProcess:
        process = context.Process(target=_work, args=(config, os.getpid()))
        process.start()
        return process

    done_before = sum(shard.path.exists() for shard in every)
    began = time.monotonic()
    say(f"{len(every)} shards, {done_before} done before; {workers} workers")
    processes = [start() for _ in range(workers)]
    restarts = 0
    while processes:
        for process in processes:
            process.join(interval / len(processes))
        say(_progress(every, done_before, time.monotonic() - began))
        alive = [process for process in processes if process.is_alive()]
        for process in processes:
            if process.is_alive() or process.exitcode == 0:
                continue
            restarts += 1
            if restarts > MAX_RESTARTS or process.exitcode == 1:
                raise VirialffError(f"A worker ended with exit status {process.exitcode}; its message is above.")
            say(f"a worker died (exit status {process.exitcode}) and is replaced")
            alive.append(start())
        processes = alive
    missing = [shard.path for shard in every if not shard.path.exists()]
    if missing:
        say(f"{len(missing)} shards are in the hands of another run of this campaign")


def _progress(every: Sequence[Shard], done_before: int, seconds: float) -> str:
    finished = [shard for shard in every if shard.path.exists()]
    done = sum(len(shard.tasks) for shard in finished)
    total = sum(len(shard.tasks) for shard in every)
    rate = (len(finished) - done_before) / max(seconds, 1e-9)
    left = f"{(len(every) - len(finished)) / rate / 60:.1f} min left" if rate > 0 else "time left not known yet"
    counts = f"{len(finished)}/{len(every)} shards, {done}/{total} systems"
    return f"{time.strftime('%H:%M:%S')} {counts}, {60 * rate:.1f} shards/min, {left}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.labels", description="Run a GFN2-xTB label campaign.")
    parser.add_argument("config", type=Path, help="the campaign's YAML file")
    parser.add_argument("--workers", type=int, default=1, help="worker processes (default 1)")
    parser.add_argument("--folder", type=Path, help="write the labels here instead of the folder of the configuration")
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between progress lines")
    options = parser.parse_args(arguments)
    try:
        config = load_config(options.config)
        if options.folder is not None:
            config = config.model_copy(update={"folder": options.folder})
        run_campaign(
            config, workers=options.workers, interval=options.interval, say=lambda text: print(text, flush=True)
        )
    except VirialffError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(shard_paths(config.folder))} shards in {config.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
