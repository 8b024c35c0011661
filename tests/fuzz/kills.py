"""Kill -9 at random moments of training, labelling, the registry and jobs: in the end what was never disturbed has.

    python -m tests.fuzz.kills --count 200 --seed 3

Each subject is worked at by a process that is killed and started again until it has been killed as often as asked, then
left to finish. Rows of labels and losses of trainings must be those of an undisturbed run, the registry must show whole
models alone and go on to work. Where something differs the command says so, keeps the folder, and ends with 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import torch

from tests.fuzz import seeds
from tests.small_network import SMALL_NETWORK
from tests.training.labelling.small_campaign import (
    assert_same_rows,
    campaign,
    run_command,
    started_command,
)
from training.data.pack import COMPLEXES, MOLECULES, load_pack
from training.jobs import control
from training.labelling.campaign.worker import CurrentTask, compute_chunk
from training.labelling.config import CampaignConfig
from training.labelling.plan.plan import stored_plan
from training.loop.run_folder import RunFolder
from training.loop.train import train
from training.recipes.optimization import Optimization
from virialff.children import processes_below
from virialff.errors import VirialffError
from virialff.models import registry
from virialff.models.received import verify
from virialff.settings import RUNS_VARIABLE

_POOL = ("CCO", "CN", "CS", "C=O")
#: In double precision a run that goes on has the losses of one that never stopped.
SETTINGS = Optimization(
    steps=60,
    batch_pairs=100,
    complex_batch_pairs=50,
    warmup_steps=5,
    validate_every=10,
    double_precision=True,
    checkpoint_seconds=0.0,
)
_TOLERANCE = 1e-9


class Different(Exception):
    """What was killed has not ended as what was not; the message says where."""


def killed(work: Callable[[], object], seconds: float) -> bool:
    """Do `work` in a copy of this process and kill it after so long; False where it ended before."""
    process = multiprocessing.get_context("fork").Process(target=_quietly, args=(work,))
    process.start()
    process.join(seconds)
    early = process.exitcode is None
    process.kill()
    process.join()
    if not early and process.exitcode != 0:
        raise Different(f"it failed by itself with exit code {process.exitcode}")
    return early


def _quietly(work: Callable[[], object]) -> None:
    torch.set_num_threads(1)
    work()


def of_training(samples: seeds.Samples, folder: Path, kills: int, chance: random.Random) -> int:
    """Kill a training; its losses must be those of one that was never stopped. Returns the kills."""

    def run(place: Path) -> None:
        packs = [load_pack(samples.packs / name) for name in (MOLECULES, COMPLEXES)]
        train(place, SMALL_NETWORK, [SETTINGS], *packs, report=lambda line: None)

    start = time.monotonic()
    if killed(lambda: run(folder / "whole"), 600.0):
        raise Different("an undisturbed training of 60 steps took more than 10 minutes")
    whole = time.monotonic() - start
    done = 0
    while done < kills:
        place = folder / f"training{done}"
        # Not more at one run than a person would bear.
        for _ in range(min(10, kills - done)):
            if not killed(partial(run, place), chance.uniform(0.0, 0.7 * whole)):
                break
            done += 1
        killed(partial(run, place), 600.0)
        same_losses(RunFolder(folder / "whole").metrics(), RunFolder(place).metrics())
        shutil.rmtree(place)
    return done


def same_losses(expected: list[dict[str, Any]], found: list[dict[str, Any]]) -> None:
    """Raise Different where a step is missing or a loss is not that of the undisturbed run."""
    steps = [[row["step"] for row in rows] for rows in (expected, found)]
    if steps[0] != steps[1]:
        raise Different(f"metrics of the steps {steps[1]}, not {steps[0]}")
    for before, after in zip(expected, found, strict=True):
        for name in set(before) - {"seconds"}:
            if isinstance(before[name], float) and not math.isclose(before[name], after[name], rel_tol=_TOLERANCE):
                raise Different(f"step {before['step']}: {name} is {after[name]}, not {before[name]}")


def of_labelling(samples: seeds.Samples, folder: Path, kills: int, chance: random.Random) -> int:
    """Kill what computes the chunks of a campaign; every row must be there once, with the same numbers."""
    folder.mkdir(parents=True)
    whole = campaign(folder, _POOL)
    start = time.monotonic()
    if killed(lambda: _compute(whole), 600.0):
        raise Different("an undisturbed campaign of four molecules took more than 10 minutes")
    seconds = time.monotonic() - start
    expected = seeds.rows(whole.folder)
    done = 0
    while done < kills:
        config = whole.model_copy(update={"folder": folder / f"labels{done}"})
        for _ in range(min(10, kills - done)):
            if not killed(partial(_compute, config), chance.uniform(0.0, 0.7 * seconds)):
                break
            done += 1
        killed(partial(_compute, config), 600.0)
        _same_rows(config.folder, expected)
        shutil.rmtree(config.folder)
    return done


def _compute(config: CampaignConfig) -> None:
    current = CurrentTask(config.folder / "test.current")
    for chunk in stored_plan(config, lambda line: None).chunks:
        compute_chunk(chunk, config, current)


def _same_rows(folder: Path, expected: list[Any]) -> None:
    try:
        assert_same_rows(folder, expected)
    except AssertionError as error:
        raise Different(f"the rows in {folder} are not those of the undisturbed campaign: {error}") from error


def of_campaigns(samples: seeds.Samples, folder: Path, kills: int, chance: random.Random) -> int:
    """The same of the command `virialff label`, with its workers or one of them alone."""
    folder.mkdir(parents=True)
    whole = campaign(folder, _POOL)
    start = time.monotonic()
    _succeed(run_command(folder / "campaign.yaml"))
    seconds = time.monotonic() - start
    expected = seeds.rows(whole.folder)
    text = (folder / "campaign.yaml").read_text()
    done = 0
    while done < kills:
        place = folder / f"labels{done}"
        file = folder / f"campaign{done}.yaml"
        file.write_text(text.replace(str(whole.folder), str(place)))
        for _ in range(min(4, kills - done)):
            with started_command(file) as command:
                time.sleep(chance.uniform(0.0, seconds))
                if command.poll() is not None:
                    break
                victims = processes_below(command.pid)
                # The command itself, or one of its workers, which it replaces.
                os.kill(chance.choice(victims), signal.SIGKILL)
                done += 1
                with suppress(subprocess.TimeoutExpired):
                    command.wait(seconds)
        _succeed(run_command(file))
        _same_rows(place, expected)
    return done


def _succeed(command: subprocess.CompletedProcess[str]) -> None:
    if command.returncode != 0:
        raise Different(f"{' '.join(map(str, command.args))} ended with {command.returncode}: {command.stderr[-500:]}")


def of_registry(samples: seeds.Samples, folder: Path, kills: int, chance: random.Random) -> int:
    """Kill what adds, chooses and removes models; only whole models may be listed, and the next one must succeed."""
    seeds.own_folders(folder)

    def work() -> None:
        while True:
            registry.add(samples.archive, "killed")
            registry.set_default("killed")
            registry.set_default("default")
            registry.remove("killed")

    registry.add(samples.archive, "killed")  # so that what is loaded first is loaded before the copies are made
    registry.remove("killed")
    done = 0
    while done < kills:
        done += killed(work, chance.uniform(0.0, 0.4))
        try:
            for model in registry.registered_models():
                if not model.shipped:
                    verify(model.folder)
            registry.load_model()
            registry.set_default("default")
            with suppress(VirialffError):
                registry.remove("killed")
            registry.add(samples.archive, "killed")
            registry.remove("killed")
        except VirialffError as error:
            raise Different(f"after a kill: {error}") from error
    return done


def of_jobs(samples: seeds.Samples, folder: Path, kills: int, chance: random.Random) -> int:
    """Kill a job's own process, its training, or both, and resume it; its losses must be the undisturbed ones."""
    folder.mkdir(parents=True)
    recipe = seeds.recipe(folder / "recipe.yaml", samples.store, dataclasses.asdict(SETTINGS))
    # The folder of runs is read when it is asked for, so that this process looks where the jobs are.
    os.environ |= {RUNS_VARIABLE: str(folder / "runs"), "CUDA_VISIBLE_DEVICES": ""}
    start = time.monotonic()
    whole = control.start(recipe, run=folder / "runs" / "whole")
    _end(whole.name)
    seconds = time.monotonic() - start
    expected = RunFolder(folder / "runs" / "whole").metrics()
    done = 0
    while done < kills:
        run = folder / "runs" / f"run{done}"
        name = control.start(recipe, run=run).name
        for _ in range(min(4, kills - done)):
            time.sleep(chance.uniform(0.0, seconds))
            job = control.find(name)
            victims = _of_job(folder / "runs" / "jobs" / name)
            if job.is_over or not victims:
                break
            for victim in chance.choice((victims[:1], victims[-1:], victims)):
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
            done += 1
            job = _end(name)
            if job.state == "finished":
                break
            if job.state not in ("died", "stopped") or not job.reason:
                raise Different(f"a killed job is {job.state}: {job.reason or 'without a reason'}")
            _wait_free(name)
        job = _end(name)
        if job.state != "finished":
            raise Different(f"the job {name} has {job.state}: {job.reason}")
        same_losses(expected, RunFolder(run).metrics())
    return done


def _of_job(folder: Path) -> list[int]:
    """The processes of a job: its own first, then those below it."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
            if str(folder).encode() in words and int(entry.name) != os.getpid():
                return processes_below(int(entry.name))
    return []


def _end(name: str) -> Any:
    """The job once it has ended."""
    deadline = time.monotonic() + 600
    while not (job := control.find(name)).is_over:
        if time.monotonic() > deadline:
            raise Different(f"the job {name} is {job.state} after 10 minutes")
        time.sleep(0.1)
    return job


def _wait_free(name: str) -> None:
    """Resume the job, once the training that outlived it a moment has saved and ended."""
    deadline = time.monotonic() + 120
    while True:
        try:
            control.resume(name)
            return
        except VirialffError as error:
            if time.monotonic() > deadline:
                raise Different(f"the job {name} cannot be resumed: {error}") from error
            time.sleep(0.3)


SUBJECTS: dict[str, tuple[Callable[[seeds.Samples, Path, int, random.Random], int], int]] = {
    "training": (of_training, 70),
    "labelling": (of_labelling, 60),
    "registry": (of_registry, 40),
    "campaigns": (of_campaigns, 15),
    "jobs": (of_jobs, 15),
}


def kill(subjects: Iterable[str], count: int, seed: int, folder: Path, say: Callable[[str], None]) -> dict[str, str]:
    """So many kills over these subjects; a sentence on each, and "same" at its beginning where all is well."""
    chosen = {name: SUBJECTS[name] for name in subjects}
    total = sum(share for _, share in chosen.values())
    samples = seeds.make_samples(folder / "samples")
    ends = {}
    for name, (work, share) in chosen.items():
        wanted = max(1, round(count * share / total))
        start = time.monotonic()
        try:
            done = work(samples, folder / name, wanted, random.Random(f"{seed}/{name}"))
            ends[name] = f"same after {done} kills"
        except Different as error:
            ends[name] = f"different: {error}"
        say(f"{name}: {ends[name]} ({time.monotonic() - start:.0f} s)")
    return ends


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="kills in all (default: 200)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--subject", nargs="+", choices=list(SUBJECTS), default=list(SUBJECTS))
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = Path(tempfile.mkdtemp(prefix="virialff-kills-"))
    ends = kill(arguments.subject, arguments.count, arguments.seed, folder, lambda line: print(line, flush=True))
    if all(end.startswith("same") for end in ends.values()):
        shutil.rmtree(folder)
        return 0
    print(f"what was found lies in {folder}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
