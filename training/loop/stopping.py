"""Why a run ends before its last step: a signal, a loss that grows or is no number, a full disk, no memory left."""

from __future__ import annotations

import errno
import math
import signal
import threading
from dataclasses import asdict, dataclass
from types import FrameType, TracebackType
from typing import Any, Self

import torch

from virialff.errors import VirialffError
from virialff.files import disk_problem

#: SLURM announces preemption and the end of the time by SIGTERM or by the signal of `--signal`.
_SIGNALS = ("SIGTERM", "SIGINT", "SIGUSR1", "SIGUSR2")


class TrainingStopped(VirialffError):
    """Training cannot go on; the message is the reason, and the last good checkpoint is kept."""


class TrainingInterrupted(TrainingStopped):
    """A signal asked the run to end; it was saved first and the same command goes on with it."""


class SignalWatch:
    """Within this context SIGTERM, SIGINT, SIGUSR1 and SIGUSR2 are noted in `received` and do not end the process.

    Outside the main thread, where Python takes no signals, it notes none.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for name in _SIGNALS:
                number = getattr(signal, name)
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number).name


@dataclass
class LossMonitor:
    """The loss smoothed over about twenty steps, and the lowest that it was."""

    smoothed: float | None = None
    lowest: float = math.inf

    def add(self, loss: float) -> None:
        """Count the loss of one more step."""
        self.smoothed = loss if self.smoothed is None else 0.95 * self.smoothed + 0.05 * loss
        self.lowest = min(self.lowest, self.smoothed)

    @property
    def growth(self) -> float:
        """The smoothed loss as a multiple of its lowest value; 1 before the first step."""
        return 1.0 if self.smoothed is None else self.smoothed / max(self.lowest, 1e-12)

    def calm(self, explosion: float) -> bool:
        """Whether the weights are worth a checkpoint: the loss is far from the growth at which a run stops."""
        return self.growth < explosion**0.5

    def as_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return asdict(self)


def reason_of(error: BaseException) -> str | None:
    """What stopped the run in words for a person, or None for an error that is a fault of the program."""
    if isinstance(error, TrainingStopped):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"the run folder cannot be written ({error.strerror}): make room and start the same command again"
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO):
        return f"the run folder cannot be written: {disk_problem(error)}"
    out_of_memory = "can't allocate memory" in str(error) or "out of memory" in str(error)
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (isinstance(error, RuntimeError) and out_of_memory):
        return "the memory of the device is full: lower batch_pairs or conformers in the recipe"
    return None
