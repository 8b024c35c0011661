"""What every energy program looks like to the library: the protocol `Engine` and the checks they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

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


class Engine(Protocol):
    """A program or a trained potential that gives total energies. Energies in kcal/mol, lengths in Angstrom.

    `positions` is (n_atoms, 3) or (n_conformers, n_atoms, 3); results always carry the conformer axis, of
    length 1 for a single geometry. `progress(done, total)` is called after every conformer or batch; an
    exception raised inside it stops the run (that is the way to cancel) and reaches the caller unchanged.

    Methods that compute raise EngineError (what failed, for which conformer, in the program's own words) and
    ShapeError (positions that do not fit the molecule); they never return a number for a failed calculation.
    """

    @property
    def name(self) -> str:
        """The name by which `get_engine` knows it."""

    @property
    def level_of_theory(self) -> str:
        """The method, and where it matters the weights or the program, for tables and figures."""

    @property
    def elements(self) -> frozenset[int]:
        """Atomic numbers of the elements it has parameters for."""

    def available(self) -> str | None:
        """None if it can compute here, otherwise one sentence saying why not and what to do."""

    def unsupported(self, molecule: Molecule) -> str | None:
        """None if it can compute this molecule, otherwise one sentence saying why not."""

    def energy(self, molecule: Molecule, positions: Any, *, progress: Progress | None = None) -> FloatArray:
        """Total energies, shape (n_conformers,), kcal/mol."""

    def forces(self, molecule: Molecule, positions: Any, *, progress: Progress | None = None) -> FloatArray:
        """Forces -dE/dR, shape (n_conformers, n_atoms, 3), kcal/mol/Angstrom."""

    def energy_and_forces(
        self, molecule: Molecule, positions: Any, *, progress: Progress | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Both at once, at the price of the forces."""

    def atomic_energies(self, numbers: Any) -> FloatArray:
        """Reference energies of isolated atoms at this level, shape of `numbers`, kcal/mol."""


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
        raise EngineError(f"conformer {conformer}: the coordinates of atom {atom} are not finite numbers")
    distances = np.linalg.norm(geometry[:, None] - geometry[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    if distances.size and distances.min() < SMALLEST_DISTANCE:
        i, j = np.unravel_index(int(distances.argmin()), distances.shape)
        raise EngineError(
            f"conformer {conformer}: atoms {i + 1} and {j + 1} are {distances[i, j]:.3f} Angstrom apart, "
            "too close for any energy method; check the coordinates"
        )
