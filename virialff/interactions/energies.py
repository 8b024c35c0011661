"""Interaction energies of complexes at given geometries, with any engine or model.

E_int = E(fragment 1) + E(fragment 2) + ... - E(complex), positive = bound (Eq. 25). Vertical: every fragment as it is
in the complex, so the deformation of the monomers is not part of it. Relaxed: complex and monomers each at a minimum,
as in the paper. DFT engines give both with counterpoise correction, because def2-SVP needs it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from virialff.conformers.relax import FORCE_TOLERANCE, relax
from virialff.engines import Engine, Progress
from virialff.engines.dft import DftEngine
from virialff.errors import EngineError, MissingCoordinatesError, MoleculeError
from virialff.interactions.counterpoise import counterpoise_energies
from virialff.methods.energy_functions import EnergyFunction, energy_function
from virialff.models.force_field import Model
from virialff.molecules.molecule import Molecule

#: Gives E_int in kcal/mol, (n_conformers,), of a complex at positions (n_conformers, n_atoms, 3) in Angstrom.
InteractionMethod = Callable[[Molecule, np.ndarray], np.ndarray]


def interaction_energy(
    molecule: Molecule, engine: Engine, positions: Any = None, *, progress: Progress | None = None
) -> np.ndarray:
    """Vertical interaction energies in kcal/mol, (n_conformers,), positive = bound; of DFT with counterpoise.

    molecule: a complex of two or more fragments.
    positions: (n_atoms, 3) or (n_conformers, n_atoms, 3) in Angstrom; by default the molecule's own.
    `progress(done, total)` is called by DFT engines after each calculation of a geometry.

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
    if isinstance(engine, DftEngine):
        return np.array(
            [
                counterpoise_energies(
                    engine, molecule.numbers, molecule.fragments, geometry, progress=progress
                ).interaction_energy
                for geometry in molecule.positions
            ]
        )
    parts = [molecule.fragment(index) for index in range(molecule.n_fragments)]
    apart = sum(engine.energy(part, part.positions) for part in parts)
    return np.asarray(apart - engine.energy(molecule, molecule.positions))


def interaction_method(
    method: "Engine | Model | InteractionMethod", *, progress: Progress | None = None
) -> InteractionMethod:
    """Anything that gives interaction energies as one kind of function: an engine, a model, or a function itself.

    progress: as `interaction_energy` calls it.
    """
    if isinstance(method, Model):
        return lambda molecule, positions: method.force_field(molecule).interaction_energy(positions)
    if hasattr(method, "unsupported"):
        engine = cast("Engine", method)
        return lambda molecule, positions: interaction_energy(molecule, engine, positions, progress=progress)
    if callable(method):
        return method
    raise TypeError(f"{method!r} is neither an engine, a model nor a function of a complex and its positions")


@dataclass(frozen=True, eq=False)
class RelaxedComplex:
    """A complex and its monomers, each at a minimum of one engine, with one conformer each.

    changes: sentences on bonds or stereochemistry that the relaxation changed and on what did not converge; empty if
        there was nothing of the kind.
    """

    molecule: Molecule
    monomers: tuple[Molecule, ...]
    level_of_theory: str
    changes: tuple[str, ...]


def relax_complex(molecule: Molecule, engine: Engine, *, force_tolerance: float = FORCE_TOLERANCE) -> RelaxedComplex:
    """Relax a complex and, starting from their geometry in it, its monomers.

    molecule: two or more fragments with one conformer.
    force_tolerance: largest force on an atom that is left, kcal/mol/Angstrom.

    The monomers' minima are those next to their shape in the complex, which need not be their lowest.

    Raises MoleculeError for a single fragment, MissingCoordinatesError unless there is one conformer, EngineError.
    """
    if molecule.n_fragments < 2:
        raise MoleculeError("a complex has two or more fragments and this molecule is one")
    if molecule.n_conformers != 1:
        raise MissingCoordinatesError(f"one geometry is relaxed at a time and the complex has {molecule.n_conformers}")
    complex_run = relax(molecule, engine, force_tolerance=force_tolerance)
    runs = {"the complex": complex_run}
    for index in range(molecule.n_fragments):
        runs[f"monomer {index + 1}"] = relax(
            complex_run.molecule.fragment(index), engine, force_tolerance=force_tolerance
        )
    changes: list[str] = []
    for name, run in runs.items():
        conformer = run.conformers[0]
        changes += [f"{name}: {change}" for change in conformer.changes]
        if not conformer.converged:
            changes.append(f"{name}: forces of {conformer.largest_force:.2f} kcal/mol/Angstrom were left")
    monomers = tuple(run.molecule for name, run in runs.items() if name != "the complex")
    return RelaxedComplex(complex_run.molecule, monomers, engine.level, tuple(changes))


def n_calculations(method: object, n_fragments: int, *, relaxed: bool) -> int:
    """How often `progress` is called for one complex, vertical or relaxed; 1 for what is no DFT engine."""
    if not isinstance(method, DftEngine):
        return 1
    return n_fragments + 1 + (2 * n_fragments if relaxed else 0)


def relaxed_interaction_energy(
    relaxed: RelaxedComplex, method: "Engine | Model | EnergyFunction", *, progress: Progress | None = None
) -> float:
    """E_int of Eq. 25 in kcal/mol with any method, at the minima of the engine that relaxed the complex.

    By DFT it is the counterpoise-corrected vertical one less what the monomers, in their own basis, lie above their
    minima in the complex; `progress(done, total)` is then called after each calculation.

    Raises EngineError and UnsupportedElementError where the method cannot compute it.
    """
    energy = energy_function(method)
    if not isinstance(method, DftEngine):
        apart = sum(float(energy(monomer, monomer.positions)[0]) for monomer in relaxed.monomers)
        return apart - float(energy(relaxed.molecule, relaxed.molecule.positions)[0])
    total = n_calculations(method, len(relaxed.monomers), relaxed=True)
    done = 0

    def step(*_: int) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    result = float(interaction_energy(relaxed.molecule, method, progress=step)[0])
    for index, monomer in enumerate(relaxed.monomers):
        inside = relaxed.molecule.fragment(index).positions[0]
        for sign, positions in ((-1, inside), (1, monomer.positions[0])):
            result += sign * float(energy(monomer, positions)[0])
            step()
    return result
