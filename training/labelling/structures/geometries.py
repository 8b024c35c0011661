"""Geometries of one molecule to label: ETKDG conformers, relaxed minima, thermal displacements, turned torsions."""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers, rdMolTransforms

from virialff.engines.xtb import energy_and_forces
from virialff.errors import MoleculeError
from virialff.molecules.changes import same_connectivity
from virialff.molecules.molecule import Molecule

FloatArray = NDArray[np.float64]

#: What a geometry is. The first three are minima of the level named; the rest of the single-molecule kinds are not.
MINIMUM_MMFF = "minimum_mmff"
MINIMUM_UFF = "minimum_uff"
MINIMUM_GFN2 = "minimum_gfn2"
DISPLACED = "displaced"
DISTORTED = "distorted"
TORSION = "torsion"

#: Standard deviations of the Gaussian displacement of every coordinate, Angstrom.
DISPLACEMENT = 0.04
DISTORTION = 0.08

_ROTATABLE = Chem.MolFromSmarts("[!$(*#*)&!D1]-&!@[!$(*#*)&!D1]")


class Geometries(NamedTuple):
    """positions (n_geometries, n_atoms, 3), Angstrom, and the kind of each."""

    positions: FloatArray
    kinds: tuple[str, ...]


class Relaxation(NamedTuple):
    """Last geometry (n_atoms, 3), Angstrom, its energy (kcal/mol) and forces, and the number of evaluations."""

    positions: FloatArray
    energy: float
    forces: FloatArray
    evaluations: int


def seed_of(seed: int, *names: str) -> int:
    """A 32-bit seed from the campaign's seed and names: the same whatever the order of the work."""
    digest = hashlib.sha256("|".join((str(seed), *names)).encode()).digest()
    return int.from_bytes(digest[:4], "big")


def assign_stereo(smiles: str, seed: int) -> Molecule:
    """The molecule of `smiles` with every stereocentre and double bond assigned.

    What the SMILES leaves open is taken from one embedded geometry: an isomer drawn at random from a polycycle is
    often one that cannot exist. Raises MoleculeError if none can be embedded.
    """
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    open_elements = [
        element for element in Chem.FindPotentialStereo(mol) if element.specified == Chem.StereoSpecified.Unspecified
    ]
    if not open_elements:
        return Molecule.from_smiles(smiles)
    parameters = _etkdg(seed)
    if rdDistGeom.EmbedMolecule(mol, parameters) < 0:
        raise _no_geometry(mol)
    Chem.AssignStereochemistryFrom3D(mol)
    return Molecule.from_smiles(Chem.MolToSmiles(Chem.RemoveHs(mol)))


def _etkdg(seed: int) -> rdDistGeom.EmbedParameters:
    parameters = rdDistGeom.ETKDGv3()
    # RDKit reads the seed as a signed 32-bit integer.
    parameters.randomSeed = seed & 0x7FFFFFFF
    # An impossible isomer never embeds: give up on it soon.
    parameters.maxIterations = 40
    return parameters


def _no_geometry(mol: Chem.Mol) -> MoleculeError:
    return MoleculeError(f"ETKDG found no three-dimensional geometry for {Chem.MolToSmiles(Chem.RemoveHs(mol))}.")


def embed(molecule: Molecule, n_conformers: int, seed: int) -> Geometries:
    """Up to `n_conformers` diverse ETKDGv3 conformers at their MMFF94s minimum (UFF where MMFF lacks parameters).

    Twice as many are embedded; they are thinned by an RMSD of 0.4 Angstrom (all atoms) and
    taken by energy, lowest first. Raises MoleculeError if none can be embedded.
    """
    mol = molecule.to_rdkit()
    mol.RemoveAllConformers()
    parameters = _etkdg(seed)
    parameters.pruneRmsThresh = 0.4
    # Hydrogens count: conformers of an alcohol often differ in them alone.
    parameters.onlyHeavyAtomsForRMS = False
    parameters.useSymmetryForPruning = False
    conformers = list(rdDistGeom.EmbedMultipleConfs(mol, 2 * n_conformers, parameters))
    if not conformers:
        parameters.useRandomCoords = True
        conformers = list(rdDistGeom.EmbedMultipleConfs(mol, n_conformers, parameters))
    if not conformers:
        raise _no_geometry(mol)
    mmff = rdForceFieldHelpers.MMFFHasAllMoleculeParams(mol)
    if mmff:
        results = rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(mol, maxIters=500, mmffVariant="MMFF94s")
    else:
        results = rdForceFieldHelpers.UFFOptimizeMoleculeConfs(mol, maxIters=500)
    energies = np.array([energy for _, energy in results])
    positions = np.array([conformer.GetPositions() for conformer in mol.GetConformers()])
    kept = _distinct(positions, energies)[:n_conformers]
    return Geometries(positions[kept], (MINIMUM_MMFF if mmff else MINIMUM_UFF,) * len(kept))


def _distinct(positions: FloatArray, energies: FloatArray) -> list[int]:
    # Different embeddings often fall into the same minimum; equal energy and equal sorted distances tell.
    kept: list[int] = []
    spectra = [_distance_spectrum(geometry) for geometry in positions]
    for index in np.argsort(energies, kind="stable"):
        if all(
            abs(energies[index] - energies[other]) > 0.05 or np.abs(spectra[index] - spectra[other]).max() > 0.1
            for other in kept
        ):
            kept.append(int(index))
    return kept


def _distance_spectrum(positions: FloatArray) -> FloatArray:
    upper = np.triu_indices(len(positions), 1)
    return np.sort(np.linalg.norm(positions[:, None] - positions[None], axis=-1)[upper])


def displaced(positions: FloatArray, sigma: float, generator: np.random.Generator) -> FloatArray:
    """`positions` with a Gaussian displacement of standard deviation `sigma` (Angstrom) on every coordinate."""
    return positions + generator.normal(0.0, sigma, positions.shape)


def turned_torsion(molecule: Molecule, positions: FloatArray, generator: np.random.Generator) -> FloatArray | None:
    """One rotatable bond turned by a random angle, or None if there is none or the atoms would clash."""
    mol = molecule.to_rdkit()
    matches = mol.GetSubstructMatches(_ROTATABLE)
    if not matches:
        return None
    for _ in range(4):
        j, k = matches[generator.integers(len(matches))]
        i = next(a.GetIdx() for a in mol.GetAtomWithIdx(j).GetNeighbors() if a.GetIdx() != k)
        m = next(a.GetIdx() for a in mol.GetAtomWithIdx(k).GetNeighbors() if a.GetIdx() != j)
        turned = Chem.Mol(mol, True)
        conformer = Chem.Conformer(len(positions))
        conformer.SetPositions(positions)
        turned.AddConformer(conformer)
        angle = rdMolTransforms.GetDihedralDeg(turned.GetConformer(), i, j, k, m)
        rdMolTransforms.SetDihedralDeg(turned.GetConformer(), i, j, k, m, angle + generator.uniform(20.0, 340.0))
        candidate = turned.GetConformer().GetPositions()
        if same_connectivity(molecule, candidate) is None and _closest_nonbonded(molecule.bonds, candidate) > 1.6:
            return candidate
    return None


def _closest_nonbonded(bonds: NDArray[np.int64], positions: FloatArray) -> float:
    # 1-3 pairs are left out with the bonded ones: a torsion does not change them.
    n_atoms = len(positions)
    bonded = np.eye(n_atoms, dtype=bool)
    bonded[bonds[:, 0], bonds[:, 1]] = bonded[bonds[:, 1], bonds[:, 0]] = True
    near = (bonded.astype(int) @ bonded.astype(int)) > 0
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    return float(distances[~near].min(initial=np.inf))


def relax(molecule: Molecule, positions: FloatArray, *, max_evaluations: int, gradient_norm: float) -> Relaxation:
    """Relax at GFN2-xTB until every force component is below `gradient_norm` (kcal/mol/Angstrom), or the budget ends.

    BFGS in Cartesian coordinates from a model Hessian of springs (stiff along bonds, softer for 1-3 pairs, weak
    between near atoms), no atom moved by more than 0.25 Angstrom a step. The budget may end before a minimum is
    reached: callers look at `forces`. Raises EngineError.
    """
    geometry = np.array(positions, dtype=np.float64)
    hessian = _model_hessian(molecule.bonds, geometry)
    energy, forces = energy_and_forces(molecule.numbers, geometry)
    largest_step = 0.25
    for evaluations in range(1, max_evaluations + 1):
        if np.abs(forces).max() < gradient_norm or evaluations == max_evaluations:
            break
        step = np.linalg.solve(hessian, forces.ravel()).reshape(-1, 3)
        step *= min(1.0, largest_step / np.linalg.norm(step, axis=1).max())
        new_energy, new_forces = energy_and_forces(molecule.numbers, geometry + step)
        change, curvature = step.ravel(), (forces - new_forces).ravel()
        if change @ curvature > 1e-8:
            pushed = hessian @ change
            hessian += np.outer(curvature, curvature) / (change @ curvature)
            hessian -= np.outer(pushed, pushed) / (change @ pushed)
        if new_energy > energy + 0.02:
            largest_step = max(0.25 * np.linalg.norm(step, axis=1).max(), 0.01)
            continue
        largest_step = min(1.5 * largest_step, 0.25)
        geometry, energy, forces = geometry + step, new_energy, new_forces
    return Relaxation(geometry, energy, forces, evaluations)


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


def molecule_geometries(molecule: Molecule, *, n_conformers: int, n_geometries: int, seed: int) -> Geometries:
    """About `n_geometries` of one molecule: its conformers' minima, then displaced, torsion-turned, distorted ones.

    The molecule's own conformers are not used. Deterministic in `seed`. Raises MoleculeError if it does not embed.
    """
    generator = np.random.default_rng(seed)
    minima = embed(molecule, n_conformers, seed)
    positions = list(minima.positions)
    kinds = list(minima.kinds)
    turned = turned_torsion(molecule, positions[0], generator)
    if turned is not None:
        positions.append(turned)
        kinds.append(TORSION)
    n_minima = len(minima.positions)
    for index in range(max(2, n_geometries - len(positions))):
        base = minima.positions[index % n_minima]
        kind, sigma = (DISTORTED, DISTORTION) if index % 3 == 2 else (DISPLACED, DISPLACEMENT)
        positions.append(displaced(base, sigma, generator))
        kinds.append(kind)
    return Geometries(np.array(positions), tuple(kinds))
