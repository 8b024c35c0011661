"""Ensembles of conformers: which of them are distinct and low enough to keep, and how they superimpose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import rdMolAlign

from virialff.conformers.generation import MOST_NUMBERINGS, RMSD_TOLERANCE, FloatArray, Progress
from virialff.errors import ShapeError
from virialff.molecules.molecule import Molecule

_CARBON = 6


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

    All atoms count but the hydrogens of carbon atoms.
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
    kept: list[int] = []
    skeleton, maps = _skeleton(molecule)
    for done, index in enumerate(low, start=1):
        if rmsd == 0 or all(_rmsd(skeleton, index, k, maps) > rmsd for k in kept):
            kept.append(index)
        if progress is not None:
            progress(done, len(low))
    return Pruning(
        np.array(kept, dtype=np.int64), len(low) - len(kept), len(known) - len(low), len(values) - len(known)
    )


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


def _rmsd(skeleton: Chem.Mol, probe: int, reference: int, maps: list[list[tuple[int, int]]]) -> float:
    with rdBase.BlockLogs():
        return float(rdMolAlign.GetBestRMS(skeleton, skeleton, probe, reference, maps))
