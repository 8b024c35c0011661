"""Relaxing geometries with any method that gives forces, and saying what the relaxation changed besides coordinates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from virialff.conformers.held import HeldCoordinate
from virialff.engines.base import Progress, conformer_axis
from virialff.errors import EngineError
from virialff.molecules.changes import changes
from virialff.molecules.molecule import Molecule

if TYPE_CHECKING:
    from virialff.methods.method import ForceMethod

FloatArray = NDArray[np.float64]

#: Largest force on any atom of a relaxed geometry, kcal/mol/Angstrom (4e-4 Eh/Bohr).
FORCE_TOLERANCE = 0.5
MAX_STEPS = 500

# No atom moves further in one step, Angstrom.
_LARGEST_STEP = 0.25
# A step that raises the energy by more, kcal/mol, is taken back and shortened: less is numerical noise.
_ENERGY_NOISE = 0.02
# Of a held coordinate, kcal/mol/Angstrom^2: so much that no step changes it.
_HELD_STIFFNESS = 1e5


@dataclass(frozen=True)
class RelaxedConformer:
    """One conformer after relaxation."""

    positions: FloatArray  #: (n_atoms, 3), Angstrom
    energy: float  #: kcal/mol
    largest_force: float  #: kcal/mol/Angstrom
    n_steps: int
    converged: bool  #: the largest force is within the tolerance asked for
    changes: tuple[str, ...]  #: sentences: bonds broken or formed, stereocentres inverted; empty if none


@dataclass(frozen=True)
class Relaxation:
    """Result of `relax`: the conformers in the order given, and the molecule carrying them."""

    molecule: Molecule
    level_of_theory: str
    conformers: tuple[RelaxedConformer, ...]


def relax(
    molecule: Molecule,
    engine: ForceMethod,
    positions: ArrayLike | None = None,
    *,
    force_tolerance: float = FORCE_TOLERANCE,
    max_steps: int = MAX_STEPS,
    progress: Progress | None = None,
) -> Relaxation:
    """Minimize the energy of a method from each geometry until no force exceeds the tolerance, as `minimize` does.

    Parameters
    ----------
    molecule : Molecule
        Whose bonds and stereochemistry every result is held against.
    engine : ForceMethod
        Any method that gives forces.
    positions : array_like, shape (n_conformers, n_atoms, 3) or (n_atoms, 3), optional
        Where to start, in Angstrom; by default the molecule's own conformers. They stay as they are.
    force_tolerance : float, optional
        Largest force on an atom at a minimum, in kcal/mol/Angstrom.
    max_steps : int, optional
        A conformer that has not converged by then comes back with `converged` False.
    progress : callable, optional
        Called with the conformers done and their total after each; what it raises stops the run.

    Returns
    -------
    Relaxation
        The conformers in the order given, and what each changed besides coordinates.

    Raises
    ------
    EngineError
        If the method cannot compute the molecule or fails on the way.
    MissingCoordinatesError, FlatCoordinatesError
        As `Molecule.require_3d`.
    """
    if positions is None:
        molecule.require_3d()
        positions = molecule.positions
    geometries = conformer_axis(molecule.n_atoms, positions)
    reason = engine.available() or engine.unsupported(molecule)
    if reason is not None:
        raise EngineError(reason)

    relaxed = []
    for index, start in enumerate(geometries):
        try:
            end = minimize_by(engine, molecule, start, force_tolerance=force_tolerance, max_steps=max_steps)
        except EngineError as error:
            raise EngineError(f"conformer {index + 1}, while it was relaxed: {error.message}") from error
        found = changes(molecule, start, end.positions)
        relaxed.append(
            RelaxedConformer(end.positions, end.energy, end.largest_force, end.n_steps, end.converged, found)
        )
        if progress is not None:
            progress(index + 1, len(geometries))
    final = molecule.with_positions(np.array([conformer.positions for conformer in relaxed]))
    return Relaxation(final, engine.level, tuple(relaxed))


class Minimum(NamedTuple):
    """Where `minimize` ended, or a step on its way: a minimum only if it converged."""

    positions: FloatArray  #: (n_atoms, 3), Angstrom
    energy: float  #: kcal/mol
    forces: FloatArray  #: (n_atoms, 3), kcal/mol/Angstrom
    n_steps: int
    converged: bool

    @property
    def largest_force(self) -> float:
        """Largest force on any atom, kcal/mol/Angstrom."""
        return float(np.linalg.norm(self.forces, axis=1).max())


def minimize_by(
    engine: ForceMethod,
    molecule: Molecule,
    start: ArrayLike,
    *,
    force_tolerance: float = FORCE_TOLERANCE,
    max_steps: int = MAX_STEPS,
    held: HeldCoordinate | None = None,
) -> Minimum:
    """`minimize` for one geometry (n_atoms, 3) of a molecule with an engine. Raises EngineError."""

    def evaluate(geometry: FloatArray) -> tuple[float, FloatArray]:
        energies, forces = engine.energy_and_forces(molecule, geometry)
        return float(energies[0]), forces[0]

    return minimize(evaluate, molecule.bonds, start, force_tolerance=force_tolerance, max_steps=max_steps, held=held)


def minimize(
    evaluate: Callable[[FloatArray], tuple[float, FloatArray]],
    bonds: NDArray[np.int64],
    start: ArrayLike,
    *,
    force_tolerance: float = FORCE_TOLERANCE,
    max_steps: int = MAX_STEPS,
    held: HeldCoordinate | None = None,
    on_step: Callable[[Minimum], object] | None = None,
) -> Minimum:
    """Follow an energy downhill from `start` (n_atoms, 3), Angstrom, until the force on each atom is within tolerance.

    `evaluate(positions)` gives the energy (kcal/mol) and forces (n_atoms, 3) and is called once more than there are
    steps. BFGS in Cartesian coordinates from a model Hessian of springs: stiff along `bonds` (n_bonds, 2), softer for
    1-3 pairs, weak between near atoms. What `evaluate` raises passes through.

    With a coordinate `held`, which `start` has at its value, the others relax, and the forces within tolerance are
    those without its own; energies and forces are always those of `evaluate`. `on_step` is called with the start
    and with every geometry that it is left for.
    """
    geometry = np.array(start, dtype=np.float64)
    energy, forces = evaluate(geometry)
    hessian = _model_hessian(bonds, geometry)
    largest_step = _LARGEST_STEP
    minimum = Minimum(geometry, energy, forces, 0, False)
    if on_step is not None:
        on_step(minimum)
    for n_steps in range(max_steps + 1):
        free, stiff = minimum.forces, hessian
        if held is not None:
            free = held.free(minimum.positions, minimum.forces)
            along = held.gradient(minimum.positions).ravel()
            stiff = hessian + _HELD_STIFFNESS * np.outer(along, along) / (along @ along)
        converged = bool(np.linalg.norm(free, axis=1).max() <= force_tolerance)
        minimum = minimum._replace(n_steps=n_steps, converged=converged)
        if converged or n_steps == max_steps:
            break
        step = np.linalg.solve(stiff, free.ravel()).reshape(-1, 3)
        step *= min(1.0, largest_step / np.linalg.norm(step, axis=1).max())
        geometry = minimum.positions + step
        if held is not None:
            geometry = held.put_back(geometry)
            step = geometry - minimum.positions
        energy, forces = evaluate(geometry)
        change, curvature = step.ravel(), (minimum.forces - forces).ravel()
        if change @ curvature > 1e-8:
            pushed = hessian @ change
            hessian += np.outer(curvature, curvature) / (change @ curvature)
            hessian -= np.outer(pushed, pushed) / (change @ pushed)
        if energy > minimum.energy + _ENERGY_NOISE:
            largest_step = max(0.25 * np.linalg.norm(step, axis=1).max(), 0.01)
            continue
        largest_step = min(1.5 * largest_step, _LARGEST_STEP)
        minimum = minimum._replace(positions=geometry, energy=energy, forces=forces)
        if on_step is not None:
            on_step(minimum)
    return minimum


def _model_hessian(bonds: NDArray[np.int64], positions: FloatArray) -> FloatArray:
    """Hessian (3 n_atoms, 3 n_atoms) of springs between the atoms, kcal/mol/Angstrom^2, with a floor of 4."""
    n_atoms = len(positions)
    difference = positions[:, None] - positions[None]
    distance = np.linalg.norm(difference, axis=-1) + np.eye(n_atoms)
    stiffness = 8.0 * np.exp(-0.8 * (distance - 2.5))
    bonded = np.zeros((n_atoms, n_atoms), dtype=int)
    bonded[bonds[:, 0], bonds[:, 1]] = bonded[bonds[:, 1], bonds[:, 0]] = 1
    stiffness[(bonded @ bonded) > 0] = 110.0
    stiffness[bonded > 0] = 750.0
    np.fill_diagonal(stiffness, 0.0)
    direction = difference / distance[..., None]
    blocks = -stiffness[..., None, None] * direction[..., :, None] * direction[..., None, :]
    blocks[np.arange(n_atoms), np.arange(n_atoms)] = -blocks.sum(1) + 4.0 * np.eye(3)
    return blocks.transpose(0, 2, 1, 3).reshape(3 * n_atoms, 3 * n_atoms)
