"""Runs a campaign from one command: submits the workers, replaces those that die, tells the progress."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from training.labelling.campaign.cluster import Cluster, Worker, make_cluster
from training.labelling.campaign.known import take_over
from training.labelling.campaign.progress import Progress
from training.labelling.campaign.worker import Deaths, is_finished, tasks_done
from training.labelling.config import CampaignConfig
from training.labelling.plan.plan import Chunk, stored_plan
from virialff import children
from virialff.access import require_write_access
from virialff.errors import StoreBusyError, VirialffError
from virialff.labels.store import LabelStore
from virialff.text import counted

#: Dead workers that one run of the command replaces before it gives up.
MAX_REPLACED = 50


class Outcome(NamedTuple):
    """What a run left: chunks that are finished, that another run is computing, and that nobody is computing."""

    finished: int
    elsewhere: int
    open: int


def run_campaign(config: CampaignConfig, *, interval: float = 10.0, say: Callable[[str], None] = print) -> Outcome:
    """Run a campaign to its end, or go on with it; `say` gets a line of progress every `interval` seconds.

    Ends early, with chunks left open, when workers are cancelled from outside. On KeyboardInterrupt, which SIGTERM
    raises too, the workers are stopped first. Raises VirialffError for what a person must put right: a full disk, a
    cluster that refuses the workers, workers that keep dying; ReadOnlyError where this installation is read-only.
    """
    require_write_access("Starting a label campaign")
    # Workers of a cluster may start in another folder.
    config = config.model_copy(update={"folder": config.folder.absolute()})
    plan = stored_plan(config, say)
    take_over(config, plan, say)
    chunks = [chunk for chunk in plan.chunks if not is_finished(config.folder, chunk)]
    before = sum(len(chunk.tasks) for chunk in plan.chunks) - sum(len(chunk.tasks) for chunk in chunks)
    say(f"{len(plan.chunks)} chunks, {len(plan.chunks) - len(chunks)} finished before")
    if chunks:
        folder = config.folder / "jobs" / f"{time.strftime('%Y%m%d_%H%M%S')}_{os.getpid()}"
        cluster = make_cluster(config, folder)
        total = sum(len(chunk.tasks) for chunk in plan.chunks)
        progress = Progress(total, before + tasks_done(config.folder, chunks))

        def report(workers: int) -> None:
            done = before + tasks_done(config.folder, chunks)
            say(f"{time.strftime('%H:%M:%S')} {progress.line(done)}, {counted(workers, 'worker')}")

        with children.interruptible():
            clean = _Supervision(cluster, config, chunks, say).run(interval, report)
        if clean:
            shutil.rmtree(folder)
    return _outcome(config.folder, plan.chunks)


class _Supervision:
    """The workers of one run."""

    def __init__(
        self, cluster: Cluster, config: CampaignConfig, chunks: list[Chunk], say: Callable[[str], None]
    ) -> None:
        self._cluster = cluster
        self._config = config
        self._chunks = chunks
        self._say = say
        self._replaced = 0

    def run(self, interval: float, report: Callable[[int], None]) -> bool:
        """Returns whether every worker ended as it should. Whatever happens, none is left behind."""
        workers = self._cluster.start(min(self._config.workers, len(self._chunks)))
        clean = True
        told = time.monotonic()
        try:
            while workers:
                time.sleep(min(interval, self._cluster.tick))
                workers, well = self._look(workers)
                clean = clean and well
                if time.monotonic() - told >= interval or not workers:
                    told = time.monotonic()
                    report(len(workers))
        except BaseException:
            self._say("stopping the workers")
            for worker in self._cluster.stop(workers):
                self._say(f"worker {worker.job} did not stop in time")
            raise
        return clean

    def _look(self, workers: list[Worker]) -> tuple[list[Worker], bool]:
        """The workers that are at work now, with replacements, and whether all others ended well."""
        ends = self._cluster.ended(workers)
        alive = [worker for worker in workers if worker.job not in ends]
        clean = True
        wanted = 0
        for worker in workers:
            if worker.job not in ends:
                continue
            state, message = ends[worker.job]
            if state == "failed":
                raise VirialffError(message)
            if state == "died":
                clean = False
                self._died(worker, message)
                wanted += 1
            elif state == "time_limit":
                self._say(f"worker {worker.job} {message or 'came to the end of its time'} and is followed by another")
                wanted += 1
            elif state in ("cancelled", "stopped"):
                self._say(f"worker {worker.job} was cancelled and is not replaced")
        open_chunks = sum(not is_finished(self._config.folder, chunk) for chunk in self._chunks)
        wanted = min(wanted, open_chunks - len(alive))
        if wanted > 0:
            alive += self._cluster.start(wanted)
        return alive, clean

    def _died(self, worker: Worker, message: str) -> None:
        task = worker.files.current.read()
        if task is not None:
            Deaths(self._config.folder).record(task, message)
            worker.files.current.forget()
        self._say(f"worker {worker.job} died ({message}) at {task or 'no task'}")
        self._replaced += 1
        if self._replaced > MAX_REPLACED:
            raise VirialffError(
                f"{self._replaced} workers died, the last of them at {task or 'no task'} ({message}): see the logs in "
                f"{self._config.folder / 'jobs'}."
            )


def _outcome(folder: Path, chunks: tuple[Chunk, ...]) -> Outcome:
    missing = [chunk for chunk in chunks if not is_finished(folder, chunk)]
    elsewhere = sum(_in_work(folder, chunk) for chunk in missing)
    return Outcome(len(chunks) - len(missing), elsewhere, len(missing) - elsewhere)


def _in_work(folder: Path, chunk: Chunk) -> bool:
    try:
        LabelStore(folder).writer(chunk.name).close()
    except StoreBusyError:
        return True
    return False
