"""Ensembles of conformers: which of them are distinct and low enough to keep, and how they superimpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import rdMolAlign

from virialff.errors import ShapeError
from virialff.molecules.changes import MOST_NUMBERINGS, configuration, same_isomer
from virialff.molecules.molecule import Molecule

FloatArray = NDArray[np.float64]
Progress = Callable[[int, int], None]

#: Two geometries are one conformer if their atoms but the hydrogens of carbon superimpose within RMSD_TOLERANCE
#: (Angstrom, best over symmetry-equivalent numberings) and, where they are minima, their energies agree within
#: ENERGY_TOLERANCE (kcal/mol).
RMSD_TOLERANCE = 0.25
ENERGY_TOLERANCE = 0.05

_CARBON = 6
#: Multiplies positions to give the mirror image.
MIRROR = np.array([1.0, 1.0, -1.0])


@dataclass(frozen=True)
class Pruning:
    """Which conformers of an ensemble are kept, and what became of the others."""

    kept: NDArray[np.int64]  #: (n_kept,), indices of the conformers kept, lowest energy first
    repeats: int  #: conformers left out because they superimpose on a lower one
    above_window: int  #: conformers left out because their energy is too high
    without_energy: int  #: conformers left out because they have no energy (NaN)


def prune(
    molecule: Molecule,
    energies: ArrayLike,
    *,
    rmsd: float = RMSD_TOLERANCE,
    energy_window: float | None = None,
    progress: Progress | None = None,
) -> Pruning:
    """Keep the lowest of all conformers that superimpose within `rmsd`, and none above the window.

    As `distinct` compares them, whatever their energies.
    energies: (n_conformers,), kcal/mol, of the molecule's conformers by one method. rmsd: Angstrom, best over
    symmetry-equivalent numberings; 0 keeps every geometry. energy_window: kcal/mol above the lowest, None for no limit.
    `progress(conformers looked at, conformers in all)` stops the run by raising.

    Raises ShapeError for another number of energies, ValueError for a negative tolerance, MissingCoordinatesError.
    """
    molecule.require_3d()
    values = np.asarray(energies, dtype=np.float64)
    if values.shape != (molecule.n_conformers,):
        raise ShapeError(f"energies have shape {values.shape}, expected ({molecule.n_conformers},)")
    if rmsd < 0 or (energy_window is not None and energy_window < 0):
        raise ValueError("rmsd and energy_window must not be negative")
    known = [int(k) for k in np.argsort(values, kind="stable") if np.isfinite(values[k])]
    low = [k for k in known if energy_window is None or values[k] <= values[known[0]] + energy_window]
    kept = distinct(molecule, values, low, rmsd=rmsd, progress=progress)
    return Pruning(
        np.array(kept, dtype=np.int64), len(low) - len(kept), len(known) - len(low), len(values) - len(known)
    )


def distinct(
    molecule: Molecule,
    energies: ArrayLike,
    candidates: Sequence[int] | None = None,
    *,
    rmsd: float = RMSD_TOLERANCE,
    energy_tolerance: float = np.inf,
    most: int | None = None,
    progress: Progress | None = None,
) -> list[int]:
    """The conformers among the candidates (by default all, lowest energy first) that repeat no earlier one.

    One conformer repeats another if all atoms but the hydrogens of carbon superimpose within `rmsd` (Angstrom, best
    over symmetry-equivalent numberings; 0 keeps every geometry) and the energies (n_conformers,), kcal/mol, agree
    within `energy_tolerance` or are not known (NaN). So does the mirror image, unless it is another molecule: the two
    have one energy, and `degeneracies` counts them. At most `most` are kept.
    """
    values = np.asarray(energies, dtype=np.float64)
    order = [int(k) for k in np.argsort(values, kind="stable")] if candidates is None else list(candidates)
    images = _Images(molecule)
    configurations = [configuration(molecule, geometry) for geometry in molecule.positions]
    kept: list[int] = []
    for done, index in enumerate(order, start=1):
        near = (
            k
            for k in kept
            if not abs(values[index] - values[k]) > energy_tolerance
            and same_isomer(molecule, configurations[index], configurations[k])
        )
        if rmsd == 0 or not any(images.superimpose(index, k, rmsd) for k in near):
            kept.append(index)
        if progress is not None:
            progress(done, len(order))
        if len(kept) == most:
            break
    return kept


def degeneracies(molecule: Molecule, energies: ArrayLike) -> NDArray[np.int64]:
    """How often each conformer counts in a population, (n_conformers,): 2 for one whose mirror image is left out.

    That is a conformer of a molecule that is its own mirror image, such as the gauche form of butane, which has two
    forms of the same energy of which `distinct` keeps one. Where the ensemble has both, each counts once.
    energies: (n_conformers,), kcal/mol; conformers whose energies differ by more than ENERGY_TOLERANCE are no pair.
    """
    values = np.asarray(energies, dtype=np.float64)
    counts = np.ones(molecule.n_conformers, dtype=np.int64)
    images = _Images(molecule)
    if not images.has_mirrored:
        return counts
    for index in range(molecule.n_conformers):
        near = [k for k in range(molecule.n_conformers) if not abs(values[index] - values[k]) > ENERGY_TOLERANCE]
        if not any(images.mirrors(index, k, RMSD_TOLERANCE) for k in near):
            counts[index] = 2
    return counts


class _Images:
    """The conformers of a molecule and, where they are conformers of it too, their mirror images."""

    def __init__(self, molecule: Molecule) -> None:
        self._n = molecule.n_conformers
        mirrored = molecule.positions * MIRROR
        self.has_mirrored = self._n > 0 and same_isomer(
            molecule, configuration(molecule, molecule.positions[0]), configuration(molecule, mirrored[0])
        )
        both = np.concatenate([molecule.positions, mirrored]) if self.has_mirrored else molecule.positions
        self._skeleton, self._maps = _skeleton(molecule.with_positions(both))

    def superimpose(self, probe: int, reference: int, rmsd: float) -> bool:
        """Whether a conformer or its mirror image lies on another within so many Angstrom."""
        return self._rmsd(probe, reference) <= rmsd or self.mirrors(probe, reference, rmsd)

    def mirrors(self, probe: int, reference: int, rmsd: float) -> bool:
        """Whether the mirror image of one conformer lies on another, or on itself."""
        return self.has_mirrored and self._rmsd(probe + self._n, reference) <= rmsd

    def _rmsd(self, probe: int, reference: int) -> float:
        with rdBase.BlockLogs():
            return float(rdMolAlign.GetBestRMS(self._skeleton, self._skeleton, probe, reference, self._maps))


@dataclass(frozen=True)
class Superposition:
    """Conformers laid on one of them."""

    positions: FloatArray  #: (n_conformers, n_atoms, 3), Angstrom
    rmsd: FloatArray  #: (n_conformers,), Angstrom, to the conformer they were laid on


def superimpose(molecule: Molecule, onto: int = 0) -> Superposition:
    """All conformers turned and shifted onto conformer `onto` (from 0).

    All atoms count but the hydrogens of carbon atoms, in the best of the symmetry-equivalent numberings. Raises
    MissingCoordinatesError, and IndexError for a conformer that is not there.
    """
    molecule.require_3d()
    if not 0 <= onto < molecule.n_conformers:
        raise IndexError(f"there is no conformer {onto} among {molecule.n_conformers}")
    skeleton, maps = _skeleton(molecule)
    positions = np.empty_like(molecule.positions)
    rmsd = np.zeros(molecule.n_conformers)
    for index, geometry in enumerate(molecule.positions):
        with rdBase.BlockLogs():
            found = rdMolAlign.GetBestAlignmentTransform(skeleton, skeleton, index, onto, maps)
        rmsd[index], transform = found[0], np.asarray(found[1])
        positions[index] = geometry @ transform[:3, :3].T + transform[:3, 3]
    return Superposition(positions, rmsd)


def displacements(molecule: Molecule, before: ArrayLike, after: ArrayLike) -> FloatArray:
    """How far conformers moved, such as in a relaxation: (n_conformers,), RMSD in Angstrom, best superposition.

    All atoms count but the hydrogens of carbon atoms, in the best of the symmetry-equivalent numberings. before, after:
    (n_conformers, n_atoms, 3), Angstrom.
    """
    start, end = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    skeleton, maps = _skeleton(molecule.with_positions(np.concatenate([start, end])))
    n = len(start)
    with rdBase.BlockLogs():
        return np.array([rdMolAlign.GetBestRMS(skeleton, skeleton, k + n, k, maps) for k in range(n)])


def _skeleton(molecule: Molecule) -> tuple[Chem.Mol, list[list[tuple[int, int]]]]:
    """The molecule without the hydrogens of its carbon atoms, conformers numbered from 0, and its equal numberings.

    The other hydrogens stay, because a turned hydroxyl group makes another conformer.
    """
    mol = Chem.RWMol(molecule.to_rdkit())
    for number, conformer in enumerate(mol.GetConformers()):
        conformer.SetId(number)
    spare = [
        atom.GetIdx()
        for atom in mol.GetAtoms()
        if atom.GetAtomicNum() == 1 and any(neighbour.GetAtomicNum() == _CARBON for neighbour in atom.GetNeighbors())
    ]
    with rdBase.BlockLogs():
        for index in sorted(spare, reverse=True):
            mol.RemoveAtom(index)
        skeleton = mol.GetMol()
        numberings = skeleton.GetSubstructMatches(skeleton, uniquify=False, maxMatches=MOST_NUMBERINGS)
    return skeleton, [list(enumerate(numbering)) for numbering in numberings]
