"""Relaxing geometries with any method that gives forces, and saying what the relaxation changed besides coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rdkit import Chem

from virialff.conformers.generation import stereochemistry
from virialff.engines.base import Progress, conformer_axis
from virialff.errors import EngineError
from virialff.molecules import rdkit_log
from virialff.molecules.molecule import Molecule

if TYPE_CHECKING:
    from virialff.methods.method import ForceMethod

FloatArray = NDArray[np.float64]

#: Largest force on any atom of a relaxed geometry, kcal/mol/Angstrom (4e-4 Eh/Bohr).
FORCE_TOLERANCE = 0.5
MAX_STEPS = 500

# Two atoms count as bonded below this multiple of the sum of their covalent radii. A bond of the molecule is broken
# only well above it and a new one formed only well below, so that stretched bonds and close contacts are neither.
_BROKEN = 1.45
_FORMED = 1.15
# 1 kcal/mol in eV, ASE's unit of energy.
_ASE_ENERGY = 1 / 23.060547830619


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
    """Minimize the engine's energy from each geometry by L-BFGS until no force exceeds `force_tolerance`.

    `positions` (n_conformers, n_atoms, 3) or (n_atoms, 3), Angstrom, by default the molecule's own, which stay as they
    are. `progress(done, total)` is called after every conformer; what it raises stops the run. A conformer that has
    not converged after `max_steps` comes back with `converged` False. Bonds and stereochemistry of every result are
    held against those before.

    Raises EngineError if the engine cannot compute the molecule or fails on the way, and as `Molecule.require_3d`.
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
            end = _minimize(engine, molecule, start, force_tolerance, max_steps)
        except EngineError as error:
            raise EngineError(f"conformer {index + 1}, while it was relaxed: {error.message}") from error
        changes = (
            *connectivity_changes(molecule, end.positions),
            *stereochemistry_changes(molecule, start, end.positions),
        )
        relaxed.append(RelaxedConformer(*end, changes))
        if progress is not None:
            progress(index + 1, len(geometries))
    final = molecule.with_positions(np.array([conformer.positions for conformer in relaxed]))
    return Relaxation(final, engine.level, tuple(relaxed))


class _Minimum(NamedTuple):
    positions: FloatArray
    energy: float
    largest_force: float
    n_steps: int
    converged: bool


def _minimize(
    engine: ForceMethod, molecule: Molecule, start: FloatArray, force_tolerance: float, max_steps: int
) -> _Minimum:
    from ase import Atoms
    from ase.optimize import LBFGS

    atoms = Atoms(numbers=molecule.numbers, positions=start, calculator=_ase_calculator(engine, molecule))
    optimizer = LBFGS(atoms, logfile=None)  # type: ignore[arg-type]
    converged = bool(optimizer.run(fmax=force_tolerance * _ASE_ENERGY, steps=max_steps))
    largest = float(np.linalg.norm(atoms.get_forces(), axis=1).max()) / _ASE_ENERGY
    energy = float(atoms.get_potential_energy()) / _ASE_ENERGY
    return _Minimum(atoms.positions.copy(), energy, largest, optimizer.nsteps, converged)


def _ase_calculator(engine: ForceMethod, molecule: Molecule) -> Any:
    from ase.calculators.calculator import Calculator, all_changes

    class EngineCalculator(Calculator):
        implemented_properties = ["energy", "forces"]  # noqa: RUF012 - ASE's own convention

        def calculate(self, atoms: Any = None, properties: Any = None, system_changes: Any = all_changes) -> None:
            super().calculate(atoms, properties or ["energy"], system_changes)
            energies, forces = engine.energy_and_forces(molecule, atoms.positions)
            self.results = {"energy": energies[0] * _ASE_ENERGY, "forces": forces[0] * _ASE_ENERGY}

    return EngineCalculator()


def connectivity_changes(molecule: Molecule, positions: ArrayLike) -> tuple[str, ...]:
    """Sentences on bonds of the molecule that are broken, and bonds formed, in one geometry (n_atoms, 3), Angstrom.

    Judged by distance against the sums of covalent radii, with a margin on both sides. Raises ShapeError.
    """
    geometry = conformer_axis(molecule.n_atoms, positions)[0]
    table = Chem.GetPeriodicTable()
    radii = np.array([table.GetRcovalent(int(number)) for number in molecule.numbers])
    ratio = np.linalg.norm(geometry[:, None] - geometry[None], axis=-1) / (radii[:, None] + radii[None])
    bonded = np.zeros(ratio.shape, dtype=bool)
    bonded[molecule.bonds[:, 0], molecule.bonds[:, 1]] = True
    changes = []
    for i, j in zip(*np.triu_indices(molecule.n_atoms, k=1), strict=True):
        pair = f"atoms {i + 1} ({molecule.symbols[i]}) and {j + 1} ({molecule.symbols[j]})"
        distance = f"{np.linalg.norm(geometry[i] - geometry[j]):.2f} Angstrom"
        if bonded[i, j] and ratio[i, j] > _BROKEN:
            changes.append(f"the bond between {pair} broke ({distance})")
        elif not bonded[i, j] and ratio[i, j] < _FORMED:
            changes.append(f"{pair} formed a bond ({distance})")
    return tuple(changes)


def stereochemistry_changes(molecule: Molecule, before: ArrayLike, after: ArrayLike) -> tuple[str, ...]:
    """Sentences on stereocentres and double bonds whose configuration differs between two geometries (n_atoms, 3)."""
    first, second = (_configurations(molecule, positions) for positions in (before, after))
    changes = []
    for atoms in sorted(first.keys() | second.keys()):
        if first.get(atoms) != second.get(atoms):
            names = " and ".join(f"{atom + 1} ({molecule.symbols[atom]})" for atom in atoms)
            what = f"atom {names}" if len(atoms) == 1 else f"the double bond between atoms {names}"
            changes.append(f"the configuration at {what} changed")
    return tuple(changes)


def _configurations(molecule: Molecule, positions: ArrayLike) -> dict[tuple[int, ...], str]:
    mol = molecule.with_positions(np.asarray(positions)).to_rdkit()
    with rdkit_log.captured():
        Chem.AssignStereochemistryFrom3D(mol, mol.GetConformers()[0].GetId())
    return stereochemistry(mol)
