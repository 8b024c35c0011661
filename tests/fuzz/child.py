"""The process in which inputs are tried: within 2 GiB, watched from outside, one batch after the other."""

from __future__ import annotations

import importlib
import os
import re
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, seed, settings

from virialff.errors import VirialffError

if TYPE_CHECKING:
    from tests.fuzz.boundaries import Boundary

MOST_MIB = 2048
ROOT = Path(__file__).resolve().parents[2]
_OURS = tuple(str(ROOT / place) for place in ("virialff", "training", "pages", "app.py"))


@dataclass
class Counts:
    """Of one kind, or of one batch of it."""

    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    faults: int = 0
    slowest_seconds: float = 0.0
    peak_mib: float = 0.0

    def add(self, other: Counts) -> None:
        """Take another batch in."""
        for name in ("inputs", "accepted", "refused", "faults"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("slowest_seconds", "peak_mib"):
            setattr(self, name, max(getattr(self, name), getattr(other, name)))


@dataclass
class Batch:
    """What a child is asked to do: so many generated inputs, or those that are given."""

    kind: str
    seed: int
    count: int
    given: list[bytes] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.seed}"


def serve(connection: Connection, factory: str, samples: Path, folder: Path) -> None:
    """Work off batches until the other end closes.

    Before each input it is sent there, so that whoever watches has it where this process ends or hangs.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    log = (folder / "output.log").open("ab", buffering=0)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    warnings.simplefilter("ignore")
    module, _, name = factory.partition(":")
    make: Callable[[Path, Path], dict[str, Boundary]] = getattr(importlib.import_module(module), name)
    kinds = make(samples, folder)
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MIB * 2**20, MOST_MIB * 2**20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    connection.send(("ready",))
    while True:
        try:
            batch: Batch = connection.recv()
        except EOFError:
            return
        counts = _work(batch, kinds[batch.kind], connection)
        connection.send(("done", asdict(counts)))


def _work(batch: Batch, boundary: Boundary, connection: Connection) -> Counts:
    counts = Counts()

    def one(data: bytes) -> None:
        connection.send(("input", data))
        start = time.thread_time()
        counts.inputs += 1
        try:
            accepted = boundary.feed(data)
            counts.accepted += accepted
            counts.refused += not accepted
        except VirialffError as error:
            counts.refused += 1
            text = str(error)
            if not text.strip() or not text.isprintable() or len(text) > 2000:
                counts.faults += 1
                what = f"its error is no sentence: {text[:200]!r}, {len(text)} characters"
                connection.send(("fault", f"{batch.kind}: {type(error).__name__} that is no sentence", what))
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001  whatever else comes out is what is looked for
            counts.faults += 1
            connection.send(("fault", f"{batch.kind}: {_signature(error)}", _told(error)))
        counts.slowest_seconds = max(counts.slowest_seconds, time.thread_time() - start)

    if batch.given:
        for data in batch.given:
            one(data)
    else:
        chosen = settings(
            max_examples=batch.count,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        seed(batch.seed)(chosen(given(boundary.inputs)(one)))()
    counts.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return counts


def _signature(error: BaseException) -> str:
    """What tells one fault from another: its kind, and the innermost line of ours."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(_OURS)]
    place = f" in {Path(frames[-1].filename).relative_to(ROOT)}:{frames[-1].name}" if frames else ""
    words = re.sub(r"[^A-Za-z0-9 ]+", " ", str(error).partition(":")[0]) if not place else ""
    return " ".join(f"{type(error).__name__}{place} {words}".split())[:110]


def _told(error: BaseException) -> str:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return "".join(lines)[-3000:]


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])), sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
