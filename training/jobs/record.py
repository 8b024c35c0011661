"""Background runs of `virialff ...` commands as folders of small files, each with one writer and replaced as a whole,
so that every shell and a restarted app see the same.

    jobs/NAME/job.json        what was asked for, and the attempt: written where the job is started or resumed
    jobs/NAME/state.json      how the attempt goes: written by the job's own process
    jobs/NAME/stop.json       the attempt that was asked to stop
    jobs/NAME/slurm.json      SLURM's number of the attempt
    jobs/NAME/alive.lock      held by the processes of a job of this machine
    jobs/NAME/attempt_1.log   what the command prints

Trainings are in `jobs`, other commands in `commands`. Records of version 0.1 are read too: of trainings with other keys
in job.json, of commands with `request.json`, `end.json`, `stop` and `output.log`.
"""

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from training.jobs.locks import is_held
from training.loop.metrics import read_metrics
from training.slurm import ALIVE, SlurmConfig, job_states
from virialff.documents import json_lines, read_json
from virialff.errors import DocumentError, JobError
from virialff.files import disk_problem, replace_file
from virialff.settings import runs_folder

#: The purpose of trainings.
TRAINING = "training"
#: What a job needs first whose owner may run so many at once (`virialff.administrator.Quota`).
OWN_TURN = "another job of the same user to end"

StateName = Literal["queued", "running", "finished", "stopped", "failed", "died", "damaged"]
#: States in which nothing of the job runs any more, as far as can be told.
ENDED: tuple[StateName, ...] = ("finished", "stopped", "failed", "died", "damaged")

#: The last part of an output in which its last lines are looked for, in bytes.
_TAIL_BYTES = 64 * 1024
_COUNT = re.compile(r"(?<![\d.])(\d+)(?: of |/)(\d+)(?![\d.])")
#: A time in seconds since the epoch, or a span of it, as a calendar can show it.
_Seconds = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Following(_Record):
    """A command that is started on this machine, as a job of its own, once another has finished."""

    purpose: str
    subject: str
    arguments: tuple[str, ...] = Field(min_length=1)


class Request(_Record):
    """What was asked for: paths are absolute."""

    purpose: str = TRAINING  #: what kind of work it is, so that a page finds its own
    subject: str  #: what it works on, such as a run folder or a store
    arguments: tuple[str, ...] = Field(min_length=1)  #: of `virialff`
    directory: str  #: where relative paths begin
    cluster: Literal["local", "slurm"] = "local"
    gpus: int = Field(default=0, ge=0)  #: on each machine
    cores: int = Field(default=0, ge=0)  #: on each machine; 0: too little work to wait for any
    nodes: int = Field(default=1, ge=1)  #: machines of SLURM
    slurm: SlurmConfig = SlurmConfig()
    then: Following | None = None  #: not of jobs of SLURM
    devices: tuple[str, ...] = ()  #: GPUs of the machine, as CUDA_VISIBLE_DEVICES names them
    host: str = ""  #: where the job was started, then where it runs
    owner: str = ""  #: who started it (virialff/access.py), "" for the owner of the machine
    submitted: _Seconds
    attempt: int = Field(default=1, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _of_version_0_1(cls, content: Any) -> Any:
        if not isinstance(content, dict) or ("submitted" in content and "subject" in content):
            return content
        if "started" in content:
            return content | {"submitted": content["started"], "host": socket.gethostname()}
        processes = content.get("processes") or content.get("gpus") or 1
        arguments = ["train", content.get("recipe"), "--run", content.get("run"), *content.get("options", ())]
        threads = content.get("threads")
        cores = threads * processes if isinstance(threads, int) and isinstance(processes, int) else None
        return content | {"subject": content.get("run"), "arguments": arguments, "cores": cores}

    @property
    def needs(self) -> tuple[str, ...]:
        """What of this machine it takes, one after the other, before it begins: see `slots`."""
        if self.cluster == "slurm":
            return ()
        turn = (OWN_TURN,) if self.owner else ()
        if self.gpus:
            return (*turn, "GPUs")
        place = ("the place for a training without GPU",) if self.purpose == TRAINING else ()
        return (*turn, *place, *(("processors",) if self.cores else ()))


class State(_Record):
    """How one attempt goes, as its own process tells it."""

    attempt: int = 1
    state: StateName
    reason: str = ""  #: why it ended without success, or is about to
    host: str = ""
    process: int | None = None  #: of the command, on `host`
    devices: tuple[str, ...] = ()  #: GPUs that it holds
    waits_for: str = ""  #: of the machine, while it is queued
    scheduler_id: str | None = None  #: SLURM's number
    started: _Seconds | None = None
    ended: _Seconds | None = None
    exit_code: int | None = None


class _Mark(_Record):
    """Of an attempt: that it should stop, or SLURM's number."""

    attempt: int
    number: str = ""


class _Told(_Record):
    """How far a training is, by its status or its last line of metrics."""

    step: int = Field(default=0, ge=0)
    steps: int | None = Field(default=None, ge=0)
    seconds: _Seconds = 0.0


class Job(State, Request):
    """A job as it stands now: what was asked for, how it goes, and how far a training is."""

    name: str
    log: Path
    step: int = 0
    steps: int | None = None
    seconds: float = 0.0  #: of training up to `step`, over all attempts; of another command since it was started
    position: int | None = None  #: in the queue of this machine, from 1

    @property
    def run(self) -> Path:
        """The run folder of a training."""
        return Path(self.subject)

    @property
    def recipe(self) -> Path:
        """The job's own copy of the recipe of a training."""
        return self.log.parent / "recipe.yaml"

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.state in ENDED

    @property
    def remaining_seconds(self) -> float | None:
        """Of a training, at the speed so far; None before the first steps and once the job is over."""
        if self.is_over or not self.step or self.steps is None:
            return None
        return self.seconds / self.step * max(0, self.steps - self.step)

    @property
    def share_done(self) -> float | None:
        """Of another command, 0 to 1: by the last line that counts ("5 of 20", "5/20"); None where none does."""
        for line in reversed(last_lines(self.log, 20)):
            if (found := _COUNT.search(line)) and int(found[2]) > 0:
                return min(1.0, int(found[1]) / int(found[2]))
        return None

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        more = {"run": self.subject, "recipe": str(self.recipe), "remaining_seconds": self.remaining_seconds}
        return self.model_dump(mode="json") | more


_Kind = TypeVar("_Kind", bound=_Record)


class DamagedRecordError(JobError):
    """A file of a job that is damaged."""


class JobFolder:
    """The files of one job."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.lock = path / "alive.lock"
        self.recipe = path / "recipe.yaml"

    def log(self, attempt: int, node: int = 0) -> Path:
        """What the command of an attempt prints on one of its machines."""
        old = self.path / "output.log"
        if attempt == 1 and old.exists():
            return old
        return self.path / (f"attempt_{attempt}.node_{node}.log" if node else f"attempt_{attempt}.log")

    def request(self) -> Request | None:
        """What was asked for; None if there is no such job. Raises JobError, as all readings, if it is damaged."""
        return self._read("job.json", Request) or self._read("request.json", Request)

    def write_request(self, request: Request) -> None:
        """Begin an attempt."""
        self._write("job.json", request)

    def state(self, attempt: int) -> State | None:
        """What the attempt's process wrote; None before it did."""
        state = self._read("state.json", State)
        if state is None and attempt == 1:
            state = self._read("end.json", State)
        return state if state is not None and state.attempt == attempt else None

    def write_state(self, state: State) -> None:
        """Only by the attempt's process."""
        self._write("state.json", state)

    def ask_to_stop(self, attempt: int) -> None:
        """The attempt's process looks for it."""
        self._write("stop.json", _Mark(attempt=attempt))

    def is_asked_to_stop(self, attempt: int) -> bool:
        """Whether `ask_to_stop` was called for this attempt."""
        try:
            return self._read("stop.json", _Mark) == _Mark(attempt=attempt)
        except DamagedRecordError:
            return False

    def write_scheduler_id(self, attempt: int, number: str) -> None:
        """SLURM's number of the attempt, by whoever submitted it."""
        self._write("slurm.json", _Mark(attempt=attempt, number=number))

    def scheduler_id(self, attempt: int) -> str | None:
        """SLURM's number of the attempt."""
        found = self._read("slurm.json", _Mark)
        return (found.number or None) if found is not None and found.attempt == attempt else None

    def _write(self, name: str, content: _Record) -> None:
        replace_file(self.path / name, json_lines(content.model_dump(mode="json")))

    def _read(self, name: str, kind: type[_Kind]) -> _Kind | None:
        path = self.path / name
        try:
            return kind.model_validate(read_json(path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (DocumentError, ValueError, TypeError, OSError) as error:
            what = str(error)
            if isinstance(error, ValidationError):
                first = error.errors()[0]
                what = ": ".join([".".join(map(str, first["loc"])) or "the whole", first["msg"]])
            raise DamagedRecordError(
                f"{path} is damaged ({what}): remove the folder {self.path} to forget this job."
            ) from error


def place_of(purpose: str) -> Path:
    """The folder with the jobs of this purpose."""
    return runs_folder() / ("jobs" if purpose == TRAINING else "commands")


def stem_of(purpose: str) -> str:
    """What the names of commands of this purpose begin with; a number follows."""
    return re.sub(r"[^a-z0-9]+", "-", purpose.lower()).strip("-") or "command"


def all_folders() -> list[JobFolder]:
    """Every job there is, whoever started it."""
    files = [
        file
        for record in ("jobs/*/job.json", "commands/*/job.json", "commands/*/request.json")
        for file in runs_folder().glob(record)
    ]
    return [JobFolder(path) for path in sorted({file.parent for file in files})]


def requests() -> Iterator[tuple[JobFolder, Request]]:
    """Every job with what was asked for; those whose record is damaged are passed over."""
    for folder in all_folders():
        with suppress(DamagedRecordError):
            if (request := folder.request()) is not None:
                yield folder, request


def look(folder: JobFolder) -> Job:
    """A job as it stands now; one whose record is damaged says so. Raises JobError if there is none in the folder."""
    try:
        request = folder.request()
        if request is None:
            raise JobError(f"There is no job {folder.name}: `virialff jobs list` names those there are.")
        return _job(folder, request, _state_now(folder, request))
    except DamagedRecordError as error:
        # An empty request, since that is what is known.
        return Job(
            name=folder.name,
            purpose=TRAINING if folder.path.parent.name == "jobs" else folder.name.rpartition("-")[0],
            subject="",
            arguments=("",),
            directory="",
            submitted=0.0,
            log=folder.log(1),
            state="damaged",
            reason=str(error),
        )


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of an output that are not empty; none if there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        return [disk_problem(error)]
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]


def _told(folder: JobFolder, attempt: int) -> State:
    try:
        return folder.state(attempt) or State(attempt=attempt, state="queued")
    except DamagedRecordError as error:
        return State(attempt=attempt, state="running", reason=str(error))


def _state_now(folder: JobFolder, request: Request) -> State:
    told = _told(folder, request.attempt)
    if told.state in ENDED:
        return told
    gone = _slurm_end(folder, request, told) if request.cluster == "slurm" else _local_end(folder)
    stopping = folder.is_asked_to_stop(request.attempt)
    if gone is None:
        return told.model_copy(update={"reason": "it was asked to stop and saves"}) if stopping else told
    # It may have told its end since we looked.
    told = _told(folder, request.attempt)
    if told.state in ENDED:
        return told
    if told.reason:
        return told.model_copy(update={"state": "damaged"})
    if stopping and told.state == "queued":
        return told.model_copy(update={"state": "stopped", "reason": "it was stopped before it began"})
    return told.model_copy(update={"state": "died", "reason": gone})


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
    if request.purpose == TRAINING:
        progress = _progress(Path(request.subject))
    else:
        # Not below 0 where the clock was set back.
        until = time.time() if state.ended is None else state.ended
        progress = _Told(seconds=max(0.0, until - (state.started or request.submitted)))
    told = state.model_dump() | {
        "host": state.host or request.host,
        "scheduler_id": state.scheduler_id or folder.scheduler_id(request.attempt),
        "waits_for": state.waits_for or next(iter(request.needs), ""),
    }
    fields = request.model_dump() | told | progress.model_dump()
    return Job(name=folder.name, log=folder.log(request.attempt), **fields)


def _progress(run: Path) -> _Told:
    """Step, steps in all and seconds of training, by what the run told last; what is damaged tells nothing."""
    status = latest = _Told()
    with suppress(OSError, ValueError, DocumentError):
        status = latest = _Told.model_validate(read_json(run / "status.json"))
    with suppress(IndexError, ValueError):
        latest = max(status, _Told.model_validate(read_metrics(run)[-1]), key=lambda told: told.step)
    return latest.model_copy(update={"steps": status.steps})
