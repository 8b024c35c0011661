"""Worker processes that all browser sessions share, and the jobs that run in them.

Processes and not threads: much of the work is Python that would keep the interpreter's lock from the other sessions
(perception of uploads) or Fortran behind a lock of its own (GFN2-xTB), a process can be stopped at any moment, and a
crash takes nothing else with it.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from virialff import children

ROOT = Path(__file__).resolve().parents[3]
UNEXPECTED = "it ended unexpectedly; the app's log says where. Try again, or with other settings"
# Work that reports often stops by itself; what has not stopped by then is killed.
_GRACE_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Job:
    """One piece of work, waiting, running or ended. Read by pages, written by the thread that serves it."""

    def __init__(self, title: str, payload: bytes, keep: Callable[[Any], None] | None, owner: str = "") -> None:
        self.title = title
        #: whose it is: users, or sessions without login, take turns
        self.owner = owner
        self.ended = threading.Event()
        self.result: Any = None
        #: why there is no result, for people; "" while there may be one
        self.error = ""
        self.text = ""
        self.done = 0.0
        self.total = 0.0
        self.started: float | None = None
        self.stop_asked = threading.Event()
        self._first: tuple[float, float] | None = None
        self._payload = payload
        self._keep = keep

    @property
    def fraction(self) -> float:
        """How much is done, 0 to 1; 0 while that is not known."""
        return min(max(self.done / self.total, 0.0), 1.0) if self.total > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated from the pace since the first report, so that loading does not count; None while not known."""
        if self._first is None or self.total <= 0:
            return None
        begin, done = self._first
        gained = self.done - done
        return (time.monotonic() - begin) / gained * (self.total - self.done) if gained > 0 else None

    @property
    def seconds_so_far(self) -> float:
        """Since a worker took it; 0 while it waits."""
        return 0.0 if self.started is None else time.monotonic() - self.started

    def progress(self, done: float, total: float, text: str, partial: Any) -> None:
        """Take over a report."""
        if self._first is None and total > 0:
            self._first = (time.monotonic(), done)
        self.done, self.total, self.text = done, total, text
        if partial is not None and self._keep is not None:
            self._keep(partial)

    def finish(self, kind: str, value: Any) -> None:
        """Take over the worker's answer."""
        if kind == "result":
            self.result = pickle.loads(value)  # noqa: S301 - from a worker of ours
            if self._keep is not None:
                self._keep(self.result)
        elif kind == "refused":
            self.error = value
        elif kind == "failed":
            _log.error("%s failed in a worker:\n%s", self.title, value)
            self.error = UNEXPECTED

    @property
    def payload(self) -> bytes:
        return self._payload


class _Worker:
    """One process with the connection to it."""

    def __init__(self, threads: int, memory: int) -> None:
        ours, theirs = Pipe()
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-m", "pages.components.shell.worker", str(theirs.fileno()), str(memory)]
        self.process = children.start(
            command,
            by=signal.SIGKILL,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={"OMP_NUM_THREADS": str(threads), **os.environ, "PYTHONPATH": path},
            # Ctrl-C in the app's terminal is for the app: workers end with it.
            start_new_session=True,
        )
        theirs.close()
        self.connection: Connection = ours
        self._tasks = 0

    def run(self, job: Job) -> bool:
        """Serve the job to its end. False if the process was gone before it took it. Raises EOFError if it dies."""
        self._tasks += 1
        try:
            self.connection.send(("task", self._tasks, job.payload))
            self.connection.recv()
        except (EOFError, OSError):
            return False
        killer: threading.Timer | None = None
        try:
            while True:
                if job.stop_asked.is_set() and killer is None:
                    self.connection.send(("stop", self._tasks, b""))
                    killer = threading.Timer(_GRACE_SECONDS, self.process.kill)
                    killer.start()
                if not self.connection.poll(0.1):
                    continue
                kind, *values = self.connection.recv()
                if kind != "progress":
                    job.finish(kind, values[0])
                    return True
                job.progress(*values)
        finally:
            if killer is not None:
                killer.cancel()

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()


class WorkerPool:
    """At most `size` jobs at a time, each in a process; further ones wait.

    Next is who has fewest at work and longest had no turn, so that many jobs of one let one of another pass.

    memory: bytes that each process may take, 0 for no limit.
    """

    def __init__(self, size: int, memory: int = 0) -> None:
        self.size = size
        self._memory = memory
        self._lock = threading.Lock()
        self._waiting: list[Job] = []
        self._idle: list[_Worker] = []
        self._busy = 0
        self._at_work: Counter[str] = Counter()
        # When an owner's last job began, by a count of the jobs.
        self._last_turn: dict[str, int] = {}
        self._turns = 0

    def submit(self, job: Job) -> None:
        """Start the job, or put it at the end of the queue."""
        with self._lock:
            self._waiting.append(job)
            if self._busy == self.size:
                return
            self._busy += 1
        threading.Thread(target=self._serve, name="background work", daemon=True).start()

    def position(self, job: Job) -> int:
        """How many jobs are ahead of this one in the queue and running; 0 once it runs or has ended."""
        with self._lock:
            if job not in self._waiting:
                return 0
            own = [other for other in self._waiting if other.owner == job.owner].index(job)
            others = Counter(other.owner for other in self._waiting if other.owner != job.owner)
            # Of each of the others as many as of this one's owner come before it, at most.
            return self._busy + own + sum(min(count, own + 1) for count in others.values())

    def stop(self, job: Job) -> None:
        """Take the job from the queue, or end its work within about a second; its result is not kept."""
        job.stop_asked.set()
        with self._lock:
            if job in self._waiting:
                self._waiting.remove(job)
                job.ended.set()

    def close(self) -> None:
        """End the idle workers."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._busy -= 1
                    return
                job = min(self._waiting, key=lambda job: (self._at_work[job.owner], self._last_turn.get(job.owner, 0)))
                self._waiting.remove(job)
                self._turns += 1
                self._last_turn[job.owner] = self._turns
                self._at_work[job.owner] += 1
            if job.stop_asked.is_set():
                job.ended.set()
                self._over(job)
                continue
            job.started = time.monotonic()
            try:
                self._run(job)
            except Exception:  # noqa: BLE001 - the queue must go on; it is logged
                _log.exception("%s could not be served", job.title)
                job.error = UNEXPECTED
            finally:
                job.ended.set()
                self._over(job)

    def _over(self, job: Job) -> None:
        with self._lock:
            self._at_work[job.owner] -= 1
            if not self._at_work[job.owner]:
                del self._at_work[job.owner]
            if not self._at_work and not self._waiting:
                self._last_turn.clear()

    def _run(self, job: Job) -> None:
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            fresh = worker is None
            worker = worker or _Worker(max(1, (os.cpu_count() or 1) // self.size), self._memory)
            try:
                taken = worker.run(job)
            except (EOFError, OSError):
                worker.end()
                if not job.stop_asked.is_set():
                    job.error = "its process crashed or was killed, perhaps for want of memory; try something smaller"
                return
            except BaseException:
                worker.end()
                raise
            if taken:
                with self._lock:
                    self._idle.append(worker)
                return
            worker.end()
            # An idle worker may have ended meanwhile; that a new one cannot be reached is a fault.
            if fresh:
                job.error = UNEXPECTED
                return
