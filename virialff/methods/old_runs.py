"""Energies of many conformers, a part at a time: progress, stopping and a bounded cache keyed by content."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from virialff.errors import EngineError

#: Positions (n, n_atoms, 3) in A to energies (n,) in kcal/mol.
EnergyFunction = Callable[[np.ndarray], np.ndarray]

_SECONDS_PER_PART = 0.4
_LARGEST_PART = 200


@dataclass(frozen=True)
class EnergyRun:
    """Energies (n_done,) in kcal/mol of the first conformers of an ensemble of n_conformers.

    `seconds` is the time of all parts but the first, which also pays for loading; `timed` counts their conformers.
    `failures` maps the number of a conformer (from 1) to the reason why its energy is NaN.
    """

    n_conformers: int
    energies: np.ndarray
    first_seconds: float = 0.0
    seconds: float = 0.0
    timed: int = 0
    failures: Mapping[int, str] = field(default_factory=dict)

    @property
    def n_done(self) -> int:
        return len(self.energies)

    @property
    def complete(self) -> bool:
        return self.n_done == self.n_conformers

    @property
    def seconds_per_conformer(self) -> float | None:
        """Mean time of one conformer without loading; None before anything was computed."""
        if self.timed:
            return self.seconds / self.timed
        return self.first_seconds if self.n_done else None

    @property
    def seconds_left(self) -> float | None:
        """Estimated time until the run is complete; None before anything was computed."""
        each = self.seconds_per_conformer
        return None if each is None else each * (self.n_conformers - self.n_done)


class EnergyCache:
    """The most recently used runs, shared between threads; holds energies only, keyed by content."""

    def __init__(self, max_entries: int = 256) -> None:
        self._runs: OrderedDict[tuple[str, ...], EnergyRun] = OrderedDict()
        self._lock = threading.Lock()
        self._max_entries = max_entries

    def get(self, key: tuple[str, ...]) -> EnergyRun | None:
        """The run under this key, None when there is none (any more)."""
        with self._lock:
            run = self._runs.get(key)
            if run is not None:
                self._runs.move_to_end(key)
            return run

    def put(self, key: tuple[str, ...], run: EnergyRun) -> None:
        """Keep this run and drop the least recently used ones above the limit."""
        with self._lock:
            self._runs[key] = run
            self._runs.move_to_end(key)
            while len(self._runs) > self._max_entries:
                self._runs.popitem(last=False)

    def __len__(self) -> int:
        return len(self._runs)


def complete_run(run: EnergyRun, positions: np.ndarray, energy: EnergyFunction) -> EnergyRun:
    """The run with everything computed that was missing, at one go; see `continue_run`."""
    return run if run.complete else list(continue_run(run, positions, energy))[-1]


def continue_run(run: EnergyRun, positions: np.ndarray, energy: EnergyFunction) -> Iterator[EnergyRun]:
    """Compute what is missing of a run, yielding it after every part; stop by not asking for the next.

    positions: (n_conformers, n_atoms, 3), Angstrom. The first part is one conformer; later parts take about 0.4 s.
    """
    size = 1
    while not run.complete:
        start = time.perf_counter()
        new, failures = _part(positions[run.n_done : run.n_done + size], energy, run.n_done)
        elapsed = time.perf_counter() - start
        energies, failures = np.concatenate([run.energies, new]), {**run.failures, **failures}
        if run.n_done == 0:
            run = EnergyRun(run.n_conformers, energies, first_seconds=elapsed, failures=failures)
            size = 2
        else:
            seconds, timed = run.seconds + elapsed, run.timed + len(new)
            run = EnergyRun(run.n_conformers, energies, run.first_seconds, seconds, timed, failures)
            size = int(np.clip(_SECONDS_PER_PART * timed / max(seconds, 1e-9), 1, _LARGEST_PART))
        yield run


def _part(positions: np.ndarray, energy: EnergyFunction, first: int) -> tuple[np.ndarray, dict[int, str]]:
    """Energies of one part; where it fails, one conformer at a time, so that one cannot take the others with it."""
    try:
        return np.asarray(energy(positions), dtype=np.float64), {}
    except EngineError as error:
        if len(positions) == 1:
            return np.array([np.nan]), {first + 1: error.message}
    parts = [_part(positions[k : k + 1], energy, first + k) for k in range(len(positions))]
    failures = {number: reason for _, found in parts for number, reason in found.items()}
    return np.concatenate([energies for energies, _ in parts]), failures
