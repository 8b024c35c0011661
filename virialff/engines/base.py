"""What the energy programs of this library share: their base class `Engine` and the checks of their input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from virialff.elements import symbol
from virialff.errors import EngineError, ShapeError

if TYPE_CHECKING:
    from virialff.molecules.molecule import Molecule

FloatArray = NDArray[np.float64]
#: Called as progress(conformers done, conformers in all). What it raises stops the run, reaching the caller.
Progress = Callable[[int, int], None]

#: Two nuclei nearer than this, in Angstrom, are an input error: no method is meant for them, and GFN2-xTB
#: returns an ordinary-looking energy for two atoms on the same spot.
SMALLEST_DISTANCE = 0.2


class EnergiesAndForces(ABC):
    """Gives `energy`, `forces` and both at once to what says in `_compute` how conformers are computed."""

    def energy(self, molecule: Molecule, positions: Any, *, progress: Progress | None = None) -> FloatArray:
        """Total energies (n_conformers,), kcal/mol. Raises EngineError, ShapeError."""
        return self._compute(molecule, positions, progress, with_forces=False)[0]

    def forces(self, molecule: Molecule, positions: Any, *, progress: Progress | None = None) -> FloatArray:
        """Forces -dE/dR (n_conformers, n_atoms, 3), kcal/mol/Angstrom. Raises EngineError, ShapeError."""
        return self._compute(molecule, positions, progress, with_forces=True)[1]

    def energy_and_forces(
        self, molecule: Molecule, positions: Any, *, progress: Progress | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Both at once, at the price of the forces. Raises EngineError, ShapeError."""
        return self._compute(molecule, positions, progress, with_forces=True)

    @abstractmethod
    def _compute(
        self, molecule: Molecule, positions: Any, progress: Progress | None, *, with_forces: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Energies and forces of all conformers; the forces may be NaN unless asked for."""


class Engine(EnergiesAndForces):
    """A program or a trained potential of this library, as a `virialff.methods.method.Method` with forces."""

    name: str  #: by which `get_engine` knows it
    title: str  #: what its messages call it

    @property
    @abstractmethod
    def level(self) -> str:
        """The method, and where it matters the weights or the program, for tables and figures."""

    @property
    @abstractmethod
    def elements(self) -> frozenset[int]:
        """Atomic numbers of the elements it has parameters for."""

    @abstractmethod
    def available(self) -> str | None:
        """None if it can compute here, otherwise one sentence saying why not and what to do."""

    @abstractmethod
    def atomic_energies(self, numbers: Any) -> FloatArray:
        """Reference energies of isolated atoms at this level, shape of `numbers`, kcal/mol. Raises EngineError."""

    def unsupported(self, molecule: Molecule) -> str | None:
        """None if it can compute this molecule, otherwise one sentence saying why not."""
        return missing_elements(self.title, molecule.numbers, self.elements)

    def _require(self, molecule: Molecule) -> None:
        """Raise EngineError where it cannot compute here, or not this molecule."""
        reason = self.available() or self.unsupported(molecule)
        if reason is not None:
            raise EngineError(reason)


def one_by_one(
    geometries: FloatArray, single: Callable[[FloatArray], tuple[float, FloatArray | float]], progress: Progress | None
) -> tuple[FloatArray, FloatArray]:
    """Energies (n_conformers,) and forces (n_conformers, n_atoms, 3) by a function of one geometry (n_atoms, 3).

    Its EngineError is raised with the number of the conformer.
    """
    energies, forces = np.empty(len(geometries)), np.empty(geometries.shape)
    for index, geometry in enumerate(geometries):
        try:
            energies[index], forces[index] = single(geometry)
        except EngineError as error:
            raise EngineError(error.message, conformer=index + 1) from error
        if progress is not None:
            progress(index + 1, len(geometries))
    return energies, forces


def require_finite(name: str, *results: FloatArray) -> None:
    """Raise EngineError with the first conformer of which an energy or force is not a finite number.

    name: of the method; results: arrays whose first axis is that of the conformers.
    """
    for values in results:
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not finite.all():
            raise EngineError(
                f"{name} gives no finite energy and forces here; check the geometry, or choose another method",
                conformer=int(np.argmin(finite)) + 1,
            )


def missing_elements(level: str, numbers: Iterable[int], elements: frozenset[int]) -> str | None:
    """The sentence "<level> has no parameters for <elements>", or None if all are covered."""
    missing = sorted({int(number) for number in numbers} - elements)
    if not missing:
        return None
    return f"{level} has no parameters for {' and '.join(symbol(number) for number in missing)}"


def conformer_axis(n_atoms: int, positions: Any) -> FloatArray:
    """Positions in Angstrom as a contiguous (n_conformers, n_atoms, 3) float64 array.

    Raises ShapeError, and EngineError for coordinates that are not numbers or two atoms closer than
    SMALLEST_DISTANCE.
    """
    array = np.asarray(positions, dtype=np.float64)
    stacked = array[None] if array.ndim == 2 else array
    if stacked.ndim != 3 or stacked.shape[1:] != (n_atoms, 3):
        raise ShapeError(f"positions have shape {array.shape}, expected ({n_atoms}, 3) or (n_conformers, {n_atoms}, 3)")
    for conformer, geometry in enumerate(stacked, start=1):
        _check_geometry(geometry, conformer)
    return np.ascontiguousarray(stacked)


def _check_geometry(geometry: FloatArray, conformer: int) -> None:
    finite = np.isfinite(geometry).all(axis=1)
    if not finite.all():
        atom = int(np.argmin(finite)) + 1
        raise EngineError(f"the coordinates of atom {atom} are not finite numbers", conformer=conformer)
    distances = np.linalg.norm(geometry[:, None] - geometry[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    if distances.size and distances.min() < SMALLEST_DISTANCE:
        i, j = np.unravel_index(int(distances.argmin()), distances.shape)
        raise EngineError(
            f"atoms {i + 1} and {j + 1} are {distances[i, j]:.3f} Angstrom apart, "
            "too close for any energy method; check the coordinates",
            conformer=conformer,
        )
