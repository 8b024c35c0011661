"""Interaction energies of complexes at given geometries, with any method.

E_int = E(complex) - E(fragment 1) - E(fragment 2) - ..., negative = bound; the paper's Eq. 25 has the opposite sign.
Vertical: every fragment as it is in the complex, so the deformation of the monomers is not part of it. Relaxed: complex
and monomers each at a minimum, as in the paper. DFT gives both with counterpoise correction, because def2-SVP needs it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from virialff.conformers.relax import FORCE_TOLERANCE, relax
from virialff.engines.base import Progress
from virialff.engines.dft import DftEngine
from virialff.errors import MissingCoordinatesError, MoleculeError
from virialff.interactions.counterpoise import counterpoise_energies
from virialff.methods.method import ForceMethod, Method, require
from virialff.molecules.molecule import Molecule


def interaction_energy(
    molecule: Molecule, method: Method, positions: Any = None, *, progress: Progress | None = None
) -> np.ndarray:
    """Vertical interaction energies in kcal/mol, (n_conformers,), negative = bound.

    molecule: a complex of two or more fragments.
    positions: (n_atoms, 3) or (n_conformers, n_atoms, 3) in Angstrom; by default the molecule's own.

    Of the model the pairs between fragments, of DFT with counterpoise correction, of any other method complex minus
    fragments. `progress(done, total)` is called by DFT engines after each calculation of a geometry.

    Raises MoleculeError for a single fragment, MissingCoordinatesError, ShapeError, and EngineError where the method
    cannot compute here or not this molecule.
    """
    if molecule.n_fragments < 2:
        raise MoleculeError(
            "an interaction energy needs two or more fragments and this molecule is one; "
            "join molecules with Molecule.join"
        )
    own = getattr(method, "interaction_energy", None)
    if positions is not None and own is None:
        molecule = molecule.with_positions(positions)
    if not molecule.n_conformers and positions is None:
        raise MissingCoordinatesError("the complex has no coordinates; give positions")
    require(method, molecule)
    if own is not None:
        return np.asarray(own(molecule, molecule.positions if positions is None else positions, progress=progress))
    if isinstance(method, DftEngine):
        numbers, fragments = molecule.numbers, molecule.fragments
        found = [counterpoise_energies(method, numbers, fragments, p, progress=progress) for p in molecule.positions]
        return np.array([energies.interaction_energy for energies in found])
    parts = [molecule.fragment(index) for index in range(molecule.n_fragments)]
    apart = sum(method.energy(part, part.positions) for part in parts)
    return np.asarray(method.energy(molecule, molecule.positions) - apart)


@dataclass(frozen=True, eq=False)
class RelaxedComplex:
    """A complex and its monomers, each at a minimum of one method, with one conformer each.

    changes: sentences on bonds or stereochemistry that the relaxation changed and on what did not converge; empty if
        there was nothing of the kind.
    """

    molecule: Molecule
    monomers: tuple[Molecule, ...]
    level_of_theory: str
    changes: tuple[str, ...]


def relax_complex(
    molecule: Molecule, method: ForceMethod, *, force_tolerance: float = FORCE_TOLERANCE
) -> RelaxedComplex:
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
    complex_run = relax(molecule, method, force_tolerance=force_tolerance)
    runs = {"the complex": complex_run}
    for index in range(molecule.n_fragments):
        runs[f"monomer {index + 1}"] = relax(
            complex_run.molecule.fragment(index), method, force_tolerance=force_tolerance
        )
    changes: list[str] = []
    for name, run in runs.items():
        conformer = run.conformers[0]
        changes += [f"{name}: {change}" for change in conformer.changes]
        if not conformer.converged:
            changes.append(f"{name}: forces of {conformer.largest_force:.2f} kcal/mol/Angstrom were left")
    monomers = tuple(run.molecule for name, run in runs.items() if name != "the complex")
    return RelaxedComplex(complex_run.molecule, monomers, method.level, tuple(changes))


def n_calculations(method: Method, n_fragments: int, *, relaxed: bool) -> int:
    """How often `progress` is called for one complex, vertical or relaxed; 1 for what is no DFT engine."""
    if not isinstance(method, DftEngine):
        return 1
    return n_fragments + 1 + (2 * n_fragments if relaxed else 0)


def relaxed_interaction_energy(relaxed: RelaxedComplex, method: Method, *, progress: Progress | None = None) -> float:
    """Relaxed E_int in kcal/mol with any method, at the minima of the method that relaxed the complex.

    Complex minus monomers, negative = bound: minus the binding energy of the paper's Eq. 25. By DFT it is the
    counterpoise-corrected vertical one plus what the monomers, in their own basis, lie above their minima in the
    complex; `progress(done, total)` is then called after each calculation.

    Raises EngineError where the method cannot compute it.
    """
    require(method, relaxed.molecule)
    if not isinstance(method, DftEngine):
        apart = sum(float(method.energy(monomer, monomer.positions)[0]) for monomer in relaxed.monomers)
        return float(method.energy(relaxed.molecule, relaxed.molecule.positions)[0]) - apart
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
        for sign, positions in ((1, inside), (-1, monomer.positions[0])):
            result += sign * float(method.energy(monomer, positions)[0])
            step()
    return result
