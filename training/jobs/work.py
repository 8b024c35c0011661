"""`python -m training.jobs.work FOLDER ATTEMPT`: the process of a job, here or on a node of SLURM. It waits for what
the job needs of the machine, runs the command, passes a wish to stop on to it, so that it saves first, and tells how
it ended."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from training.jobs.control import start_command
from training.jobs.locks import share
from training.jobs.quota import disk_problem, hours_over, memory_over
from training.jobs.record import OWN_TURN, TRAINING, Following, JobFolder, Request, State, StateName, last_lines
from training.jobs.slots import take_slots
from virialff import children
from virialff.access import require_write_access
from virialff.commands import ExitCode
from virialff.errors import VirialffError
from virialff.settings import RUNS_VARIABLE, USER_VARIABLE

#: Seconds between two looks at what was asked for.
TICK = 0.3
#: Seconds that a command which was asked to stop gets to save.
_STOP_SECONDS = 600.0
#: Seconds between two looks at what the jobs of its user have written.
_DISK_SECONDS = 30.0


class _Attempt:
    """One attempt of a job, by the process that runs it."""

    def __init__(self, folder: JobFolder, request: Request) -> None:
        self._folder, self._request = folder, request
        self._signal: int | None = None
        for name in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
            signal.signal(name, self._note)
        # Given to the command too: the job is alive until both have ended.
        self._held = [share(folder.lock)]
        number = os.environ.get("SLURM_JOB_ID") if request.cluster == "slurm" else None
        self._state = State(attempt=request.attempt, state="queued", host=socket.gethostname(), scheduler_id=number)
        #: which of the machines of the job this is
        self._node = int(os.environ.get("SLURM_PROCID", "0")) if number else 0

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signal = number

    def run(self) -> None:
        """To its end."""
        self._tell()
        if (refused := self._refused()) is not None:
            self._tell(state="failed", reason=refused, ended=time.time())
            return
        for need in self._request.needs:
            self._tell(waits_for=need)
            while (slots := take_slots(self._folder, self._request, need)) is None and not self._wish():
                time.sleep(TICK)
            if slots is not None:
                self._held += slots.descriptors
                self._tell(devices=slots.devices)
        wish = self._wish()
        state, reason, code = ("stopped", wish, None) if wish else self._run_command()
        if state == "finished" and self._request.then is not None:
            # Before the end is told: whoever waits for it finds what follows.
            reason = _start_following(self._request.then)
        self._tell(state=state, reason=reason, exit_code=code, ended=time.time())

    def _refused(self) -> str | None:
        """Why the command may not run: the administrator may have changed what its owner may since it was asked for."""
        try:
            require_write_access("A job")
        except VirialffError as error:
            return str(error)
        return None

    def _run_command(self) -> tuple[StateName, str, int]:
        environment = dict(os.environ)
        if set(self._request.needs) - {OWN_TURN}:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(self._state.devices)
        log = self._folder.log(self._request.attempt, self._node)
        with log.open("ab") as output:
            command = children.start(
                [sys.executable, "-u", "-m", "virialff.cli", *self._request.arguments],
                # If this process is killed, its training saves and ends instead of going on unseen.
                by=signal.SIGTERM,
                cwd=self._request.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=self._held,
            )
        self._tell(state="running", process=command.pid, started=time.time())
        asked = self._wait(command)
        lines = last_lines(log, 1)
        state, reason = outcome(command.returncode, asked, lines[0] if lines else "", self._request.purpose)
        return state, reason, command.returncode

    def _wait(self, command: "subprocess.Popen[bytes]") -> str | None:
        """Wait for the end of the command; returns why it was asked to end, if it was."""
        asked: str | None = None
        deadline = 0.0
        begun = looked = time.monotonic()
        end = os.pidfd_open(command.pid)
        try:
            while not select.select([end], [], [], TICK)[0]:
                now = time.monotonic()
                if asked is not None:
                    if now > deadline:
                        command.kill()
                elif (asked := memory_over(self._request.owner, command.pid)) is not None:
                    command.kill()
                elif (asked := self._wish() or hours_over(self._request.owner, now - begun)) is not None or (
                    now - looked > _DISK_SECONDS and (asked := disk_problem(self._request.owner)) is not None
                ):
                    command.terminate()
                    deadline = now + _STOP_SECONDS
                elif now - looked > _DISK_SECONDS:
                    looked = now
        finally:
            os.close(end)
        command.wait()
        return asked or self._wish()

    def _wish(self) -> str | None:
        """Why the job should stop, if it should: a signal, or the file that `stop` writes."""
        if self._folder.is_asked_to_stop(self._request.attempt):
            return "it was asked to stop"
        if self._signal == signal.SIGUSR2:
            # SLURM is asked for it ahead of the time limit.
            return "the time that SLURM gave it ran out"
        return f"it received {signal.Signals(self._signal).name}" if self._signal is not None else None

    def _tell(self, **changes: Any) -> None:
        self._state = self._state.model_copy(update=changes)
        # The first machine tells for all: they end together.
        if self._node == 0:
            self._folder.write_state(self._state)


def _start_following(then: Following) -> str:
    """Start what follows on a job; why it could not be, or ""."""
    try:
        start_command(then.purpose, then.subject, then.arguments)
    except VirialffError as error:
        return f"the {then.purpose} that was to follow was not started: {error}"
    return ""


def outcome(code: int, asked: str | None, last_line: str, purpose: str = TRAINING) -> tuple[StateName, str]:
    """State and reason of a command that ended with this exit code, and was asked to end or not."""
    # A training is done or it is not; an import that left out some records has finished.
    if code == ExitCode.OK or (code == ExitCode.SOME_FAILED and purpose != TRAINING):
        return "finished", ""
    # One that has not begun its work ends of the signal itself.
    if code == ExitCode.INTERRUPTED or (asked is not None and code == -signal.SIGTERM):
        return "stopped", asked or "it received a signal to stop"
    if code < 0 and asked is not None and not asked.startswith("it was asked"):
        return "died", asked
    if code < 0:
        return "died", f"its process was ended by {signal.Signals(-code).name}"
    return "failed", last_line.strip().removeprefix("virialff: ") or f"the {purpose} ended with exit code {code}"


def main(path: Path, attempt: int) -> int:
    """Returns 1 where there is nothing to do any more."""
    folder = JobFolder(path)
    request = folder.request()
    if request is None or request.attempt != attempt:
        return 1  # A later attempt has taken its place.
    # Jobs that wait are found by the folder this job is in, whatever the environment says here.
    os.environ[RUNS_VARIABLE] = str(path.parent.parent)
    # Whatever the command does, it does as whoever started the job.
    os.environ[USER_VARIABLE] = request.owner
    # On this machine it leaves its starter, which returns at once and has no process to wait for.
    if request.cluster == "slurm" or os.fork() == 0:
        _Attempt(folder, request).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
