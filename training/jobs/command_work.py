"""`python -m training.jobs.command_work FOLDER DESCRIPTOR`: runs a command of `virialff`, passes a wish to stop on to
it, and tells how it ended. It leaves its starter at once; DESCRIPTOR holds the lock by which the command is alive."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from training.jobs.command_runs import CommandState, last_lines
from training.jobs.record import read_json, write_json
from training.jobs.work import save_when_alone
from virialff.commands import ExitCode

_TICK = 0.2
#: Seconds that a command which was asked to stop gets to put its work down.
_STOP_SECONDS = 120.0


def watch(folder: Path, request: dict[str, Any], descriptor: int) -> None:
    """Run the command to its end."""
    command = subprocess.Popen(
        [sys.executable, "-u", "-m", "virialff.cli", *request["arguments"]],
        cwd=request["directory"],
        stdin=subprocess.DEVNULL,
        pass_fds=[descriptor],
        preexec_fn=save_when_alone,
    )
    asked_at: float | None = None
    while True:
        try:
            code = command.wait(_TICK)
            break
        except subprocess.TimeoutExpired:
            if asked_at is None and (folder / "stop").exists():
                command.terminate()
                asked_at = time.monotonic()
            elif asked_at is not None and time.monotonic() - asked_at > _STOP_SECONDS:
                command.kill()
    lines = last_lines(folder / "output.log", 1)
    state, reason = outcome(code, asked_at is not None, lines[0] if lines else "")
    write_json(folder / "end.json", {"state": state, "reason": reason, "exit_code": code, "ended": time.time()})


def outcome(code: int, asked: bool, last_line: str) -> tuple[CommandState, str]:
    """State and reason of a command that ended with this exit code, and was asked to end or not."""
    if code in (ExitCode.OK, ExitCode.SOME_FAILED):
        return "finished", ""
    if asked:
        return "stopped", "it was asked to stop"
    if code < 0:
        return "died", f"its process was ended by {signal.Signals(-code).name}"
    return "failed", last_line.removeprefix("virialff: ") or f"it ended with exit code {code}"


def main(folder: Path, descriptor: int) -> int:
    """Fork, so that no process of the starter's is left to wait for."""
    request = read_json(folder / "request.json")
    if request is None:
        return 1
    if os.fork() == 0:
        watch(folder, request, descriptor)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
