"""What the measurements of speed share: the smallest time of interleaved rounds, tables, and the machine in words."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def smallest_times(calls: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """Processor seconds of each call: the smallest of some rounds, in each of which all are called in turn.

    One round before them is not counted. Seconds of the processor, and the smallest of them, because others may use the
    machine; interleaved, because its clock may change.
    """
    best = dict.fromkeys(calls, float("inf"))
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.process_time()
            call()
            best[name] = min(best[name], time.process_time() - started)
    return best


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows, of which the first is the head, as a table of Markdown."""
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def machine(*packages: str) -> str:
    """The processor, Python and the versions of packages, as one line."""
    processor = platform.processor() or platform.machine()
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        lines = (line.partition(":") for line in cpu_info.read_text().splitlines())
        fields = {name.strip(): value.strip() for name, _, value in lines}
        processor = (
            f"{fields.get('model name', processor)} (family {fields.get('cpu family')}, model {fields.get('model')})"
        )
    found = []
    for package in ("virialff", *packages):
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return f"{processor}, Python {platform.python_version()}, {', '.join(found)}"


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The slope of log(cost) over log(size), by least squares."""
    import numpy as np

    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])
