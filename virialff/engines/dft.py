"""wB97X-D/def2-SVP: what the engines `pyscf` and `psi4` share, and the electronic structure that they give."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from virialff.elements import ATOMIC_NUMBERS, UNPAIRED_ELECTRONS, symbol
from virialff.engines.base import Engine, FloatArray, Progress, conformer_axis, missing_elements, one_by_one
from virialff.engines.worker_process import WorkerProcess
from virialff.errors import EngineError, ShapeError
from virialff.text import counted
from virialff.units import BOHR_IN_ANGSTROM, HARTREE_IN_KCAL_MOL

if TYPE_CHECKING:
    from virialff.molecules.molecule import Molecule

LEVEL_OF_THEORY = "wB97X-D/def2-SVP"
_FORCE_UNIT = HARTREE_IN_KCAL_MOL / BOHR_IN_ANGSTROM


@dataclass(frozen=True)
class DftSettings:
    """All numerical settings of a wB97X-D/def2-SVP calculation; those with a name are measured in docs/dft.md."""

    #: shells (Treutler-Ahlrichs) and points a shell (Lebedev) of the grid at H, at C to F, and at P to Br
    grid: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    pruning: Literal["nwchem", "none"]  #: fewer points near the nuclei, by the scheme of that name, or all of them
    density_fitting: str | None  #: auxiliary basis of Coulomb and exchange, None for exact integrals
    energy_convergence: float = 1e-9  #: last change of the energy, Eh
    gradient_convergence: float = 1e-5  #: orbital gradient (Psi4: its root mean square), Eh
    max_iterations: int = 100
    phosphorus_fitting: str | None = None  #: auxiliary basis of phosphorus, where it has one of its own
    first_grid: tuple[int, int] | None = None  #: shells and points a shell of a first, loose SCF (PySCF only)
    #: the SCF converges on the first grid and `grid` serves its last energy, whose error is of second order; the
    #: density keeps one of first order, so this is for energies alone
    final_grid_only: bool = False


#: The settings of label campaigns, for PySCF.
CAMPAIGN = DftSettings(
    ((40, 302), (75, 590), (99, 590)),
    "nwchem",
    "def2-universal-jkfit",
    gradient_convergence=3e-6,
    phosphorus_fitting="cc-pvtz-jkfit",
    first_grid=(35, 110),
)
#: The same for interaction and conformer energies, where nothing but the energy is wanted.
CAMPAIGN_ENERGIES = replace(CAMPAIGN, energy_convergence=1e-7, gradient_convergence=1e-4, final_grid_only=True)
#: Exact integrals on a fine grid: what the campaign's settings are checked against, for either program.
REFERENCE = DftSettings(((99, 590),) * 3, "none", None, gradient_convergence=1e-6)
#: Psi4's defaults, with which QMugs was computed; its density fitting of the long-range exchange is not PySCF's.
QMUGS = DftSettings(((75, 302),) * 3, "none", "def2-svp-jkfit", energy_convergence=1e-8, gradient_convergence=1e-6)

#: Isolated atoms in QMugs (Isert et al., Sci. Data 2022, 9, 273), Eh. Psi4 with QMUGS settings gives them to 1e-6.
QMUGS_ATOMIC_ENERGIES = {
    1: -0.5024933,
    6: -37.7980993,
    7: -54.5224148,
    8: -74.9766781,
    9: -99.6144695,
    15: -341.1394190,
    16: -397.9719278,
    17: -459.9886497,
    35: -2573.8571720,
}


@dataclass(frozen=True, eq=False)
class ElectronicStructure:
    """A converged wB97X-D/def2-SVP calculation. Atomic units: Hartree, Bohr, e.

    The order of the basis functions, their signs and the order within a shell are the program's, so matrices of two
    programs cannot be compared element by element; sums over the functions of atoms can. All functions are spherical.
    """

    numbers: np.ndarray  #: (n_atoms,) atomic numbers
    positions: FloatArray  #: (n_atoms, 3), Bohr
    ghosts: np.ndarray  #: (n_atoms,) of bool: atoms without nucleus and electrons, with basis functions and grid
    energy: float  #: total energy with dispersion, Eh
    dispersion_energy: float  #: the part of it that is the Chai-Head-Gordon term, Eh
    gradient: FloatArray | None  #: (n_atoms, 3), Eh/Bohr; None unless asked for
    dipole: FloatArray  #: (3,), e Bohr
    density: FloatArray  #: D (n_ao, n_ao), both spins together
    kinetic: FloatArray  #: K (n_ao, n_ao), kinetic-energy integrals, Eh
    overlap: FloatArray  #: S (n_ao, n_ao)
    ao_atoms: np.ndarray  #: (n_ao,) index of the atom that carries each basis function
    program: str  #: name and version
    settings: DftSettings
    scf_procedure: str  #: the step of the ladder that converged
    seconds: float  #: wall time of the calculation

    @property
    def kinetic_energy(self) -> float:
        """T = Tr(D K), Eh: the non-interacting kinetic energy of the Kohn-Sham determinant."""
        return float(np.sum(self.density * self.kinetic))


class DftEngine(Engine):
    """wB97X-D/def2-SVP in a worker process. `threads` and `memory_mb` are the worker's.

    `energy_settings`: for energies alone (`energy`, counterpoise, atoms), by default the same.
    """

    level = LEVEL_OF_THEORY
    elements = frozenset(ATOMIC_NUMBERS)

    def __init__(
        self,
        settings: DftSettings,
        *,
        energy_settings: DftSettings | None = None,
        threads: int = 1,
        memory_mb: int = 4000,
    ) -> None:
        self.settings = settings
        self.energy_settings = energy_settings or settings
        self.threads = threads
        self.memory_mb = memory_mb
        self._worker: WorkerProcess | None = None
        self._atoms: dict[int, float] = {}

    @abstractmethod
    def _make_worker(self) -> WorkerProcess: ...

    def program(self) -> str:
        """Name and version of the program, starting its worker. Raises EngineError if it cannot be started."""
        reason = self.available()
        if reason is not None:
            raise EngineError(reason)
        if self._worker is None:
            self._worker = self._make_worker()
        return self._worker.program()

    def close(self) -> None:
        """End the worker process; a later calculation starts another."""
        if self._worker is not None:
            self._worker.close()

    def electronic_structure(
        self,
        numbers: Any,
        positions: Any,
        *,
        ghosts: Any = None,
        unpaired_electrons: int = 0,
        gradient: bool = False,
        settings: DftSettings | None = None,
    ) -> ElectronicStructure:
        """Energy, dipole, density and integrals of one neutral molecule; the gradient if asked for.

        `numbers` (n_atoms,), `positions` (n_atoms, 3) in Angstrom. `ghosts` (n_atoms,) of bool: atoms that lend only
        their basis functions and grid (counterpoise correction). `settings`: others than the engine's. Restricted
        Kohn-Sham, unrestricted with unpaired electrons. Raises EngineError: program missing, element without
        parameters, odd electrons, overlapping atoms, an SCF that no step of the ladder converged; ShapeError.
        """
        atoms = np.ascontiguousarray(numbers, dtype=np.int64)
        geometry = conformer_axis(len(atoms), positions)
        if len(geometry) != 1:
            raise EngineError(f"electronic_structure takes one geometry, got {len(geometry)}")
        lent = np.zeros(len(atoms), dtype=bool) if ghosts is None else np.asarray(ghosts, dtype=bool)
        if lent.shape != atoms.shape:
            raise ShapeError(f"ghosts have shape {lent.shape}, expected ({len(atoms)},)")
        self._check(atoms, unpaired_electrons, lent)
        return self._calculate(atoms, geometry[0], settings or self.settings, unpaired_electrons, gradient, lent)

    def atomic_energies(self, numbers: Any) -> FloatArray:
        """Energies of isolated atoms in their ground-state multiplicity, unrestricted, same settings, kcal/mol."""
        atoms = np.asarray(numbers, dtype=np.int64)
        reason = missing_elements(self.title, atoms.ravel(), self.elements)
        if reason is not None:
            raise EngineError(reason)
        for number in set(atoms.ravel().tolist()) - set(self._atoms):
            result = self.electronic_structure(
                [number],
                np.zeros((1, 3)),
                unpaired_electrons=UNPAIRED_ELECTRONS[number],
                settings=self.energy_settings,
            )
            self._atoms[number] = result.energy * HARTREE_IN_KCAL_MOL
        return np.array([self._atoms[number] for number in atoms.ravel().tolist()]).reshape(atoms.shape)

    def _check(self, numbers: np.ndarray, unpaired_electrons: int, ghosts: np.ndarray | None = None) -> None:
        reason = self.available()
        if reason is not None:
            raise EngineError(reason)
        real = numbers if ghosts is None else numbers[~ghosts]
        if not len(real):
            raise EngineError("there are no atoms to compute")
        reason = missing_elements(self.title, numbers, self.elements)
        if reason is not None:
            raise EngineError(reason)
        n_electrons = int(real.sum())
        if (n_electrons - unpaired_electrons) % 2:
            raise EngineError(
                f"the neutral molecule has {counted(n_electrons, 'electron')}, which cannot leave "
                f"{unpaired_electrons} unpaired; check the hydrogens"
            )

    def _calculate(
        self,
        numbers: np.ndarray,
        positions: FloatArray,
        settings: DftSettings,
        unpaired_electrons: int,
        gradient: bool,
        ghosts: np.ndarray | None = None,
    ) -> ElectronicStructure:
        if gradient and settings.final_grid_only:
            raise EngineError("settings with final_grid_only give energies alone; use CAMPAIGN for gradients")
        program = self.program()
        assert self._worker is not None
        bohr = positions / BOHR_IN_ANGSTROM
        lent = np.zeros(len(numbers), dtype=bool) if ghosts is None else ghosts
        arrays = self._worker.compute(
            {
                "symbols": [symbol(int(number)) for number in numbers],
                "numbers": numbers.tolist(),
                "positions": bohr.tolist(),
                "ghosts": lent.tolist(),
                "unpaired_electrons": unpaired_electrons,
                "gradient": gradient,
                "memory_mb": self.memory_mb,
                "settings": asdict(settings),
            }
        )
        result = ElectronicStructure(
            numbers=numbers,
            positions=bohr,
            ghosts=lent,
            energy=float(arrays["energy"]),
            dispersion_energy=float(arrays.get("dispersion_energy", 0.0)),
            gradient=arrays.get("gradient"),
            dipole=arrays["dipole"],
            density=arrays["density"],
            kinetic=arrays["kinetic"],
            overlap=arrays["overlap"],
            ao_atoms=arrays["ao_atoms"],
            program=program,
            settings=settings,
            scf_procedure=str(arrays["scf_procedure"]),
            seconds=float(arrays["seconds"]),
        )
        if not np.isfinite(result.energy) or not np.isfinite(result.density).all():
            raise EngineError(f"{self.title} failed: the energy or the density is not a finite number")
        if result.gradient is not None and not np.isfinite(result.gradient).all():
            raise EngineError(f"{self.title} failed: the gradient is not a finite number")
        return self._complete(result)

    def _complete(self, result: ElectronicStructure) -> ElectronicStructure:
        """What the program leaves out of the level of theory, added."""
        return result

    def _compute(
        self, molecule: Molecule, positions: Any, progress: Progress | None, *, with_forces: bool
    ) -> tuple[FloatArray, FloatArray]:
        numbers = np.ascontiguousarray(molecule.numbers, dtype=np.int64)
        geometries = conformer_axis(len(numbers), positions)
        self._check(numbers, 0)
        settings = self.settings if with_forces else self.energy_settings

        def single(geometry: FloatArray) -> tuple[float, FloatArray | float]:
            result = self._calculate(numbers, geometry, settings, 0, with_forces)
            forces = np.nan if result.gradient is None else -_FORCE_UNIT * result.gradient
            return result.energy * HARTREE_IN_KCAL_MOL, forces

        return one_by_one(geometries, single, progress)


def with_dispersion(result: ElectronicStructure, energy: float, gradient: FloatArray) -> ElectronicStructure:
    """The same with a dispersion term, Eh and Eh/Bohr, added to energy and gradient."""
    total = None if result.gradient is None else result.gradient + gradient
    return replace(result, energy=result.energy + energy, dispersion_energy=energy, gradient=total)
