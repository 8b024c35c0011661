"""Engines, models and plain functions as one kind of function that gives total energies."""

from collections.abc import Callable
from typing import cast

import numpy as np

from virialff.engines import Engine
from virialff.errors import EngineError, ShapeError
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule

#: Gives energies in kcal/mol, (n_conformers,), at positions (n_conformers, n_atoms, 3) in Angstrom.
EnergyFunction = Callable[[Molecule, np.ndarray], np.ndarray]


def energy_function(method: "Engine | Model | EnergyFunction") -> EnergyFunction:
    """The total energies of an engine or a model as a function; a function comes back as it is.

    The function raises EngineError where an engine has no parameters for the molecule, UnsupportedElementError where a
    model was not trained on an element.
    """
    if isinstance(method, Model):
        return lambda molecule, positions: method.force_field(molecule).energy(positions)
    if hasattr(method, "unsupported"):
        engine = cast("Engine", method)
        return lambda molecule, positions: _engine_energy(engine, molecule, positions)
    if callable(method):
        return method
    raise TypeError(f"{method!r} is neither an engine, a model nor a function of a molecule and its positions")


def check_available(method: object) -> None:
    """Raise EngineError with its reason for an engine that cannot compute here at all."""
    if hasattr(method, "available"):
        reason = method.available()
        if reason:
            raise EngineError(reason)


def level_of_theory(method: object) -> str:
    """What an engine or a model says of itself, "" for a function."""
    return str(getattr(method, "level_of_theory", getattr(method, "level", "")))


def per_geometry(name: str, energies: np.ndarray, n_geometries: int) -> np.ndarray:
    """The energies (n_geometries,) of a method as float64; ShapeError for any other shape."""
    energies = np.asarray(energies, dtype=np.float64)
    if energies.shape != (n_geometries,):
        raise ShapeError(f"the method {name} gave energies of shape {energies.shape}, expected ({n_geometries},)")
    return energies


def _engine_energy(engine: Engine, molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    reason = engine.unsupported(molecule)
    if reason:
        raise EngineError(reason)
    return engine.energy(molecule, positions)
