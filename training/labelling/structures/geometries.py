"""Geometries of one molecule to label: ETKDG conformers, thermal displacements, turned torsions."""

import hashlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from virialff.conformers.generation import search
from virialff.conformers.scans import value_of, with_value
from virialff.molecules.changes import connectivity_changes, stereo_elements
from virialff.molecules.molecule import Molecule

FloatArray = NDArray[np.float64]

#: What a geometry is. The first two are minima of the level named; the rest of the single-molecule kinds are not.
MINIMUM_MMFF = "minimum_mmff"
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


def seed_of(seed: int, *names: str) -> int:
    """A 32-bit seed from the campaign's seed and names: the same whatever the order of the work."""
    digest = hashlib.sha256("|".join((str(seed), *names)).encode()).digest()
    return int.from_bytes(digest[:4], "big")


def assign_stereo(smiles: str, seed: int) -> Molecule:
    """The molecule of `smiles` with every stereocentre and double bond assigned.

    What the SMILES leaves open is taken from one embedded geometry: an isomer drawn at random from a polycycle is
    often one that cannot exist. Raises EmbeddingError if none can be embedded.
    """
    molecule = Molecule.from_smiles(smiles)
    if molecule.configuration.keys() == {element.atoms for element in stereo_elements(molecule.to_rdkit())}:
        return molecule
    mol = search(molecule, 1, seed, None).molecule.to_rdkit()
    Chem.AssignStereochemistryFrom3D(mol)
    return Molecule.from_smiles(Chem.MolToSmiles(Chem.RemoveHs(mol)))


def embed(molecule: Molecule, n_conformers: int, seed: int) -> Geometries:
    """Up to `n_conformers` distinct minima of MMFF94s (GFN2-xTB where MMFF94s cannot), lowest first.

    Raises EmbeddingError if none can be embedded.
    """
    found = search(molecule.with_positions(molecule.positions[:0]), n_conformers, seed, energy_window=None)
    kind = MINIMUM_MMFF if found.force_field == "MMFF94s" else MINIMUM_GFN2
    return Geometries(found.molecule.positions, (kind,) * found.molecule.n_conformers)


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
        angle = value_of(molecule.with_positions(positions), (i, j, k, m))
        candidate = with_value(molecule, positions, "torsion", (i, j, k, m), angle + generator.uniform(20.0, 340.0))
        if not connectivity_changes(molecule, candidate) and _closest_nonbonded(molecule.bonds, candidate) > 1.6:
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


def molecule_geometries(molecule: Molecule, *, n_conformers: int, n_geometries: int, seed: int) -> Geometries:
    """About `n_geometries` of one molecule: its conformers' minima, then displaced, torsion-turned, distorted ones.

    Where no more are wanted than conformers, the minima alone. The molecule's own conformers are not used.
    Deterministic in `seed`. Raises MoleculeError if it does not embed.
    """
    generator = np.random.default_rng(seed)
    minima = embed(molecule, n_conformers, seed)
    if n_geometries <= n_conformers:
        return minima
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
