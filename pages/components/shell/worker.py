"""A worker process of the app: takes one task after the other from a connection, until it has none for a while.

It imports neither Streamlit nor anything else before a task needs it, so that it starts quickly.
"""

from __future__ import annotations

import os
import pickle
import queue
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

#: A worker without a task for so long ends, which gives its memory back.
IDLE_SECONDS = 600.0
# And so long after its last one it gives back what is free: not at once, where the next task would wait for it.
_REST_SECONDS = 2.0
#: Reports that carry nothing but progress are sent at most so often.
_REPORT_SECONDS = 0.1
# Pages answer first where the processor is short.
_NICENESS = 5


class Stopped(Exception):
    """Raised by a report after the user pressed Stop; work lets it pass."""


class Report:
    """How a task says how far it is: `report(done, total, text, partial)`. It raises Stopped when the task is to end.

    `done` and `total` may be any numbers in proportion; a total of 0 stands for "not known yet". `text` says what is
    being done. `partial` is a result so far, for the function `keep` that the task was started with.
    """

    def __init__(self, connection: Connection, number: int, stop: _Stop) -> None:
        self._connection = connection
        self._number = number
        self._stop = stop
        self._sent = 0.0

    def __call__(self, done: float, total: float, text: str = "", partial: Any = None) -> None:
        if self._stop.number == self._number:
            raise Stopped
        now = time.monotonic()
        if partial is not None or now - self._sent >= _REPORT_SECONDS:
            self._sent = now
            self._connection.send(("progress", float(done), float(total), text, partial))


def call(report: Report, work: Callable[..., Any], *arguments: Any) -> Any:
    """A task for work that has no progress: `work(*arguments)`."""
    return work(*arguments)


class _Stop:
    """The number of the task that the app wants stopped."""

    number = -1


def main(descriptor: int, memory: int = 0) -> None:
    """Serve the connection with this file descriptor; returns after IDLE_SECONDS without a task.

    memory: bytes that this process may take, 0 for no limit.
    """
    os.nice(_NICENESS)
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    connection = Connection(descriptor)
    tasks: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()
    stop = _Stop()
    threading.Thread(target=_listen, args=(connection, tasks, stop), daemon=True).start()
    while True:
        try:
            number, payload = _next(tasks)
        except queue.Empty:
            return
        connection.send(("taken",))
        connection.send(_answer(payload, Report(connection, number, stop)))


def _next(tasks: queue.SimpleQueue[tuple[int, bytes]]) -> tuple[int, bytes]:
    try:
        return tasks.get(timeout=_REST_SECONDS)
    except queue.Empty:
        from pages.components.shell.garbage import give_back

        give_back()
    return tasks.get(timeout=IDLE_SECONDS)


def _listen(connection: Connection, tasks: queue.SimpleQueue[tuple[int, bytes]], stop: _Stop) -> None:
    while True:
        try:
            word, number, payload = connection.recv()
        except (EOFError, OSError):
            # The app gives this worker up; nobody waits for what it computes.
            os._exit(0)
        if word == "stop":
            stop.number = number
        else:
            tasks.put((number, payload))


def _answer(payload: bytes, report: Report) -> tuple[str, Any]:
    from virialff.errors import VirialffError

    try:
        work, arguments = pickle.loads(payload)  # noqa: S301 - from the app itself
        # Pickled here and not in sending, where a result that cannot be pickled would end the worker.
        return "result", pickle.dumps(work(report, *arguments))
    except Stopped:
        return "stopped", None
    except VirialffError as error:
        return "refused", str(error)
    except MemoryError:
        return "refused", "it takes more memory than is allowed here; try something smaller"
    except Exception:  # noqa: BLE001 - the worker must outlive it; the app logs it
        return "failed", traceback.format_exc()


if __name__ == "__main__":
    # By its name, so that tasks find the same Stopped.
    from pages.components.shell import worker

    worker.main(*map(int, sys.argv[1:]))
