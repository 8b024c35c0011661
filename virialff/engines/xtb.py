"""GFN2-xTB (Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 2019, 15, 1652), engine name `gfn2`.

Two programs implement it: tblite, which is maintained, and xtb through xtb-python, with which the shipped labels
were made. The first is used where it can be imported, the second otherwise; a caller can choose. They agree to 1e-7 Eh
for compact molecules of drug size; along long chains they drift apart (8e-6 Eh for C30H62, 1.2e-4 Eh for C98H198).

Everything runs in the calling process behind one lock: the Fortran libraries keep global state, so calls from
several threads take turns. The lock is held one geometry at a time, and Python's other threads run meanwhile.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import os
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from virialff.elements import UNPAIRED_ELECTRONS, symbol
from virialff.engines.base import Engine, FloatArray, Progress, conformer_axis, missing_elements, one_by_one
from virialff.errors import EngineError
from virialff.text import counted
from virialff.units import BOHR_IN_ANGSTROM, HARTREE_IN_KCAL_MOL

if TYPE_CHECKING:
    from virialff.molecules.molecule import Molecule

Backend = Literal["tblite", "xtb-python"]
BACKENDS: tuple[Backend, ...] = ("tblite", "xtb-python")

#: Elements with GFN2-xTB parameters: hydrogen to radon.
GFN2_ELEMENTS = frozenset(range(1, 87))


# By 1, 2 and 3 rad about the axes: then no built geometry has a bond on one.
_ROTATION = Rotation.from_euler("xyz", (1.0, 2.0, 3.0)).as_matrix()
_FORCE_UNIT = HARTREE_IN_KCAL_MOL / BOHR_IN_ANGSTROM
_lock = threading.RLock()


class SinglePoint(NamedTuple):
    """One GFN2-xTB calculation of a neutral molecule."""

    energy: float  #: total energy, kcal/mol
    forces: FloatArray  #: (n_atoms, 3), kcal/mol/Angstrom
    dipole: FloatArray  #: (3,), e Angstrom
    charges: FloatArray  #: (n_atoms,), Mulliken charges, e


_Results = tuple[float, FloatArray, FloatArray, FloatArray]


class _XtbPython:
    """The same through xtb-python.

    xtb up to 6.5.1 gives a wrong gradient, by as much as 0.04 Eh/Bohr, where two bonded atoms share two
    coordinates exactly, as in molecules built along an axis (grimme-lab/xtb, issue 986). The energy is
    right. So the program sees the molecule in a generic orientation.
    """

    def __init__(self, numbers: np.ndarray, positions_bohr: FloatArray, unpaired_electrons: int) -> None:
        interface = _import_program("xtb-python")
        self._error = interface.XTBException
        try:
            self._calculator = interface.Calculator(
                interface.Param.GFN2xTB, numbers, positions_bohr, uhf=unpaired_electrons
            )
        except self._error as error:
            raise _failure("xtb-python", error) from error
        self._calculator.set_verbosity("muted")

    def compute(self, positions_bohr: FloatArray) -> _Results:
        """Energy (Eh), gradient (Eh/Bohr), dipole moment (e Bohr) and charges (e)."""
        try:
            self._calculator.update(positions_bohr @ _ROTATION.T)
            # Without the last result as a guess: an energy must not depend on the conformers before it.
            result = self._calculator.singlepoint()
            gradient, dipole = result.get_gradient() @ _ROTATION, result.get_dipole() @ _ROTATION
            return result.get_energy(), gradient, dipole, result.get_charges()
        except self._error as error:
            raise _failure("xtb-python", error) from error


class _Tblite:
    """A calculator of tblite for fixed elements; only the coordinates change between calls."""

    def __init__(self, numbers: np.ndarray, positions_bohr: FloatArray, unpaired_electrons: int) -> None:
        interface = _import_program("tblite")
        self._errors = (interface.TBLiteRuntimeError, interface.TBLiteValueError)
        try:
            self._calculator = interface.Calculator("GFN2-xTB", numbers, positions_bohr, uhf=unpaired_electrons)
        except self._errors as error:
            raise _failure("tblite", error) from error
        self._calculator.set("verbosity", 0)

    def compute(self, positions_bohr: FloatArray) -> _Results:
        """Energy (Eh), gradient (Eh/Bohr), dipole moment (e Bohr) and charges (e)."""
        try:
            self._calculator.update(positions_bohr)
            with _one_openmp_thread():
                result = self._calculator.singlepoint()
            return result["energy"], result["gradient"], result["dipole"], result["charges"]
        except self._errors as error:
            raise _failure("tblite", error) from error


def _failure(backend: Backend, error: Exception) -> EngineError:
    # xtb puts the error stack below its headline, each line with its depth and the routine's name.
    lines = (re.sub(r"^-\d+- \w+: ", "", line.strip()).rstrip(":") for line in str(error).splitlines())
    message = "; ".join(filter(None, lines))
    return EngineError(f"GFN2-xTB ({backend}) failed: {message}")


@contextlib.contextmanager
def _one_openmp_thread() -> Iterator[None]:
    """Run the block with one thread of the OpenMP runtime that tblite shares with torch."""
    runtime = ctypes.CDLL("libgomp.so.1")
    before = runtime.omp_get_max_threads()
    runtime.omp_set_num_threads(1)
    try:
        yield
    finally:
        runtime.omp_set_num_threads(before)


@functools.cache
def _import_program(backend: Backend) -> Any:
    """The interface module of a program, so loaded that it computes with one thread.

    For molecules of this method's size a second thread costs more than it saves (49 atoms: 61 ms with one, over
    100 ms with two). xtb-python brings its own OpenMP runtime, which reads OMP_NUM_THREADS once, when it is loaded;
    the variable is put back, so that torch and the rest keep their threads. tblite: see `_one_openmp_thread`.
    """
    if backend == "tblite":
        return importlib.import_module("tblite.interface")
    with _lock:
        before = os.environ.get("OMP_NUM_THREADS")
        os.environ["OMP_NUM_THREADS"] = "1"
        try:
            return importlib.import_module("xtb.interface")
        finally:
            if before is None:
                del os.environ["OMP_NUM_THREADS"]
            else:
                os.environ["OMP_NUM_THREADS"] = before


@functools.cache
def unavailable_reason(backend: Backend) -> str | None:
    """None if the program can be imported, otherwise the import's own message."""
    try:
        _import_program(backend)
    except (ImportError, OSError) as error:
        return f"{backend}: {error}"
    return None


@functools.cache
def default_backend() -> Backend:
    """The first of BACKENDS that can be imported.

    Raises EngineError with the reasons of both if none can.
    """
    for backend in BACKENDS:
        if unavailable_reason(backend) is None:
            return backend
    reasons = "; ".join(str(unavailable_reason(backend)) for backend in BACKENDS)
    raise EngineError(
        f"GFN2-xTB needs the Python package tblite or xtb and neither can be imported ({reasons}); "
        "install one with `pip install tblite`"
    )


@functools.lru_cache(maxsize=4)
def _calculator(backend: Backend, numbers: tuple[int, ...], unpaired_electrons: int) -> _XtbPython | _Tblite:
    # The programs want coordinates at once and refuse overlapping atoms; these are replaced before any use.
    spread = np.arange(3.0 * len(numbers)).reshape(-1, 3) * 3.0
    program = _XtbPython if backend == "xtb-python" else _Tblite
    return program(np.array(numbers, dtype=np.int64), spread, unpaired_electrons)


def single_point(
    numbers: Any, positions: Any, *, unpaired_electrons: int = 0, backend: Backend | None = None
) -> SinglePoint:
    """GFN2-xTB energy, forces, dipole moment and Mulliken charges of one neutral molecule.

    `numbers` (n_atoms,) atomic numbers; `positions` (n_atoms, 3), Angstrom; `unpaired_electrons` is 0 for the
    closed-shell molecules of this library. Consecutive calls for the same atoms reuse one calculator, so loop
    over the conformers of a molecule. The result does not depend on what was computed before.

    Raises EngineError if the self-consistent charges do not converge (with the program's message), for atoms
    without parameters, overlapping atoms or an odd number of electrons; ShapeError.
    """
    atomic_numbers = np.ascontiguousarray(numbers, dtype=np.int64)
    geometry = conformer_axis(len(atomic_numbers), positions)
    if len(geometry) != 1:
        raise EngineError(f"single_point takes one geometry, got {len(geometry)}")
    _check_electrons(atomic_numbers, unpaired_electrons)
    return _single_point(atomic_numbers, geometry[0], unpaired_electrons, backend or default_backend())


def energy_and_forces(numbers: Any, positions: Any, *, backend: Backend | None = None) -> tuple[float, FloatArray]:
    """Energy (kcal/mol) and forces (n_atoms, 3) (kcal/mol/Angstrom) of one geometry; see `single_point`."""
    result = single_point(numbers, positions, backend=backend)
    return result.energy, result.forces


def _check_electrons(numbers: np.ndarray, unpaired_electrons: int) -> None:
    if not len(numbers):
        raise EngineError("there are no atoms to compute")
    reason = missing_elements("GFN2-xTB", numbers, GFN2_ELEMENTS)
    if reason is not None:
        raise EngineError(reason)
    if (int(numbers.sum()) - unpaired_electrons) % 2:
        raise EngineError(
            f"the neutral molecule has {counted(int(numbers.sum()), 'electron')}, which cannot leave "
            f"{unpaired_electrons} unpaired; check the hydrogens"
        )


def _single_point(numbers: np.ndarray, geometry: FloatArray, unpaired_electrons: int, backend: Backend) -> SinglePoint:
    with _lock:
        calculator = _calculator(backend, tuple(numbers.tolist()), unpaired_electrons)
        energy, gradient, dipole, charges = calculator.compute(geometry / BOHR_IN_ANGSTROM)
    if not (np.isfinite(energy) and np.isfinite(gradient).all()):
        raise EngineError(f"GFN2-xTB ({backend}) failed: the energy or the gradient is not a finite number")
    return SinglePoint(float(energy) * HARTREE_IN_KCAL_MOL, gradient * -_FORCE_UNIT, dipole * BOHR_IN_ANGSTROM, charges)


class Gfn2Engine(Engine):
    """GFN2-xTB. `backend` None takes the first of BACKENDS that can be imported."""

    name = "gfn2"
    title = level = "GFN2-xTB"  # the two programs are the same level
    elements = GFN2_ELEMENTS

    def __init__(self, backend: Backend | None = None) -> None:
        if backend is not None and backend not in BACKENDS:
            raise EngineError(f"unknown GFN2-xTB program {backend!r}; choose one of {', '.join(BACKENDS)}")
        self._backend = backend

    @property
    def backend(self) -> Backend:
        """The program that computes. Raises EngineError if none can be imported."""
        return self._backend or default_backend()

    def available(self) -> str | None:
        """None, or the sentence saying which package is missing. Imports the program on the first call."""
        try:
            backend = self.backend
        except EngineError as error:
            return str(error)
        reason = unavailable_reason(backend)
        return None if reason is None else f"GFN2-xTB was asked for with {reason}"

    def _compute(
        self, molecule: Molecule, positions: Any, progress: Progress | None, *, with_forces: bool
    ) -> tuple[FloatArray, FloatArray]:
        numbers = np.ascontiguousarray(molecule.numbers, dtype=np.int64)
        geometries = conformer_axis(len(numbers), positions)
        _check_electrons(numbers, 0)
        self._require(molecule)
        return one_by_one(geometries, lambda geometry: _single_point(numbers, geometry, 0, self.backend)[:2], progress)

    def atomic_energies(self, numbers: Any) -> FloatArray:
        """GFN2-xTB energies of isolated neutral atoms with Hund's number of unpaired electrons, kcal/mol.

        GFN2-xTB has no spin term beyond the occupation, so these are spin-averaged atoms: differences to
        them are comparable within GFN2-xTB, not with atomization energies from experiment.
        Raises EngineError for an element without an entry in UNPAIRED_ELECTRONS.
        """
        reason = self.available()
        if reason is not None:
            raise EngineError(reason)
        backend = self.backend
        atoms = np.asarray(numbers, dtype=np.int64)
        return np.array([_atomic_energy(int(number), backend) for number in atoms.ravel()]).reshape(atoms.shape)


@functools.cache
def _atomic_energy(number: int, backend: Backend) -> float:
    if number not in UNPAIRED_ELECTRONS:
        raise EngineError(f"there is no reference energy of an isolated {symbol(number)} atom for GFN2-xTB")
    unpaired = UNPAIRED_ELECTRONS[number]
    return single_point([number], np.zeros((1, 3)), unpaired_electrons=unpaired, backend=backend).energy
