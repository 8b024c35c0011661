"""Training jobs as folders of small files, each with one writer and replaced as a whole, so that every shell and a
restarted app see the same.

    jobs/NAME/job.json        what was asked for, and the attempt: written where the job is started or resumed
    jobs/NAME/state.json      how the attempt goes: written by the job
    jobs/NAME/stop.json       the attempt that was asked to stop
    jobs/NAME/alive.lock      held by the processes of a job of this machine
    jobs/NAME/attempt_1.log   what the training prints
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from training.jobs.locks import is_held
from training.loop.metrics import read_metrics
from training.slurm import ALIVE, job_states
from virialff.errors import JobError
from virialff.files import replace_file

#: Names another folder for the jobs and the runs that are given none.
FOLDER_VARIABLE = "VIRIALFF_JOBS"

StateName = Literal["queued", "running", "finished", "stopped", "failed", "died"]
#: States in which nothing of the job runs any more.
ENDED: tuple[StateName, ...] = ("finished", "stopped", "failed", "died")


def runs_folder() -> Path:
    """The folder in VIRIALFF_JOBS, or `runs` of the checkout: it takes the runs, and their jobs in `jobs`."""
    default = Path(__file__).resolve().parent.parent.parent / "runs"
    return Path(os.environ.get(FOLDER_VARIABLE) or default).absolute()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace `path` as a whole."""
    replace_file(path, (json.dumps(content, indent=1) + "\n").encode(), writer=str(os.getpid()))


def read_json(path: Path) -> dict[str, Any] | None:
    """The content of `path`, None if it does not exist. Raises JobError if it is damaged."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise JobError(f"{path} is damaged: remove the folder {path.parent} to forget this job.") from error
    return content


@dataclass(frozen=True)
class Request:
    """What was asked for: paths are absolute."""

    name: str
    recipe: str  #: the job's own copy
    run: str
    directory: str  #: where relative paths of the recipe begin
    cluster: Literal["local", "slurm"]
    gpus: int
    threads: int
    options: tuple[str, ...]  #: further arguments of `virialff train`
    slurm: dict[str, Any]
    devices: tuple[str, ...]  #: GPUs of the machine, as CUDA_VISIBLE_DEVICES names them
    host: str  #: where the job was started
    submitted: float  #: seconds since the epoch
    attempt: int = 1
    nodes: int = 1  #: machines of SLURM, with `gpus` each
    processes: int | None = None  #: on each machine; None: one a GPU


@dataclass(frozen=True)
class State:
    """How one attempt goes, as its own process tells it."""

    attempt: int
    state: StateName
    reason: str = ""
    host: str = ""
    process: int | None = None
    devices: tuple[str, ...] = ()
    scheduler_id: str | None = None
    started: float | None = None
    ended: float | None = None


@dataclass(frozen=True)
class Job:
    """A job as it stands now."""

    name: str
    state: StateName
    reason: str  #: why it ended without success, or is about to
    cluster: Literal["local", "slurm"]
    run: Path
    recipe: Path
    log: Path
    attempt: int
    gpus: int
    host: str
    process: int | None  #: of the training, on `host`
    devices: tuple[str, ...]
    scheduler_id: str | None  #: SLURM's number
    submitted: float
    started: float | None
    ended: float | None
    step: int
    steps: int | None
    seconds: float  #: of training up to `step`, over all attempts
    position: int | None = None  #: in the queue of this machine, from 1
    nodes: int = 1

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.state in ENDED

    @property
    def remaining_seconds(self) -> float | None:
        """At the speed so far; None before the first steps and once the job is over."""
        if self.is_over or not self.step or self.steps is None:
            return None
        return self.seconds / self.step * max(0, self.steps - self.step)

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        paths = {name: str(getattr(self, name)) for name in ("run", "recipe", "log")}
        return asdict(self) | paths | {"remaining_seconds": self.remaining_seconds}


class JobFolder:
    """The files of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = path / "alive.lock"
        self.recipe = path / "recipe.yaml"

    def submission(self, attempt: int) -> Path:
        """What submitit keeps of an attempt."""
        return self.path / f"submission_{attempt}"

    def log(self, attempt: int, node: int = 0) -> Path:
        """What the training of an attempt prints on one of its machines."""
        return self.path / (f"attempt_{attempt}.node_{node}.log" if node else f"attempt_{attempt}.log")

    def request(self) -> Request | None:
        """What was asked for; None if there is no such job."""
        content = read_json(self.path / "job.json")
        if content is None:
            return None
        lists = {name: tuple(content[name]) for name in ("options", "devices")}
        return Request(**(content | lists))

    def write_request(self, request: Request) -> None:
        """Begin an attempt."""
        write_json(self.path / "job.json", asdict(request))

    def state(self, attempt: int) -> State | None:
        """What the attempt's process wrote; None before it did."""
        content = read_json(self.path / "state.json")
        if content is None or content["attempt"] != attempt:
            return None
        return State(**(content | {"devices": tuple(content["devices"])}))

    def write_state(self, state: State) -> None:
        """Only by the attempt's process."""
        write_json(self.path / "state.json", asdict(state))

    def ask_to_stop(self, attempt: int) -> None:
        """The attempt's process looks for it."""
        write_json(self.path / "stop.json", {"attempt": attempt})

    def is_asked_to_stop(self, attempt: int) -> bool:
        """Whether `ask_to_stop` was called for this attempt."""
        return read_json(self.path / "stop.json") == {"attempt": attempt}

    def write_scheduler_id(self, attempt: int, number: str) -> None:
        """SLURM's number of the attempt, by whoever submitted it."""
        write_json(self.path / "slurm.json", {"attempt": attempt, "number": number})

    def scheduler_id(self, attempt: int) -> str | None:
        """SLURM's number of the attempt."""
        content = read_json(self.path / "slurm.json")
        return str(content["number"]) if content is not None and content["attempt"] == attempt else None


def all_folders() -> list[JobFolder]:
    """Every job there is, whoever started it."""
    return [JobFolder(path.parent) for path in sorted((runs_folder() / "jobs").glob("*/job.json"))]


def look(folder: JobFolder) -> Job:
    """A job as it stands now. Raises JobError if there is none in the folder."""
    request = folder.request()
    if request is None:
        raise JobError(f"There is no job {folder.path.name}: `virialff jobs list` names those there are.")
    return _job(folder, request, _state_now(folder, request))


def _state_now(folder: JobFolder, request: Request) -> State:
    told = folder.state(request.attempt) or State(request.attempt, "queued")
    if told.state in ENDED:
        return told
    gone = _slurm_end(folder, request, told) if request.cluster == "slurm" else _local_end(folder)
    stopping = folder.is_asked_to_stop(request.attempt)
    if gone is None:
        return replace(told, reason="it was asked to stop and saves") if stopping else told
    # It may have told its end since we looked.
    told = folder.state(request.attempt) or told
    if told.state in ENDED:
        return told
    if stopping and told.state == "queued":
        return replace(told, state="stopped", reason="it was stopped before it began")
    return replace(told, state="died", reason=gone)


def _local_end(folder: JobFolder) -> str | None:
    return None if is_held(folder.lock) else "its process was killed, or the machine went down"


def _slurm_end(folder: JobFolder, request: Request, told: State) -> str | None:
    number = told.scheduler_id or folder.scheduler_id(request.attempt)
    if number is None:
        # Held while it is being submitted.
        return None if is_held(folder.lock) else "it was not submitted to SLURM"
    states, unknown = job_states([number])
    if unknown or states.get(number) in ALIVE:
        return None
    return f"SLURM: {states.get(number, 'the job is gone').lower().replace('_', ' ')}"


def _job(folder: JobFolder, request: Request, state: State) -> Job:
    step, steps, seconds = _progress(Path(request.run))
    return Job(
        name=request.name,
        state=state.state,
        reason=state.reason,
        cluster=request.cluster,
        run=Path(request.run),
        recipe=Path(request.recipe),
        log=folder.log(request.attempt),
        attempt=request.attempt,
        gpus=request.gpus,
        host=state.host or request.host,
        process=state.process,
        devices=state.devices,
        scheduler_id=state.scheduler_id or folder.scheduler_id(request.attempt),
        submitted=request.submitted,
        started=state.started,
        ended=state.ended,
        step=step,
        steps=steps,
        seconds=seconds,
        nodes=request.nodes,
    )


def _progress(run: Path) -> tuple[int, int | None, float]:
    """Step, steps in all and seconds of training, by what the run told last."""
    try:
        status = json.loads((run / "status.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        status = {}
    told: Sequence[dict[str, Any]] = [status, *read_metrics(run)[-1:]]
    latest = max(told, key=lambda entry: int(entry.get("step", 0)))
    return int(latest.get("step", 0)), status.get("steps"), float(latest.get("seconds", 0.0))
