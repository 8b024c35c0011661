"""Energies of the conformers of a molecule by any method: part by part, with progress, and conformers that fail."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from virialff.conformers.generation import boltzmann_weights, energy_ranks, relative_energies
from virialff.engines.base import FloatArray, Progress
from virialff.errors import EngineError, ShapeError
from virialff.methods.method import Method, require
from virialff.models.intervals import Quantity, Uncertainty
from virialff.molecules.molecule import Molecule

_SECONDS_PER_PART = 0.4
_LARGEST_PART = 200


@dataclass(frozen=True, eq=False)
class MethodEnergies:
    """Energies of the conformers of one molecule by one method, kcal/mol.

    A run may be incomplete: the last `n_left` conformers have not been tried yet. `seconds` is the time of the `timed`
    conformers, without the first part, which also pays for loading, once there is another.
    """

    name: str  #: what the caller calls the method: "model", "gfn2"
    level: str
    values: FloatArray  #: (n_conformers,), total; NaN where the method failed and where nothing was tried yet
    failures: Mapping[int, str] = field(default_factory=dict)  #: number of the conformer (from 1) to the reason
    atoms: float = float("nan")  #: isolated atoms at the same level, their sum; NaN for a method that has none
    n_left: int = 0
    seconds: float = 0.0
    timed: int = 0

    @property
    def n_done(self) -> int:
        """How many conformers were tried."""
        return len(self.values) - self.n_left

    @property
    def succeeded(self) -> bool:
        """Whether any conformer has an energy."""
        return bool(np.isfinite(self.values).any())

    @cached_property
    def relative(self) -> FloatArray:
        """(n_conformers,), above this method's lowest conformer."""
        return relative_energies(self.values)

    @cached_property
    def ranks(self) -> FloatArray:
        """(n_conformers,), 1 for the lowest."""
        return energy_ranks(self.values)

    @property
    def atomization_energies(self) -> FloatArray:
        """(n_conformers,), isolated atoms minus molecule, positive = bound."""
        return np.asarray(self.atoms - self.values)

    def weights(self, temperature: float = 298.15, degeneracies: ArrayLike | None = None) -> FloatArray:
        """(n_conformers,) Boltzmann populations; see `conformers.boltzmann_weights`."""
        return boltzmann_weights(self.values, temperature, degeneracies)

    def of(self, conformers: ArrayLike) -> MethodEnergies:
        """A complete run's energies of some conformers, by their indices (n,) from 0, in this order."""
        chosen = np.asarray(conformers, dtype=np.int64)
        failures = {
            number: self.failures[int(index) + 1]
            for number, index in enumerate(chosen, start=1)
            if int(index) + 1 in self.failures
        }
        return replace(self, values=self.values[chosen], failures=failures)

    @property
    def seconds_per_conformer(self) -> float | None:
        """Mean time of one conformer; None before anything was computed."""
        return self.seconds / self.timed if self.timed else None


def energies_of(
    method: Method, ensemble: Molecule, *, name: str | None = None, progress: Progress | None = None
) -> MethodEnergies:
    """The energies of all conformers of a molecule. One that fails takes no other with it.

    Parameters
    ----------
    method : Method
        An engine, a model, or any other.
    ensemble : Molecule
        With conformers in three dimensions.
    name : str, optional
        What to call the method, by default its own name.
    progress : callable, optional
        Called as the method does, with the number of conformers done and their total.

    Returns
    -------
    MethodEnergies
        Total energies (n_conformers,) in kcal/mol, NaN where the method failed, with the reasons by conformer.

    Raises
    ------
    EngineError
        If the method cannot compute here, or not this molecule.
    MissingCoordinatesError, FlatCoordinatesError
        As `Molecule.require_3d`.
    """
    first = _nothing_yet(method, ensemble, name)
    return next(_continued(method, ensemble, first, first.n_left, progress))


def already_known(method: Method, ensemble: Molecule, values: ArrayLike, *, name: str | None = None) -> MethodEnergies:
    """Total energies (n_conformers,) in kcal/mol that a method has given of these conformers on another way: relaxing.

    Raises EngineError, ShapeError.
    """
    run = _nothing_yet(method, ensemble, name)
    energies = per_geometry(method.name, values, ensemble.n_conformers)
    return replace(run, values=energies, n_left=0)


def uncertainty_of(method: Method, ensemble: Molecule, quantity: Quantity) -> Uncertainty | None:
    """How far the energies of a method may be off, as `Model.uncertainty`; None for one that does not know it."""
    known = getattr(method, "uncertainty", None)
    return None if known is None else known(ensemble, quantity)


def energies_in_parts(
    method: Method,
    ensemble: Molecule,
    known: MethodEnergies | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
) -> Iterator[MethodEnergies]:
    """The same part by part: after the first conformer, then every 0.4 s; stop by not asking for the next.

    `known` is what an earlier run of the same method and conformers came to: only what it lacks is computed, and
    nothing is yielded where that is nothing. The last one is complete.
    """
    run = _nothing_yet(method, ensemble, name) if known is None or known.n_done == 0 else known
    yield from _continued(method, ensemble, run, 1, progress)


def _nothing_yet(method: Method, ensemble: Molecule, name: str | None) -> MethodEnergies:
    ensemble.require_3d()
    require(method, ensemble)
    n = ensemble.n_conformers
    atoms = getattr(method, "atomic_energies", None)
    total = float("nan") if atoms is None else float(np.sum(atoms(ensemble.numbers)))
    # After the atoms: ANI knows its level once its weights are there.
    return MethodEnergies(name or method.name, method.level, np.full(n, np.nan), atoms=total, n_left=n)


def _continued(
    method: Method, ensemble: Molecule, run: MethodEnergies, size: int, progress: Progress | None
) -> Iterator[MethodEnergies]:
    """What is missing of a run, the first part of `size` conformers."""
    while run.n_left:
        done = run.n_done
        start = time.perf_counter()
        values, failures = _part(method, ensemble, slice(done, done + size), progress)
        seconds, timed = time.perf_counter() - start, len(values)
        if done > 1:
            seconds, timed = run.seconds + seconds, run.timed + timed
        energies = run.values.copy()
        energies[done : done + len(values)] = values
        run = replace(
            run,
            values=energies,
            failures={**run.failures, **failures},
            n_left=run.n_left - len(values),
            seconds=seconds,
            timed=timed,
        )
        size = 2 if done == 0 else int(np.clip(_SECONDS_PER_PART * timed / max(seconds, 1e-9), 1, _LARGEST_PART))
        yield run


def _part(
    method: Method, ensemble: Molecule, part: slice, progress: Progress | None
) -> tuple[FloatArray, dict[int, str]]:
    """Energies of some conformers and the reasons of those that have none."""
    positions = ensemble.positions[part]

    def report(done: int, _: int) -> None:
        if progress is not None:
            progress(part.start + done, ensemble.n_conformers)

    try:
        values = per_geometry(method.name, method.energy(ensemble, positions, progress=report), len(positions))
        finite = np.isfinite(values)
        reasons = {
            part.start + int(index) + 1: f"{method.name} gives no finite energy here"
            for index in np.flatnonzero(~finite)
        }
        return np.where(finite, values, np.nan), reasons
    except EngineError as error:
        if len(positions) == 1:
            return np.array([np.nan]), {part.start + 1: error.message}
    # One failed conformer must not take the others with it: find out which.
    single = [
        _part(method, ensemble, slice(k, k + 1), progress) for k in range(part.start, part.start + len(positions))
    ]
    failures = {number: reason for _, found in single for number, reason in found.items()}
    return np.concatenate([values for values, _ in single]), failures


def per_geometry(name: str, energies: Any, n_geometries: int) -> FloatArray:
    """The energies (n_geometries,) of a method as float64; ShapeError for any other shape."""
    energies = np.asarray(energies, dtype=np.float64)
    if energies.shape != (n_geometries,):
        raise ShapeError(f"the method {name} gave energies of shape {energies.shape}, expected ({n_geometries},)")
    return energies


Value = TypeVar("Value")


class LatestResults(Generic[Value]):
    """The most recently used results, shared between threads, by content."""

    def __init__(self, max_entries: int = 256) -> None:
        self._runs: OrderedDict[tuple[str, ...], Value] = OrderedDict()
        self._lock = threading.Lock()
        self._max_entries = max_entries

    def get(self, key: tuple[str, ...]) -> Value | None:
        """The result under this key, None when there is none (any more)."""
        with self._lock:
            run = self._runs.get(key)
            if run is not None:
                self._runs.move_to_end(key)
            return run

    def put(self, key: tuple[str, ...], run: Value) -> None:
        """Keep this result and drop the least recently used ones above the limit."""
        with self._lock:
            self._runs[key] = run
            self._runs.move_to_end(key)
            while len(self._runs) > self._max_entries:
                self._runs.popitem(last=False)

    def __len__(self) -> int:
        return len(self._runs)


#: Holds energies only, by method, molecule and geometries.
EnergyCache = LatestResults[MethodEnergies]
