"""Many generated inputs at every boundary: each must be accepted, or refused by an error of ours, within its limits.

    python -m tests.fuzz.run --count 100000 --seed 7

What is looked for: an exception that is none of ours, a traceback, an exit code that docs/cli.md does not have, more
than 10 s of work on one input, a process above 2 GiB or one that ends. An input that leads there is saved in
tests/fuzz/corpus and tried again by every run. A run that is interrupted goes on where it was when it is started again
with the same arguments; --fresh forgets it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

from tests.fuzz import seeds
from tests.fuzz.child import ROOT, Batch, Counts
from virialff import children
from virialff.children import processes_below

#: Seconds of work on one input, and of waiting for it on a machine that does other things.
HANG_SECONDS = 10.0
_WAIT_SECONDS = 90.0
_START_SECONDS = 300.0
_BATCH = 100
_KEPT_A_FAULT = 2


@dataclass
class Fault:
    """One way of failing, and how often."""

    kind: str
    text: str
    count: int = 0
    files: list[str] = field(default_factory=list)


@dataclass
class Report:
    """What a run has found so far; it is what lies in the file from which a run goes on."""

    kinds: dict[str, Counts] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def inputs(self) -> int:
        return sum(counts.inputs for counts in self.kinds.values())

    def write(self, file: Path) -> None:
        """Keep it."""
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self), indent=1))
        partial.replace(file)

    @classmethod
    def read(cls, file: Path) -> Report:
        """What an earlier run kept; an empty one where there is none."""
        if not file.exists():
            return cls()
        content = json.loads(file.read_text())
        kinds = {name: Counts(**counts) for name, counts in content["kinds"].items()}
        faults = {name: Fault(**fault) for name, fault in content["faults"].items()}
        return cls(kinds, faults, content["done"], content["seconds"])

    def table(self) -> str:
        """A line a kind."""
        rows: list[tuple[str, ...]] = [("kind", "inputs", "accepted", "refused", "faults", "slowest", "peak memory")]
        for name, counts in sorted(self.kinds.items()):
            numbers = (counts.inputs, counts.accepted, counts.refused, counts.faults)
            ends = (f"{counts.slowest_seconds:.2f} s", f"{counts.peak_mib:.0f} MiB")
            rows.append((name, *(f"{number:,}" for number in numbers), *ends))
        total = [sum(getattr(c, n) for c in self.kinds.values()) for n in ("inputs", "accepted", "refused", "faults")]
        rows.append(("all", *(f"{number:,}" for number in total), "", ""))
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if k == 0 else cell.rjust(width) for k, (cell, width) in enumerate(zip(row, widths))
            )
            for row in rows
        )


def plan(shares: dict[str, int], count: int, seed: int) -> Iterator[Batch]:
    """Batches of all kinds in turn, so that a run that is cut short has seen each of them."""
    total = sum(shares.values())
    left = {kind: max(1, round(count * share / total)) for kind, share in shares.items()}
    number = 0
    while any(left.values()):
        for kind in shares:
            # Kinds of long inputs in small batches: the simplest input of each batch is the same.
            size = min(left[kind], _BATCH, max(10, round(_BATCH * shares[kind] / max(shares.values()))))
            if size:
                left[kind] -= size
                yield Batch(kind, seed * 1_000_003 + number, size)
                number += 1


class Child:
    """The process that works, started again after each end of it."""

    def __init__(self, factory: str, samples: Path, folder: Path, hang_seconds: float) -> None:
        self._arguments = (factory, samples, folder)
        self._hang_seconds = hang_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    def work(self, batch: Batch) -> tuple[Counts, list[tuple[str, str, bytes]]]:
        """Counts of a batch, and its faults: what tells it from others, in words, and the input."""
        connection = self._running()
        connection.send(batch)
        faults: list[tuple[str, str, bytes]] = []
        sent, data = 0, b""
        while True:
            ended = self._await(connection)
            try:
                message: tuple[Any, ...] = ("end",) if ended else connection.recv()
            except (EOFError, OSError):
                ended, message = "the process ends", ("end",)
            if message[0] == "input":
                sent, data = sent + 1, message[1]
            elif message[0] == "fault":
                faults.append((message[1], message[2], data))
            elif message[0] == "done":
                return Counts(**message[1]), faults
            else:
                assert ended is not None
                ended += self.close()
                faults.append((f"{batch.kind}: {ended}", ended, data))
                # What was counted before the end is not known by kind.
                return Counts(inputs=sent, faults=len(faults)), faults

    def close(self) -> str:
        """End the process with all that it started; how it ended."""
        if self._process is None:
            return ""
        assert self._connection is not None
        self._connection.close()
        for started in processes_below(self._process.pid)[1:]:
            with suppress(ProcessLookupError):
                os.kill(started, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.poll()
        self._process.kill()
        self._process.wait()
        self._process = None
        return f" with signal {-code}" if code is not None and code < 0 else ""

    def _running(self) -> Connection:
        if self._process is not None and self._connection is not None:
            return self._connection
        # Not by multiprocessing: it would run the main module of this process, which in the suite may be a page.
        self._connection, theirs = Pipe()
        command = [sys.executable, "-m", "tests.fuzz.child", str(theirs.fileno()), *map(str, self._arguments)]
        self._process = children.start(command, by=signal.SIGKILL, cwd=ROOT, pass_fds=(theirs.fileno(),))
        theirs.close()
        with suppress(EOFError):
            if self._connection.poll(_START_SECONDS) and self._connection.recv() == ("ready",):
                return self._connection
        log = self._arguments[2] / "output.log"
        said = log.read_text(errors="replace")[-2000:] if log.exists() else "nothing"
        raise RuntimeError(f"the process that tries inputs did not start{self.close()}; it said {said}")

    def _await(self, connection: Connection) -> str | None:
        """Wait for a message; what is wrong where none will come."""
        assert self._process is not None
        start, worked = time.monotonic(), self._worked()
        while not connection.poll(0.2):
            if self._process.poll() is not None:
                return "the process ends"
            if self._worked() - worked > self._hang_seconds or time.monotonic() - start > _WAIT_SECONDS:
                return f"more than {self._hang_seconds:.0f} s of work on one input"
        return None

    def _worked(self) -> float:
        """Seconds of processor time that the process and those that it started have used."""
        assert self._process is not None
        return sum(_processor_seconds(process) for process in processes_below(self._process.pid))


def _processor_seconds(process: int) -> float:
    """What it has used, user and system; 0 where it is gone."""
    with suppress(OSError):
        words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def try_inputs(
    batches: list[Batch],
    report: Report,
    *,
    factory: str,
    samples: Path,
    folder: Path,
    saved: Path,
    keep: Path | None = None,
    hang_seconds: float = HANG_SECONDS,
    progress: bool = False,
) -> None:
    """Work off the batches that the report does not have yet. Inputs that fail are saved below `saved` by kind."""
    child = Child(factory, samples, folder, hang_seconds)
    todo = [batch for batch in batches if batch.key not in set(report.done)]
    wanted = sum(batch.count for batch in todo)
    start, before, done = time.monotonic(), report.seconds, 0
    try:
        for batch in todo:
            counts, faults = child.work(batch)
            report.kinds.setdefault(batch.kind, Counts()).add(counts)
            for signature, text, data in faults:
                fault = report.faults.setdefault(signature, Fault(batch.kind, text))
                fault.count += 1
                if len(fault.files) < _KEPT_A_FAULT and not batch.given:
                    fault.files.append(str(_save(data, saved / batch.kind)))
            report.done.append(batch.key)
            done += batch.count
            seconds = time.monotonic() - start
            report.seconds = before + seconds
            if keep is not None:
                report.write(keep)
            if progress:
                left = seconds / done * (wanted - done)
                line = f"{report.inputs:,} inputs, {left / 60:.0f} min left, {len(report.faults)} kinds of faults"
                print(f"\r{line:<70}", end="", file=sys.stderr, flush=True)
    finally:
        child.close()
    if progress:
        print(file=sys.stderr)


def _save(data: bytes, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{seeds.FOUND}{hashlib.sha256(data).hexdigest()[:12]}"
    file.write_bytes(data)
    return file


def make_boundaries(samples: Path, folder: Path) -> dict:
    """The boundaries, in a process that is going to try them."""
    from tests.fuzz.boundaries import boundaries, preload

    seeds.own_folders(folder)
    preload()
    return boundaries(seeds.Samples(samples), folder / "work")


def shares(kinds: list[str] | None = None) -> dict[str, int]:
    """How many of about 2,000 inputs each kind has."""
    from tests.fuzz.boundaries import SHARES

    return {kind: share for kind, share in SHARES.items() if kinds is None or kind in kinds}


def found_again() -> list[Batch]:
    """The inputs that once failed, by kind."""
    kinds: dict[str, list[bytes]] = {}
    for kind, file in seeds.found():
        kinds.setdefault(kind, []).append(file.read_bytes())
    return [Batch(kind, -1, len(inputs), inputs) for kind, inputs in kinds.items()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="inputs in all (default: 2000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", nargs="+", metavar="KIND", help="these kinds alone")
    parser.add_argument("--fresh", action="store_true", help="forget an earlier run with these arguments")
    parser.add_argument("--saved", type=Path, default=seeds.CORPUS, metavar="FOLDER", help="for inputs that fail")
    arguments = parser.parse_args()
    chosen = shares(arguments.kind)
    if arguments.kind and set(arguments.kind) - set(chosen):
        parser.error(f"the kinds are {', '.join(shares())}")
    name = "-".join(["fuzz", str(arguments.seed), str(arguments.count), *sorted(arguments.kind or [])])
    keep = ROOT / "runs" / "fuzz" / f"{name}.json"
    keep.parent.mkdir(parents=True, exist_ok=True)
    if arguments.fresh:
        keep.unlink(missing_ok=True)
    report = Report.read(keep)
    with tempfile.TemporaryDirectory(prefix="virialff-fuzz-") as place:
        folder = Path(place)
        samples = seeds.make_samples(folder / "samples")
        again = [batch for batch in found_again() if batch.kind in chosen]
        batches = [*again, *plan(chosen, arguments.count, arguments.seed)]
        try_inputs(
            batches,
            report,
            factory="tests.fuzz.run:make_boundaries",
            samples=samples.folder,
            folder=folder,
            saved=arguments.saved,
            keep=keep,
            progress=True,
        )
    print(report.table())
    print(f"{report.inputs:,} inputs in {report.seconds / 60:.1f} min; {len(report.faults)} kinds of faults")
    for signature, fault in sorted(report.faults.items()):
        print(f"\n{signature}: {fault.count} times; {', '.join(fault.files)}\n{fault.text}")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
