"""What a worker of a campaign does: chunk after chunk that nobody else has or had, into the store."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from training.labelling.campaign.limits import TaskTimeout, WorkerStopped, stop_on_signals, time_limit
from training.labelling.config import CampaignConfig
from training.labelling.plan.plan import Chunk, Plan, stored_plan
from training.labelling.tasks.kinds import Task, compute, failed
from virialff.errors import StoreBusyError, VirialffError
from virialff.files import replace_file
from virialff.labels.journal import read_journal
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore

#: The configuration by which the workers of a command compute, in its folder.
CONFIG = "config.json"
#: A task at which the worker's process died this many times is recorded as a failure.
MAX_ATTEMPTS = 3
#: What an odd molecule brings programs to raise. Anything else is a fault of ours and ends the worker.
_FAULTS = (VirialffError, RuntimeError, ValueError, ArithmeticError, LookupError, MemoryError)


class End(NamedTuple):
    """How a worker ended, as it says itself, or as it looks from outside; the sentence says why."""

    state: Literal["finished", "stopped", "time_limit", "failed", "died", "cancelled"]
    message: str = ""


class WorkerFiles:
    """The files of one worker, in the folder of the command that started it."""

    def __init__(self, folder: Path, number: int) -> None:
        self.current = CurrentTask(folder / f"worker_{number:04d}.current")
        self.log = folder / f"worker_{number:04d}.log"
        self._end = folder / f"worker_{number:04d}.json"

    def tell(self, end: End) -> None:
        """By the worker, when it ends."""
        replace_file(self._end, json.dumps(end).encode())

    def told(self) -> End | None:
        """How the worker ended; None where it was killed."""
        try:
            return End(*json.loads(self._end.read_bytes()))
        except FileNotFoundError:
            return None


class Deaths:
    """The tasks at which workers died, kept in the campaign's folder: one line of JSON a death."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "deaths.jsonl"

    def record(self, task: str, how: str) -> None:
        """Add a death. Several processes may do so at once."""
        line = json.dumps({"task": task, "how": how}) + "\n"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def of(self, task: str) -> list[str]:
        """How the workers died that had this task."""
        if not self._path.exists():
            return []
        entries = (json.loads(line) for line in self._path.read_text(encoding="utf-8").splitlines())
        return [entry["how"] for entry in entries if entry["task"] == task]


class CurrentTask:
    """A file that holds the key of the task in work; it outlives a worker that dies."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, task: Task) -> None:
        """Note the task before it is computed."""
        replace_file(self._path, task.key.encode())

    def read(self) -> str | None:
        """The key of the task that was in work, None if there was none."""
        return self._path.read_text(encoding="utf-8") if self._path.exists() else None

    def forget(self) -> None:
        """Between tasks."""
        self._path.unlink(missing_ok=True)


def is_finished(folder: Path, chunk: Chunk) -> bool:
    """Whether all tasks of a chunk are in the store."""
    return (folder / f"{chunk.name}.parquet").exists()


def tasks_done(folder: Path, chunks: Sequence[Chunk]) -> int:
    """How many tasks of the chunks are in the store."""
    return sum(len(chunk.tasks) if is_finished(folder, chunk) else _in_journal(folder, chunk) for chunk in chunks)


def _in_journal(folder: Path, chunk: Chunk) -> int:
    try:
        return sum(1 for _ in read_journal(folder / f"{chunk.name}.journal", ["task"]))
    except FileNotFoundError:
        # Not begun, or finished since the caller looked.
        return len(chunk.tasks) if is_finished(folder, chunk) else 0


def compute_chunk(chunk: Chunk, config: CampaignConfig, current: CurrentTask) -> bool:
    """Compute what is missing of one chunk, unless another worker has it; returns whether it is now finished by us.

    Raises StoreError when the labels cannot be written; what was stored before is kept.
    """
    if is_finished(config.folder, chunk):
        return False
    deaths = Deaths(config.folder)
    try:
        writer = LabelStore(config.folder).writer(chunk.name)
    except StoreBusyError:
        return False
    with writer:
        if writer.finished:
            return False
        for task in chunk.tasks:
            if task.key not in writer.tasks:
                writer.append(rows_of(task, config, current, deaths.of(task.key)))
        writer.finish()
    return True


def rows_of(task: Task, config: CampaignConfig, current: CurrentTask, deaths: Sequence[str]) -> list[Label]:
    """The rows of one task; what keeps it from being computed is a row with the reason."""
    if len(deaths) >= MAX_ATTEMPTS:
        return [failed(task, config, f"the worker process died {len(deaths)} times while computing it ({deaths[-1]})")]
    current.begin(task)
    try:
        with time_limit(config.seconds_per_task):
            rows = compute(task, config)
    except TaskTimeout:
        rows = [failed(task, config, f"it took longer than the {config.seconds_per_task:g} s that a task may take")]
    except _FAULTS as error:
        named = str(error) if isinstance(error, VirialffError) else f"{type(error).__name__}: {error}"
        rows = [failed(task, config, named)]
    current.forget()
    return rows


def work(config: CampaignConfig, current: CurrentTask) -> End:
    """What a worker does: it ends when no chunk is left that nobody else works on."""
    stop_on_signals()
    try:
        plan = stored_plan(config)
        # Again after a round that found work: a chunk may have been let go by a worker that was stopped.
        while _one_round(plan, config, current):
            pass
    except WorkerStopped as stopped:
        current.forget()
        return End("time_limit" if stopped.time_limit else "stopped")
    except VirialffError as error:
        return End("failed", str(error))
    return End("finished")


def _one_round(plan: Plan, config: CampaignConfig, current: CurrentTask) -> bool:
    finished = [compute_chunk(chunk, config, current) for chunk in plan.chunks]
    return any(finished)


def main(folder: Path, first: int) -> None:
    """`python -m training.labelling.campaign.worker FOLDER NUMBER`: the process of a worker, by the configuration in
    the folder. In an array of SLURM the number is that of the first."""
    files = WorkerFiles(folder, first + int(os.environ.get("SLURM_ARRAY_TASK_ID", "0")))
    config = CampaignConfig.model_validate_json((folder / CONFIG).read_bytes())
    try:
        files.tell(work(config, files.current))
    except Exception as error:
        files.tell(End("died", f"{type(error).__name__}: {error}".splitlines()[0]))
        raise


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
