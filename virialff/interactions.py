"""Interaction energies of complexes at given geometries, with any engine or model.

E_int = E(fragment 1) + E(fragment 2) + ... - E(complex), positive = bound (Eq. 25). Vertical: every fragment as it is
in the complex, so the deformation of the monomers is not part of it.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from virialff.engines import Engine
from virialff.errors import EngineError, MissingCoordinatesError, MoleculeError
from virialff.forcefield import Model
from virialff.molecule import Molecule

#: Gives E_int in kcal/mol, (n_conformers,), of a complex at positions (n_conformers, n_atoms, 3) in Angstrom.
InteractionMethod = Callable[[Molecule, np.ndarray], np.ndarray]


def interaction_energy(molecule: Molecule, engine: Engine, positions: Any = None) -> np.ndarray:
    """Vertical interaction energies in kcal/mol, (n_conformers,), positive = bound.

    molecule: a complex of two or more fragments.
    positions: (n_atoms, 3) or (n_conformers, n_atoms, 3) in Angstrom; by default the molecule's own.

    Raises MoleculeError for a single fragment, MissingCoordinatesError, ShapeError, and EngineError where the engine
    cannot compute here or has no parameters for an element.
    """
    if molecule.n_fragments < 2:
        raise MoleculeError(
            "an interaction energy needs two or more fragments and this molecule is one; "
            "join molecules with Molecule.join"
        )
    if positions is not None:
        molecule = molecule.with_positions(positions)
    if not molecule.n_conformers:
        raise MissingCoordinatesError("the complex has no coordinates; give positions")
    reason = engine.available() or engine.unsupported(molecule)
    if reason:
        raise EngineError(reason)
    parts = [molecule.fragment(index) for index in range(molecule.n_fragments)]
    apart = sum(engine.energy(part, part.positions) for part in parts)
    return np.asarray(apart - engine.energy(molecule, molecule.positions))


def interaction_method(method: "Engine | Model | InteractionMethod") -> InteractionMethod:
    """Anything that gives interaction energies as one kind of function: an engine, a model, or a function itself."""
    if isinstance(method, Model):
        return lambda molecule, positions: method.force_field(molecule).interaction_energy(positions)
    if hasattr(method, "unsupported"):
        engine = cast("Engine", method)
        return lambda molecule, positions: interaction_energy(molecule, engine, positions)
    if callable(method):
        return method
    raise TypeError(f"{method!r} is neither an engine, a model nor a function of a complex and its positions")
