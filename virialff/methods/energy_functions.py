"""Methods and plain functions as one kind of function that gives total energies."""

from collections.abc import Callable
from typing import Any

import numpy as np

from virialff.methods.method import level_of_theory as _level_of_theory
from virialff.methods.method import require
from virialff.methods.runs import per_geometry
from virialff.molecules.molecule import Molecule

__all__ = ["EnergyFunction", "check_available", "energy_function", "level_of_theory", "per_geometry"]

#: Gives energies in kcal/mol, (n_conformers,), at positions (n_conformers, n_atoms, 3) in Angstrom.
EnergyFunction = Callable[[Molecule, np.ndarray], np.ndarray]


def energy_function(method: Any) -> EnergyFunction:
    """The total energies of a method as a function; a function comes back as it is."""
    if not hasattr(method, "unsupported"):
        function: EnergyFunction = method
        return function

    def energies(molecule: Molecule, positions: np.ndarray) -> np.ndarray:
        require(method, molecule)
        return np.asarray(method.energy(molecule, positions))

    return energies


def check_available(method: Any) -> None:
    """Raise EngineError with its reason for a method that cannot compute here at all."""
    if hasattr(method, "available"):
        require(method)


def level_of_theory(method: Any) -> str:
    """As `method.level_of_theory`, "" for a function."""
    return _level_of_theory(method) if hasattr(method, "level") else ""
