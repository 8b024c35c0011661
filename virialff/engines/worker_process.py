"""A program in a process of its own, so that its threads, its memory and its crashes stay out of ours."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from virialff import children
from virialff.errors import EngineError

WORKERS = Path(__file__).parent / "workers"
#: Begins the names of the workers' folders on this machine; the number of the process that made one follows.
_PREFIX = f"virialff-worker-{socket.gethostname()}-"


class WorkerProcess:
    """Starts `workers/<backend>` under an interpreter on first use and keeps it for the next molecules.

    Several threads take turns. After a crash the next request starts a fresh process. The process ends with
    `close()`, or with ours, even by kill -9.
    """

    def __init__(
        self, title: str, backend: str, interpreter: Sequence[str], environment: Mapping[str, str], threads: int
    ) -> None:
        self.title = title
        self._command = [*interpreter, str(WORKERS / "serve.py"), str(WORKERS / backend)]
        self._environment = {**os.environ, **environment, "OMP_NUM_THREADS": str(threads)}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._program = ""
        atexit.register(self._stop)

    def program(self) -> str:
        """Name and version of the program. Raises EngineError with the reason if it cannot be started."""
        with self._lock:
            self._start()
            return self._program

    def compute(self, request: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The arrays with which the backend answers. Raises EngineError: its reason, or that it crashed."""
        with self._lock:
            folder = self._start()
            output = folder / "result.npz"
            answered = False
            try:
                answer = self._ask({**request, "output": str(output)}, folder)
                answered = True
            finally:
                # Whoever was interrupted here must not leave an answer for the next request.
                if not answered:
                    self._stop()
            if "error" in answer:
                raise EngineError(f"{self.title} failed: {answer['error']}")
            with np.load(output) as arrays:
                result = dict(arrays)
            output.unlink()
            return result

    def close(self) -> None:
        """End the process; a later request starts another."""
        with self._lock:
            self._stop()

    def _start(self) -> Path:
        if self._process is not None and self._folder is not None and self._process.poll() is None:
            return Path(self._folder.name)
        self._stop()
        _remove_folders_of_the_dead()
        self._folder = tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-")
        folder = Path(self._folder.name)
        try:
            with (folder / "log.txt").open("w", encoding="utf-8") as log:
                self._process = children.start(
                    self._command,
                    by=signal.SIGKILL,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env={**self._environment, "PSI_SCRATCH": str(folder)},
                    cwd=folder,
                    encoding="utf-8",
                )
        except OSError as error:
            raise EngineError(f"{self.title} could not be started: {error}") from error
        answer = self._read(folder)
        if "error" in answer:
            raise EngineError(f"{self.title} could not be started: {answer['error']}")
        self._program = str(answer["program"])
        return folder

    def _ask(self, request: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._crash(folder) from None
        return self._read(folder)

    def _read(self, folder: Path) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._crash(folder)
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _crash(self, folder: Path) -> EngineError:
        assert self._process is not None
        code = self._process.wait()
        lines = (folder / "log.txt").read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it left no message")
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        self._stop()
        return EngineError(f"the process of {self.title} {how}: {last}")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None and not pipe.closed:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        continue  # Closing flushes what a crashed process did not read.
            process.kill()
            process.wait()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def _remove_folders_of_the_dead() -> None:
    # What a killed process left may be gigabytes of scratch files.
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not _is_running(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
