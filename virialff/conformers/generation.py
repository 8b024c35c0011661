"""Conformers of one molecule: generate, prune, compare energies, weigh.

Generation is RDKit's ETKDGv3 (Wang, Witek, Landrum, Riniker, J. Chem. Inf. Model. 2020, 60, 2044) followed by MMFF94s
minima (Halgren, J. Comput. Chem. 1999, 20, 720), GFN2-xTB minima where MMFF94s has no parameters: hypervalent centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

from virialff.conformers.ensembles import ENERGY_TOLERANCE, MIRROR, FloatArray, Progress, distinct
from virialff.conformers.relax import minimize, minimize_by
from virialff.elements import COVALENT_RADII, of_atoms
from virialff.engines.xtb import Gfn2Engine
from virialff.errors import EmbeddingError, EngineError, MissingCoordinatesError
from virialff.molecules.changes import Configuration, configuration, connectivity_changes, same_isomer
from virialff.molecules.molecule import Molecule
from virialff.molecules.rdkit_forms import normalised
from virialff.molecules.topology import RELATIONS, all_pairs, pair_relations
from virialff.units import GAS_CONSTANT

Minimizer = Literal["MMFF94s", "GFN2-xTB"]

#: Energies within so many kcal/mol of each other are equal.
TIE = 1e-3

# Of each of the three attempts to embed.
_EMBEDDING_SECONDS = 20
# Of a geometry with all stereochemistry defined: most need one or two, impossible ones are given up soon.
_QUICK_TRIALS = 20
# Geometries that are embedded where isomers come by chance.
_MOST_ISOMERS = 20
_MINIMIZER_STEPS = 2000
# Element, neighbours and valence of centres that MMFF94s takes for others.
_SHAPES_BEYOND_MMFF = {(16, 4, 4), (16, 3, 6), (15, 3, 5)}


@dataclass(frozen=True)
class ConformerSearch:
    """Result of `search`: the distinct conformers found, lowest energy first."""

    molecule: Molecule  #: the molecule with these conformers
    energies: FloatArray  #: (n_conformers,), kcal/mol, of `force_field`; NaN where nothing was minimized
    force_field: Minimizer | None  #: that gave the minima; None where nothing was minimized
    n_embedded: int  #: geometries that were embedded


def generate(
    molecule: Molecule,
    n_conformers: int = 10,
    seed: int = 1,
    minimize: Literal["mmff"] | None = "mmff",
    *,
    energy_window: float | None = 15.0,
) -> Molecule:
    """A molecule with conformers that ETKDG embeds and a force field relaxes, lowest energy first.

    Parameters
    ----------
    molecule : Molecule
        A single molecule. Atom order and stereochemistry are kept.
    n_conformers : int, optional
        The most that come back: fewer where the molecule has fewer distinct ones.
    seed : int, optional
        The same arguments give the same conformers.
    minimize : {"mmff", None}, optional
        Whether to relax, as `search` does, or to keep the geometries as embedded.
    energy_window : float, optional
        Conformers higher above the lowest (kcal/mol) are dropped; None for no limit.

    Returns
    -------
    Molecule
        With positions (n_conformers, n_atoms, 3) in Angstrom.

    Raises
    ------
    MissingCoordinatesError
        If it is a complex, whose arrangement cannot be made up.
    EmbeddingError
        If no geometry can be made.

    See Also
    --------
    search : The same with energies and what was done.
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
    """Embed more geometries than asked for, minimize them and keep the lowest distinct ones.

    `minimize="mmff"` relaxes with MMFF94s, or with GFN2-xTB where MMFF94s cannot (phosphorus and sulfur with five
    or six neighbours, sulfuranes); None keeps the geometries as embedded. `energy_window` (kcal/mol above the lowest,
    None for no limit) drops high conformers. Twice as many geometries as asked for are embedded, four times where the
    molecule has mirror images as conformers, and just as many for GFN2-xTB and where one is asked for. The same
    arguments give the same conformers; fewer come back where the molecule has fewer distinct ones.

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
        form = normalised(molecule.to_rdkit(), molecule.numbers, molecule.bonds)
        force_field = _minimizer(form) if minimize == "mmff" else None
        # GFN2-xTB takes seconds for what MMFF94s does in milliseconds.
        mol, expected = _embed(
            molecule, form, n_conformers, seed, sparing=n_conformers == 1 or force_field == "GFN2-xTB"
        )
        n_embedded = mol.GetNumConformers()
        energies = _minimize(mol, molecule, force_field, progress)
        candidates = [
            conformer.GetId()
            for conformer in mol.GetConformers()
            if same_isomer(molecule, expected, configuration(molecule, conformer.GetPositions()))
        ]
        if not candidates:
            raise EmbeddingError(
                f"{force_field} inverts the stereochemistry of {molecule.formula}; check its stereocentres"
            )
        if force_field is not None:
            candidates = [index for index in candidates if np.isfinite(energies[index])]
            if not candidates:
                raise EmbeddingError(
                    f"no geometry of {molecule.formula} keeps its bonds at a minimum of {force_field}; check its "
                    "formula, or give a file with coordinates"
                )
            candidates.sort(key=lambda index: energies[index])
            if energy_window is not None:
                ceiling = energies[candidates[0]] + energy_window
                candidates = [index for index in candidates if energies[index] <= ceiling]
    found = molecule.with_positions(np.array([conformer.GetPositions() for conformer in mol.GetConformers()]))
    kept = distinct(found, energies, candidates, energy_tolerance=ENERGY_TOLERANCE, most=n_conformers)
    return ConformerSearch(found.with_positions(found.positions[kept]), energies[kept], force_field, n_embedded)


def _embed(
    molecule: Molecule, mol: Chem.Mol, n_geometries: int, seed: int, *, sparing: bool
) -> tuple[Chem.Mol, Configuration]:
    """Geometries, numbered from 0, and the configuration that they are to have; more than asked for unless sparing."""
    if mol.GetNumConformers():
        Chem.AssignStereochemistryFrom3D(mol, mol.GetConformers()[0].GetId())
        mol.RemoveAllConformers()
    # One geometry first: what it makes of undefined stereocentres then holds for the others.
    first = _embed_into(mol, 1, seed)
    if not first.GetNumConformers():
        raise EmbeddingError(
            f"no three-dimensional geometry of {molecule.formula} could be made within a minute; check its "
            "stereochemistry and rings, or give a file with coordinates"
        )
    found = configuration(molecule, first.GetConformer().GetPositions())
    expected = molecule.configuration if molecule.n_conformers else found
    if not same_isomer(molecule, expected, found):
        # RDKit's formula does not hold all: the two sides of a ring with double bonds on both, cumulenes.
        n_geometries = max(n_geometries, _MOST_ISOMERS)
    if not sparing:
        # Mirror images of an achiral molecule are one conformer.
        mirrored = configuration(molecule, first.GetConformer().GetPositions() * MIRROR)
        n_geometries *= 4 if same_isomer(molecule, found, mirrored) else 2
    if n_geometries == 1:
        return first, expected
    defined = Chem.Mol(first)
    Chem.AssignStereochemistryFrom3D(defined, first.GetConformer().GetId())
    # RDKit takes atoms of some cages for stereocentres, and then finds no geometry that has them.
    possible = _embed_into(defined, 1, seed, most_trials=_QUICK_TRIALS).GetNumConformers() > 0
    several = _embed_into(defined if possible else mol, n_geometries, seed)
    return (several if several.GetNumConformers() else first), expected


def _embed_into(mol: Chem.Mol, n_geometries: int, seed: int, *, most_trials: int = 0) -> Chem.Mol:
    """A copy with up to so many conformers in the place of its own, none if even random coordinates lead to none."""
    copy = Chem.Mol(mol)
    parameters: Any = rdDistGeom.ETKDGv3()
    parameters.maxIterations = most_trials
    parameters.randomSeed = seed & 0x7FFFFFFF
    parameters.timeout = _EMBEDDING_SECONDS
    # Torsions as in crystals, and flat rings, keep cages such as fullerenes from closing.
    for random_coordinates, knowledge in ((False, True), (True, True), (True, False)):
        parameters.useRandomCoords = random_coordinates
        parameters.useExpTorsionAnglePrefs = parameters.useBasicKnowledge = knowledge
        rdDistGeom.EmbedMultipleConfs(copy, n_geometries, parameters)
        if copy.GetNumConformers():
            break
    return copy


def _minimizer(mol: Chem.Mol) -> Minimizer:
    """MMFF94s, or GFN2-xTB for what it has no parameters for, or none of the right shape: hypervalent centres.

    Those are sulfuranes, and sulfur trioxide, sulfenes and metaphosphates, which MMFF94s makes pyramids.
    """
    hypervalent = any(
        (atom.GetAtomicNum(), atom.GetDegree(), atom.GetTotalValence()) in _SHAPES_BEYOND_MMFF
        for atom in mol.GetAtoms()
    )
    return "MMFF94s" if rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol) and not hypervalent else "GFN2-xTB"


def _minimize(mol: Chem.Mol, molecule: Molecule, minimizer: Minimizer | None, progress: Progress | None) -> FloatArray:
    """Relax all conformers in place; energies (n_conformers,) in kcal/mol, NaN where there is no minimum.

    Raises EmbeddingError where GFN2-xTB is needed and cannot be had.
    """
    energies = np.full(mol.GetNumConformers(), np.nan)
    if minimizer is None:
        return energies
    if minimizer == "MMFF94s":
        properties = rdForceFieldHelpers.MMFFGetMoleculeProperties(mol, mmffVariant=minimizer)
    for index, conformer in enumerate(mol.GetConformers()):
        if minimizer == "MMFF94s":
            field = rdForceFieldHelpers.MMFFGetMoleculeForceField(mol, properties, confId=conformer.GetId())
            field.Initialize()
            field.Minimize(maxIts=_MINIMIZER_STEPS)
            energies[index] = field.CalcEnergy()
        else:
            try:
                start = _spread_ligands(molecule, conformer.GetPositions())
                end = minimize_by(Gfn2Engine(), molecule, start)
            except EngineError as error:
                raise EmbeddingError(
                    f"MMFF94s cannot relax {molecule.formula}, and GFN2-xTB cannot either ({error}); give a file with "
                    "coordinates"
                ) from error
            conformer.SetPositions(end.positions)
            if end.converged and not connectivity_changes(molecule, end.positions):
                energies[index] = end.energy
        if progress is not None:
            progress(index + 1, len(energies))
    return energies


def _spread_ligands(molecule: Molecule, positions: FloatArray) -> FloatArray:
    """A geometry (n_atoms, 3) whose atoms with five neighbours or more have them far from each other, as VSEPR says.

    ETKDG puts two of them on one side, from where GFN2-xTB does not find back. Springs hold bonds at the sums of
    covalent radii and all other angles as they are, while the neighbours repel each other.
    """
    degree = np.bincount(molecule.bonds.ravel(), minlength=molecule.n_atoms)
    if degree.max() < 5:
        return positions
    i, j = all_pairs(molecule.n_atoms)
    relations = pair_relations(molecule.n_atoms, molecule.bonds)
    bonded, angles = relations == RELATIONS.index("bonded"), relations == RELATIONS.index("1-3")
    neighbour = np.zeros((molecule.n_atoms, molecule.n_atoms), dtype=bool)
    neighbour[molecule.bonds[:, 0], molecule.bonds[:, 1]] = neighbour[molecule.bonds[:, 1], molecule.bonds[:, 0]] = True
    crowded = angles & (neighbour[i] & neighbour[j])[:, degree >= 5].any(axis=1)
    radii = of_atoms(COVALENT_RADII, molecule.numbers)
    rest = np.where(bonded, radii[i] + radii[j], np.linalg.norm(positions[i] - positions[j], axis=1))
    stiffness = np.where(bonded, 300.0, np.where(angles & ~crowded, 100.0, 0.0))
    repulsion = np.where(crowded, 100.0, 0.0)

    def evaluate(geometry: FloatArray) -> tuple[float, FloatArray]:
        difference = geometry[i] - geometry[j]
        lengths = np.linalg.norm(difference, axis=1)
        stretch = lengths - rest
        slope = 2 * stiffness * stretch - repulsion / lengths**2
        pull = (slope / lengths)[:, None] * difference
        forces = np.zeros_like(geometry)
        np.add.at(forces, i, -pull)
        np.add.at(forces, j, pull)
        return float((stiffness * stretch**2 + repulsion / lengths).sum()), forces

    return minimize(evaluate, molecule.bonds, positions).positions


def relative_energies(energies: ArrayLike) -> FloatArray:
    """Energies above the lowest, in the unit given, shape kept. NaN (a conformer without energy) stays NaN."""
    values = np.asarray(energies, dtype=np.float64)
    return values - np.nanmin(values) if np.isfinite(values).any() else np.full(values.shape, np.nan)


def energy_ranks(energies: ArrayLike) -> NDArray[np.float64]:
    """Rank of each conformer (n_conformers,), 1 for the lowest energy; NaN stays NaN.

    Energies (kcal/mol) that agree within TIE are equal, as those of mirror images are, and share a rank.
    """
    values = np.asarray(energies, dtype=np.float64)
    ranks = np.array([1.0 + np.sum(values < value - TIE) for value in values])
    return np.where(np.isnan(values), np.nan, ranks)


def boltzmann_weights(
    energies: ArrayLike, temperature: float = 298.15, degeneracies: ArrayLike | None = None
) -> FloatArray:
    """Populations g exp(-E/RT)/Z (n_conformers,) of conformers, energies in kcal/mol, temperature in kelvin.

    degeneracies: how often each conformer counts, by default once; `ensembles.degeneracies` counts mirror images that
    are left out. Vibrations are left out. A conformer without an energy (NaN) has none (NaN), and the others sum to 1.
    Raises ValueError unless the temperature is positive.
    """
    if not temperature > 0:
        raise ValueError(f"the temperature must be positive, got {temperature:g} K")
    counts = 1.0 if degeneracies is None else np.asarray(degeneracies, dtype=np.float64)
    factors = counts * np.exp(-relative_energies(energies) / (GAS_CONSTANT * temperature))
    return np.asarray(factors / np.nansum(factors))
