"""Conformers of one molecule: generate, prune, compare energies, weigh.

Generation is RDKit's ETKDGv3 (Wang, Witek, Landrum, Riniker, J. Chem. Inf. Model. 2020, 60, 2044) followed by MMFF94s
minima (Halgren, J. Comput. Chem. 1999, 20, 720), UFF where MMFF94s has no parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers, rdMolAlign

from virialff.errors import EmbeddingError, MissingCoordinatesError
from virialff.molecules.molecule import Molecule
from virialff.molecules.rdkit_forms import normalised
from virialff.units import GAS_CONSTANT

FloatArray = NDArray[np.float64]
ClassicalForceField = Literal["MMFF94s", "UFF"]
Progress = Callable[[int, int], None]

#: Two geometries are one conformer if their heavy atoms superimpose within RMSD_TOLERANCE (Angstrom, best over
#: symmetry-equivalent numberings) and their energies agree within ENERGY_TOLERANCE (kcal/mol).
RMSD_TOLERANCE = 0.25
ENERGY_TOLERANCE = 0.05

_EMBEDDING_SECONDS = 60
_MINIMIZER_STEPS = 2000
#: Numberings tried in an RMSD; beyond, two copies of one conformer may both be kept.
MOST_NUMBERINGS = 1000
_CENTRES = (Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW)
_DOUBLE_BONDS = (
    Chem.BondStereo.STEREOE,
    Chem.BondStereo.STEREOZ,
    Chem.BondStereo.STEREOCIS,
    Chem.BondStereo.STEREOTRANS,
)


@dataclass(frozen=True)
class ConformerSearch:
    """Result of `search`: the distinct conformers found, lowest energy first."""

    molecule: Molecule  #: the molecule with these conformers
    energies: FloatArray  #: (n_conformers,), kcal/mol, of `force_field`; NaN where nothing was minimized
    force_field: ClassicalForceField | None  #: that gave the minima; None where nothing was minimized
    n_embedded: int  #: geometries that were embedded


def generate(
    molecule: Molecule,
    n_conformers: int = 10,
    seed: int = 1,
    minimize: Literal["mmff"] | None = "mmff",
    *,
    energy_window: float | None = 15.0,
) -> Molecule:
    """`molecule` with up to `n_conformers` conformers, lowest energy first: `search` without its details.

    Raises MissingCoordinatesError for a complex and EmbeddingError where no geometry can be made.
    """
    return search(molecule, n_conformers, seed, minimize, energy_window=energy_window).molecule


def search(
    molecule: Molecule,
    n_conformers: int = 10,
    seed: int = 1,
    minimize: Literal["mmff"] | None = "mmff",
    *,
    energy_window: float | None = 15.0,
    progress: Progress | None = None,
) -> ConformerSearch:
    """Embed twice as many geometries as asked for, minimize them and keep the lowest distinct ones.

    `minimize="mmff"` relaxes with MMFF94s, or with UFF where MMFF94s lacks parameters (some phosphorus and sulfur);
    None keeps the geometries as embedded. `energy_window` (kcal/mol above the lowest, None for no limit) drops high
    conformers. One geometry is embedded where one is asked for. The same arguments give the same conformers; fewer
    come back where the molecule has fewer distinct ones.

    Atom order and stereochemistry are kept. Stereocentres and double bonds that the molecule leaves undefined take the
    configuration of its first conformer, or without one that of the first embedded geometry, the same in all.

    `progress(geometries minimized, geometries in all)` is called after each; what it raises stops the search.

    Raises MissingCoordinatesError for a complex, whose arrangement cannot be made up, and EmbeddingError.
    """
    if n_conformers < 1:
        raise ValueError(f"n_conformers must be at least 1, got {n_conformers}")
    if molecule.n_fragments > 1:
        raise MissingCoordinatesError(
            f"conformers can be generated for a single molecule and this is a complex of {molecule.n_fragments}; "
            "give a file with its coordinates"
        )
    # Not `rdkit_log.captured`: its lock would keep every other thread from reading molecules meanwhile.
    with rdBase.BlockLogs():
        mol = _embed(molecule, n_conformers if n_conformers == 1 else 2 * n_conformers, seed)
        n_embedded = mol.GetNumConformers()
        force_field = _classical_force_field(mol) if minimize == "mmff" else None
        energies = _minimize(mol, force_field, progress)
        candidates = _with_kept_stereochemistry(mol)
        if not candidates:
            raise EmbeddingError(
                f"{force_field} inverts the stereochemistry of {molecule.formula}; check its stereocentres"
            )
        if force_field is not None:
            candidates.sort(key=lambda index: energies[index])
            if energy_window is not None:
                ceiling = energies[candidates[0]] + energy_window
                candidates = [index for index in candidates if energies[index] <= ceiling]
        kept = _distinct(mol, energies, candidates, n_conformers)
    positions = np.array([mol.GetConformer(index).GetPositions() for index in kept])
    return ConformerSearch(molecule.with_positions(positions), energies[kept], force_field, n_embedded)


def _embed(molecule: Molecule, n_geometries: int, seed: int) -> Chem.Mol:
    mol = normalised(molecule.to_rdkit(), molecule.numbers, molecule.bonds)
    if mol.GetNumConformers():
        Chem.AssignStereochemistryFrom3D(mol, mol.GetConformers()[0].GetId())
        mol.RemoveAllConformers()
    # One geometry first: what it makes of undefined stereocentres then holds for the others.
    _embed_into(mol, 1, seed, molecule.formula)
    Chem.AssignStereochemistryFrom3D(mol, mol.GetConformers()[0].GetId())
    if n_geometries > 1:
        _embed_into(mol, n_geometries, seed, molecule.formula)
    return mol


def _embed_into(mol: Chem.Mol, n_geometries: int, seed: int, formula: str) -> None:
    """Replace the conformers of `mol`. Raises EmbeddingError if not even random starting coordinates succeed."""
    parameters: Any = rdDistGeom.ETKDGv3()
    parameters.randomSeed = seed & 0x7FFFFFFF
    parameters.timeout = _EMBEDDING_SECONDS
    for random_coordinates in (False, True):
        parameters.useRandomCoords = random_coordinates
        if len(rdDistGeom.EmbedMultipleConfs(mol, n_geometries, parameters)):
            return
    raise EmbeddingError(
        f"no three-dimensional geometry of {formula} could be made; check its stereochemistry and rings, "
        "or give a file with coordinates"
    )


def _classical_force_field(mol: Chem.Mol) -> ClassicalForceField | None:
    if rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol):
        return "MMFF94s"
    return "UFF" if rdForceFieldHelpers.UFFHasAllMoleculeParams(mol) else None


def _minimize(mol: Chem.Mol, force_field: ClassicalForceField | None, progress: Progress | None) -> FloatArray:
    """Relax all conformers in place; energies (n_conformers,) in kcal/mol, NaN without a force field."""
    energies = np.full(mol.GetNumConformers(), np.nan)
    if force_field is None:
        return energies
    if force_field == "MMFF94s":
        properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol, mmffVariant="MMFF94s")
    for index, conformer in enumerate(mol.GetConformers()):
        number = conformer.GetId()
        if force_field == "MMFF94s":
            field = rdForceFieldHelpers.MMFFGetMoleculeForceField(mol, properties, confId=number)
        else:
            field = rdForceFieldHelpers.UFFGetMoleculeForceField(mol, confId=number)
        field.Initialize()
        field.Minimize(maxIts=_MINIMIZER_STEPS)
        energies[index] = field.CalcEnergy()
        if progress is not None:
            progress(index + 1, len(energies))
    return energies


def _with_kept_stereochemistry(mol: Chem.Mol) -> list[int]:
    """Conformers whose geometry still has the stereochemistry that the molecule is defined with."""
    expected = stereochemistry(mol)
    kept = []
    for conformer in mol.GetConformers():
        copy = Chem.Mol(mol)
        Chem.AssignStereochemistryFrom3D(copy, conformer.GetId())
        if stereochemistry(copy) == expected:
            kept.append(conformer.GetId())
    return kept


def stereochemistry(mol: Chem.Mol) -> dict[tuple[int, ...], str]:
    """Configuration of each tetrahedral centre (atom,) and double bond (atom, atom) of an RDKit molecule.

    Comparable between molecules of the same atom order only.
    """
    # RDKit's enumerations compare as integers, so each is held against its own values.
    configurations: dict[tuple[int, ...], str] = {
        (a.GetIdx(),): str(a.GetChiralTag()) for a in mol.GetAtoms() if a.GetChiralTag() in _CENTRES
    }
    configurations |= {
        (b.GetBeginAtomIdx(), b.GetEndAtomIdx()): str(b.GetStereo())
        for b in mol.GetBonds()
        if b.GetStereo() in _DOUBLE_BONDS
    }
    return configurations


def _distinct(mol: Chem.Mol, energies: FloatArray, candidates: list[int], n_wanted: int) -> list[int]:
    """The first `n_wanted` of the candidates that do not repeat an earlier one."""
    heavy = Chem.RemoveHs(mol)
    numberings = heavy.GetSubstructMatches(heavy, uniquify=False, maxMatches=MOST_NUMBERINGS)
    maps = [list(enumerate(numbering)) for numbering in numberings]
    kept: list[int] = []
    for index in candidates:
        similar = (k for k in kept if not abs(energies[index] - energies[k]) > ENERGY_TOLERANCE)
        if all(rdMolAlign.GetBestRMS(heavy, heavy, index, k, maps) > RMSD_TOLERANCE for k in similar):
            kept.append(index)
        if len(kept) == n_wanted:
            break
    return kept


def relative_energies(energies: ArrayLike) -> FloatArray:
    """Energies above the lowest, in the unit given, shape kept. NaN (a conformer without energy) stays NaN."""
    values = np.asarray(energies, dtype=np.float64)
    return values - np.nanmin(values) if np.isfinite(values).any() else np.full(values.shape, np.nan)


def energy_ranks(energies: ArrayLike) -> NDArray[np.float64]:
    """Rank of each conformer (n_conformers,), 1 for the lowest energy; equal energies share a rank; NaN stays NaN."""
    values = np.asarray(energies, dtype=np.float64)
    ranks = np.array([1.0 + np.sum(values < value) for value in values])
    return np.where(np.isnan(values), np.nan, ranks)


def boltzmann_weights(energies: ArrayLike, temperature: float = 298.15) -> FloatArray:
    """Populations exp(-E/RT)/Z (n_conformers,) of conformers, energies in kcal/mol, temperature in kelvin.

    Each conformer counts once: vibrations and symmetry numbers are left out. A conformer without an energy (NaN) has
    none (NaN), and the others sum to 1. Raises ValueError unless the temperature is positive.
    """
    if not temperature > 0:
        raise ValueError(f"the temperature must be positive, got {temperature:g} K")
    factors = np.exp(-relative_energies(energies) / (GAS_CONSTANT * temperature))
    return np.asarray(factors / np.nansum(factors))
