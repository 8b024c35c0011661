"""What ends a task before its time: a time limit, a signal to the worker."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Processor time, as a multiple of the limit and in seconds on top, after which the system ends a worker that does
#: not come back to Python to take notice of its limit.
_HARD_FACTOR, _HARD_SECONDS = 2.0, 60.0


class TaskTimeout(BaseException):
    """The task took longer than it may. Not an Exception, so that no engine takes it for a failure of its own."""


class WorkerStopped(BaseException):
    """The worker was asked to stop. `time_limit`: because the time that the cluster gave it runs out."""

    def __init__(self, *, time_limit: bool) -> None:
        super().__init__()
        self.time_limit = time_limit


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise TaskTimeout in the block after `seconds`; None: no limit. Only in the main thread."""
    if seconds is None:
        yield
        return

    def expire(number: int, frame: FrameType | None) -> None:
        raise TaskTimeout

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_PROF, _HARD_FACTOR * seconds + _HARD_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGALRM, before)


def stop_on_signals() -> None:
    """From now on raise WorkerStopped on what a terminal or a cluster sends to stop a worker."""

    def stop(number: int, frame: FrameType | None) -> None:
        # Once is enough: a second signal must not break into the cleaning up.
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
            signal.signal(name, signal.SIG_IGN)
        # SLURM is asked for SIGUSR2 before the time limit.
        raise WorkerStopped(time_limit=number == signal.SIGUSR2)

    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2):
        signal.signal(name, stop)
