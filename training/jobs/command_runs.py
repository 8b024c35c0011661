"""Commands of `virialff` in processes of their own, which go on when the page or program that started them is closed.

What a page starts beside trainings (a model of a run, a label campaign, a check, an import) is a command that the
shell has too. Each run of one is a folder of small files, each with one writer:

    commands/NAME/request.json   what was asked for
    commands/NAME/end.json       how it ended, by the process that watches over it
    commands/NAME/stop           somebody asked it to stop
    commands/NAME/alive.lock     held by its processes
    commands/NAME/output.log     what the command prints
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from training.jobs.locks import is_held, share
from training.jobs.record import read_json, runs_folder, write_json
from virialff.errors import JobError
from virialff.settings import require_write_access

#: The last part of an output in which its last lines are looked for, in bytes.
_TAIL_BYTES = 64 * 1024
_COUNT = re.compile(r"(?<![\d.])(\d+)(?: of |/)(\d+)(?![\d.])")

_OWN_FILES = ("request.json", "end.json", "stop", "alive.lock", "output.log")

CommandState = Literal["running", "finished", "stopped", "failed", "died"]


@dataclass(frozen=True)
class CommandRun:
    """One run of a command as it stands now."""

    name: str
    purpose: str  #: what kind of work it is, so that a page finds its own
    subject: str  #: what it works on, such as a run folder or a store
    arguments: tuple[str, ...]  #: of `virialff`
    state: CommandState
    reason: str  #: why it ended without success
    exit_code: int | None
    output: Path
    started: float  #: seconds since the epoch
    ended: float | None

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.state != "running"

    @property
    def seconds(self) -> float:
        """How long it took, or has been at work."""
        return (time.time() if self.ended is None else self.ended) - self.started

    @property
    def share_done(self) -> float | None:
        """By the last line that counts ("5 of 20", "5/20"), between 0 and 1; None where no line does."""
        for line in reversed(last_lines(self.output, 20)):
            if (found := _COUNT.search(line)) and int(found[2]) > 0:
                return min(1.0, int(found[1]) / int(found[2]))
        return None


#: In an argument, the folder of the run.
FOLDER = "{folder}"


def start_command(
    purpose: str, subject: str, arguments: Sequence[str], *, files: Mapping[str, bytes] | None = None
) -> CommandRun:
    """Run `virialff ARGUMENTS` in the folder we are in; it goes on when this process ends.

    files: content by file name, written into the folder of the run, which FOLDER stands for in the arguments; they are
    there until the command is forgotten.

    Raises JobError while a command of the same purpose and subject is at work or where it cannot be started,
    ReadOnlyError where nothing may be started.
    """
    require_write_access(f"Starting `virialff {arguments[0]}`")
    for other in list_commands(purpose):
        if other.subject == subject and not other.is_over:
            raise JobError(f"`virialff {' '.join(other.arguments)}` is at work already: wait for it, or stop it.")
    folder = _new_folder(purpose)
    request = {
        "name": folder.name,
        "purpose": purpose,
        "subject": subject,
        "arguments": [argument.replace(FOLDER, str(folder)) for argument in arguments],
        "directory": os.getcwd(),
        "started": time.time(),
    }
    # Until the watching process holds it too, this is why the command counts as alive.
    alive = share(folder / "alive.lock")
    try:
        for name, content in (files or {}).items():
            (folder / Path(name).name).write_bytes(content)
        write_json(folder / "request.json", request)
        with (folder / "output.log").open("wb") as output:
            launched = subprocess.run(
                [sys.executable, "-m", "training.jobs.command_work", str(folder), str(alive)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[alive],
                check=False,
            )
    finally:
        os.close(alive)
    if launched.returncode:
        raise JobError(f"`virialff {arguments[0]}` could not be started: see {folder / 'output.log'}.")
    return find_command(folder.name)


def restart_command(name: str) -> CommandRun:
    """Run a command that is over again, with what it took over from before: one that was stopped goes on.

    Raises JobError while it is at work, ReadOnlyError where nothing may be started.
    """
    run = find_command(name)
    if not run.is_over:
        raise JobError(f"The command {name} is at work already.")
    old = str(run.output.parent)
    given = [path for path in run.output.parent.iterdir() if path.name not in _OWN_FILES]
    again = start_command(
        run.purpose,
        run.subject,
        [argument.replace(old, FOLDER) for argument in run.arguments],
        files={path.name: path.read_bytes() for path in given},
    )
    forget_command(name)
    return again


def list_commands(purpose: str | None = None) -> list[CommandRun]:
    """The commands of one purpose, or all, the latest first."""
    found = [_look(path.parent) for path in _place().glob("*/request.json")]
    chosen = [run for run in found if purpose is None or run.purpose == purpose]
    return sorted(chosen, key=lambda run: (-run.started, run.name))


def find_command(name: str) -> CommandRun:
    """The run of a command by its name. Raises JobError if there is none."""
    folder = _place() / name
    if not name or folder.parent != _place() or not (folder / "request.json").exists():
        raise JobError(f"There is no command {name!r} in {_place()}.")
    return _look(folder)


def stop_command(name: str, *, wait_seconds: float = 0.0) -> CommandRun:
    """Ask a command to end as Ctrl-C does, and wait for it up to `wait_seconds`; returns it as it is then.

    Raises JobError if it is over already, ReadOnlyError where nothing may be stopped.
    """
    require_write_access("Stopping a command")
    run = find_command(name)
    if run.is_over:
        raise JobError(f"The command {name} is over already: it is {run.state}.")
    (_place() / name / "stop").touch()
    deadline = time.monotonic() + wait_seconds
    while not run.is_over and time.monotonic() < deadline:
        time.sleep(0.1)
        run = find_command(name)
    return run


def forget_command(name: str) -> None:
    """Remove what is kept of a command that is over. Raises JobError while it is at work, ReadOnlyError."""
    require_write_access("Removing the record of a command")
    if not find_command(name).is_over:
        raise JobError(f"The command {name} is at work: stop it first.")
    shutil.rmtree(_place() / name)


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of an output that are not empty; none if there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]


def _place() -> Path:
    return runs_folder() / "commands"


def _new_folder(purpose: str) -> Path:
    place = _place()
    place.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = place / f"{re.sub(r'[^a-z0-9]+', '-', purpose.lower()).strip('-') or 'command'}-{number}"
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            number += 1


def _look(folder: Path) -> CommandRun:
    # The lock before the end: a command that ends in between is then seen at its end.
    alive = is_held(folder / "alive.lock")
    request, end = read_json(folder / "request.json"), read_json(folder / "end.json")
    if request is None:
        raise JobError(f"The record {folder} is damaged: remove that folder.")
    state: CommandState = "running"
    reason = ""
    if end is not None:
        state, reason = end["state"], end["reason"]
    elif not alive:
        state, reason = "died", "its process was killed, or the machine went down"
    elif (folder / "stop").exists():
        reason = "it was asked to stop"
    return CommandRun(
        name=request["name"],
        purpose=request["purpose"],
        subject=request["subject"],
        arguments=tuple(request["arguments"]),
        state=state,
        reason=reason,
        exit_code=None if end is None else end["exit_code"],
        output=folder / "output.log",
        started=request["started"],
        ended=None if end is None else end["ended"],
    )
