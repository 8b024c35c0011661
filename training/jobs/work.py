"""What the process of a job does, here or on a node of SLURM: it waits for its slots, runs `virialff train`, tells how
that ended, and passes a wish to stop on, so that the training saves first."""

import ctypes
import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import FrameType

from training.jobs.locks import share
from training.jobs.record import FOLDER_VARIABLE, JobFolder, Request, State, StateName
from training.jobs.slots import take_slots
from virialff.commands import ExitCode

_PR_SET_PDEATHSIG = 1
#: Seconds between two looks at what was asked for.
TICK = 0.3
#: Seconds that a training which was asked to stop gets to save.
_STOP_SECONDS = 600.0


class _Wishes:
    """Why this process should stop, if it should: a signal, or the file that `stop` writes."""

    def __init__(self, folder: JobFolder, attempt: int) -> None:
        self._folder, self._attempt = folder, attempt
        self._signal: int | None = None
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
            signal.signal(name, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signal = number

    def reason(self) -> str | None:
        if self._folder.is_asked_to_stop(self._attempt):
            return "it was asked to stop"
        if self._signal == signal.SIGUSR2:
            # submitit asks SLURM for it ahead of the time limit.
            return "the time that SLURM gave it ran out"
        return f"it received {signal.Signals(self._signal).name}" if self._signal is not None else None


def work(path: Path, attempt: int) -> str:
    """The main function of a job's process; returns the state in which the job ended."""
    folder = JobFolder(path)
    request = folder.request()
    if request is None or request.attempt != attempt:
        return "died"  # A later attempt has taken its place.
    # Given to the training too: the job is alive until both have ended.
    alive = share(folder.lock)
    # Jobs that wait are found by the folder this job is in, whatever the environment says here.
    os.environ[FOLDER_VARIABLE] = str(path.parent.parent)
    wishes = _Wishes(folder, attempt)
    number = os.environ.get("SLURM_JOB_ID") if request.cluster == "slurm" else None
    state = State(attempt, "queued", host=socket.gethostname(), scheduler_id=number)
    _tell(folder, state)
    held = [alive]
    if request.cluster == "local":
        slots = take_slots(folder, request)
        while slots is None:
            if (reason := wishes.reason()) is not None:
                return _end(folder, state, "stopped", reason)
            time.sleep(TICK)
            slots = take_slots(folder, request)
        held += slots.descriptors
        state = replace(state, devices=slots.devices)
    if (reason := wishes.reason()) is not None:
        return _end(folder, state, "stopped", reason)
    return _train(folder, request, state, wishes, held)


def _train(folder: JobFolder, request: Request, state: State, wishes: _Wishes, held: list[int]) -> str:
    environment = dict(os.environ)
    if request.cluster == "local":
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(state.devices)
    log = folder.log(request.attempt, _node())
    begun = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        training = subprocess.Popen(
            command(request),
            cwd=request.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=held,
            preexec_fn=save_when_alone,
        )
    state = replace(state, state="running", process=training.pid, started=time.time())
    _tell(folder, state)
    asked = _wait(training, wishes)
    name, reason = outcome(training.returncode, asked, _last_line(log, begun))
    return _end(folder, state, name, reason)


def command(request: Request) -> list[str]:
    """The command line of the training."""
    train = ["train", request.recipe, "--run", request.run, "--gpus", str(request.gpus)]
    if request.nodes > 1:
        train += ["--nodes", str(request.nodes)]
    if request.processes is not None:
        train += ["--processes", str(request.processes)]
    return [sys.executable, "-u", "-m", "virialff.cli", *train, *request.options]


def save_when_alone() -> None:
    """Called in a child before its program: ends it with SIGTERM when its parent is gone."""
    # If this process is killed, its training saves and ends instead of going on unseen.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait(training: "subprocess.Popen[bytes]", wishes: _Wishes) -> str | None:
    """Wait for the end of the training; returns why it was asked to end, if it was."""
    asked: str | None = None
    deadline = 0.0
    end = os.pidfd_open(training.pid)
    try:
        while not select.select([end], [], [], TICK)[0]:
            if asked is None and (asked := wishes.reason()) is not None:
                training.terminate()
                deadline = time.monotonic() + _STOP_SECONDS
            elif asked is not None and time.monotonic() > deadline:
                training.kill()
    finally:
        os.close(end)
    training.wait()
    return asked or wishes.reason()


def outcome(code: int, asked: str | None, last_line: str) -> tuple[StateName, str]:
    """State and reason of a training that ended with this exit code, and was asked to end or not."""
    if code == ExitCode.OK:
        return "finished", ""
    # One that has not begun its first step ends of the signal itself.
    if code == ExitCode.INTERRUPTED or (asked is not None and code == -signal.SIGTERM):
        return "stopped", asked or "it received a signal to stop"
    if code < 0:
        return "died", f"its process was ended by {signal.Signals(-code).name}"
    return "failed", last_line.removeprefix("virialff: ") or f"the training ended with exit code {code}"


def _last_line(log: Path, begun: int) -> str:
    with log.open("rb") as file:
        file.seek(max(begun, log.stat().st_size - 10_000))
        lines = file.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _end(folder: JobFolder, state: State, name: StateName, reason: str) -> str:
    _tell(folder, replace(state, state=name, reason=reason, ended=time.time()))
    return name


def _node() -> int:
    """Which of the machines of a job this is."""
    return int(os.environ.get("SLURM_PROCID", "0"))


def _tell(folder: JobFolder, state: State) -> None:
    # The first machine tells for all: they end together.
    if _node() == 0:
        folder.write_state(state)
