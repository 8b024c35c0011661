"""Any calculator of ASE as a method: AIMNet2, MACE, xtb's own, or a class of a few lines.

    method = AseMethod("lj", LennardJones())
    method = get_method("ase:ase.calculators.lj:LennardJones")

The calculator sees neutral closed-shell molecules; `atoms.info` says so as charge 0 and spin (multiplicity) 1.
"""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from virialff.engines.base import EnergiesAndForces, FloatArray, Progress, conformer_axis, one_by_one
from virialff.errors import EngineError
from virialff.methods.method import ASE
from virialff.units import EV_IN_KCAL_MOL

if TYPE_CHECKING:
    from virialff.molecules.molecule import Molecule


class AseMethod(EnergiesAndForces):
    """An ASE calculator as a `Method` with forces. Whatever the calculator raises is an EngineError.

    `level` is the calculator's attribute of that name where it has one, else the name of its class.

    Parameters
    ----------
    name : str
        What to call the method.
    calculator : ase.calculators.calculator.Calculator
        With energies and forces in ASE's units, eV and Angstrom; they leave in kcal/mol.

    See Also
    --------
    get_method : A calculator by the text "ase:module:factory".
    """

    def __init__(self, name: str, calculator: Any) -> None:
        self.name = name
        self.level = str(getattr(calculator, "level", type(calculator).__name__))
        self._calculator = calculator
        # A calculator keeps the last geometry and its results.
        self._lock = threading.Lock()

    def available(self) -> None:
        """None: it is there."""

    def unsupported(self, molecule: Molecule) -> None:
        """None: what a calculator cannot compute shows when it is asked to."""

    def _compute(
        self, molecule: Molecule, positions: Any, progress: Progress | None, *, with_forces: bool
    ) -> tuple[FloatArray, FloatArray]:
        from ase import Atoms

        atoms = Atoms(numbers=molecule.numbers, info={"charge": 0, "spin": 1})
        atoms.calc = self._calculator

        def single(geometry: FloatArray) -> tuple[float, FloatArray | float]:
            atoms.positions = geometry
            try:
                energy = float(atoms.get_potential_energy()) * EV_IN_KCAL_MOL
                forces = np.asarray(atoms.get_forces()) * EV_IN_KCAL_MOL if with_forces else np.nan
            except Exception as error:
                # Code of others: whatever it raises is the reason.
                raise EngineError(f"{self.level} failed: {type(error).__name__}: {error}") from error
            if not np.isfinite(energy) or (with_forces and not np.isfinite(forces).all()):
                raise EngineError(f"{self.level} failed: the energy or a force is not a finite number")
            return energy, forces

        with self._lock:
            return one_by_one(conformer_axis(molecule.n_atoms, positions), single, progress)


def calculator_method(name: str) -> AseMethod:
    """The method "ase:module:factory"; the factory is called without arguments and returns a calculator.

    Raises ValueError for a name of another form, TypeError where no calculator comes back, and whatever importing and
    calling raise.
    """
    module, _, factory = name.removeprefix(ASE).partition(":")
    if not module or not factory:
        raise ValueError("write ase:module:factory, for example ase:ase.calculators.lj:LennardJones")
    calculator = getattr(importlib.import_module(module), factory)()
    if not hasattr(calculator, "get_potential_energy"):
        raise TypeError(f"{factory}() gave a {type(calculator).__name__}, which is no ASE calculator")
    return AseMethod(name, calculator)
