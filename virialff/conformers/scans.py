"""Rigid scans: one bond length, angle or torsion stepped through values, or two molecules pulled apart.

Everything but the scanned coordinate stays as it is: the part of the molecule beyond the coordinate moves as a whole
and nothing is relaxed. Energies of the geometries come from any method (`comparison.compare_methods`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rdkit import Chem
from rdkit.Chem import rdMolTransforms

from virialff.errors import MoleculeError, OverlappingAtomsError
from virialff.molecules.checks import check_positions
from virialff.molecules.molecule import Molecule
from virialff.molecules.placement import pulled_apart
from virialff.text import reason_of

FloatArray = NDArray[np.float64]
ScanKind = Literal["bond", "angle", "torsion", "separation"]

_KIND_OF_LENGTH: dict[int, ScanKind] = {2: "bond", 3: "angle", 4: "torsion"}
_LINEAR = 175.0


@dataclass(frozen=True)
class Scan:
    """Geometries along one coordinate."""

    molecule: Molecule  #: with a conformer for each value, in their order
    kind: ScanKind
    atoms: tuple[int, ...]  #: from 0, of a bond (2), angle (3) or torsion (4); the fragment's atoms for a separation
    values: FloatArray  #: (n_points,), Angstrom for bonds and separations, degrees for angles and torsions
    start: float  #: the coordinate in the geometry that the scan began from, in the same unit
    left_out: tuple[tuple[float, str], ...] = ()  #: values at which atoms would overlap, and which, in words

    def notes(self) -> list[str]:
        """What a reader must know of values that were left out, in a sentence."""
        if not self.left_out:
            return []
        values = np.array([value for value, _ in self.left_out])
        # What no point lies between is one stretch.
        stretches = np.searchsorted(np.sort(self.values), values)
        parts = [values[stretches == stretch] for stretch in np.unique(stretches)]
        said = ", ".join(f"{p.min():g} to {p.max():g}" if len(p) > 1 else f"{p[0]:g}" for p in parts)
        what = "one molecule runs into another" if self.kind == "separation" else "the molecule runs into itself"
        value, reason = self.left_out[0]
        return [f"left out: {said} {self.unit}, where {what} (at {value:g} {reason})"]

    @property
    def unit(self) -> str:
        """ "A" or "degree"."""
        return "A" if self.kind in ("bond", "separation") else "degree"

    @property
    def label(self) -> str:
        """The coordinate with its atoms (from 1) and unit: "torsion C1-C2-C3-O4 (degree)"."""
        return f"{coordinate_name(self.molecule, self.kind, self.atoms)} ({self.unit})"


def coordinate_name(molecule: Molecule, kind: ScanKind, atoms: tuple[int, ...]) -> str:
    """A coordinate in words, atoms from 1: "bond C1-C2", "distance between the centres"."""
    if kind == "separation":
        return "distance between the centres"
    return f"{kind} {'-'.join(f'{molecule.symbols[atom]}{atom + 1}' for atom in atoms)}"


def coordinates(molecule: Molecule, kind: ScanKind) -> list[tuple[int, ...]]:
    """The coordinates of a kind that can be scanned, as atoms from 0: none that a ring holds fast.

    One torsion for each bond, with the lowest heavy neighbours at its ends; torsions about bonds to an end atom and
    about linear groups have no meaning and are left out. Those with the fewest hydrogens come first. A separation lists
    the atoms of each fragment of a complex.
    """
    if kind == "separation":
        n = molecule.n_fragments
        return [tuple(np.flatnonzero(molecule.fragments == k).tolist()) for k in range(n)] if n > 1 else []
    mol = molecule.to_rdkit()
    found: list[tuple[int, ...]] = []
    if kind == "angle":
        for centre in range(molecule.n_atoms):
            near = _neighbours(mol, centre)
            found += [(i, centre, k) for i in near for k in near if i < k and not _angle_in_ring(mol, i, centre, k)]
        return _heavy_first(molecule, found)
    for first, second in molecule.bonds.tolist():
        if mol.GetBondBetweenAtoms(first, second).IsInRing():
            continue
        if kind == "bond":
            found.append((first, second))
            continue
        ends = [[k for k in _neighbours(mol, a) if k != b] for a, b in ((first, second), (second, first))]
        linear = any(mol.GetAtomWithIdx(a).GetHybridization() == Chem.HybridizationType.SP for a in (first, second))
        if all(ends) and not linear:
            found.append((ends[0][0], first, second, ends[1][0]))
    return _heavy_first(molecule, found)


def scan(molecule: Molecule, atoms: tuple[int, ...], values: ArrayLike, *, conformer: int = 0) -> Scan:
    """A bond length (2 atoms), angle (3) or torsion (4 atoms) set to each value; the side of the last atom moves.

    Parameters
    ----------
    molecule : Molecule
        With coordinates.
    atoms : tuple of int
        From 0, each bonded to the next.
    values : array_like, shape (n_points,)
        Of the coordinate, in Angstrom or degrees.
    conformer : int, optional
        Which one it starts from, from 0.

    Returns
    -------
    Scan
        A geometry for each value, in their order. Values at which the parts that move run into each other are left
        out of it and named in `Scan.left_out`.

    Raises
    ------
    MissingCoordinatesError
        If the molecule has no coordinates.
    MoleculeError
        For atoms that are not there or not bonded, for a coordinate in a ring, which cannot change alone, for an angle
        that is linear, and for values that are no such coordinate.
    OverlappingAtomsError
        If the parts that move run into each other at every value.
    """
    molecule.require_3d()
    mol = molecule.to_rdkit()
    kind = _check_atoms(molecule, mol, atoms)
    points = _check_values(kind, values)
    start = value_of(molecule, atoms, conformer=conformer)
    positions = np.empty((len(points), molecule.n_atoms, 3))
    for index, value in enumerate(points):
        frame = Chem.Conformer(mol.GetConformers()[conformer])
        try:
            _SETTERS[kind](frame, *atoms, float(value))
        except ValueError as error:
            name = coordinate_name(molecule, kind, atoms)
            raise MoleculeError(
                f"the {name} cannot be set to {value:g} ({reason_of(error)}); choose another one"
            ) from error
        positions[index] = frame.GetPositions()
    return _without_overlaps(molecule, kind, tuple(atoms), points, positions, start)


def scan_separation(molecule: Molecule, distances: ArrayLike, *, fragment: int = 1, conformer: int = 0) -> Scan:
    """One molecule of a complex moved along the line between its centre and that of all others; none is turned.

    distances: (n_points,), Angstrom between the centres (means of the atoms' positions). fragment: the one that moves,
    from 0. Values at which atoms overlap are left out, as by `scan`. Raises MissingCoordinatesError, MoleculeError for
    a single molecule or centres that coincide, and OverlappingAtomsError if all values are left out.
    """
    molecule.require_3d()
    moving = _fragment_mask(molecule, fragment)
    points = _check_values("separation", distances)
    geometry = molecule.positions[conformer]
    line = geometry[moving].mean(axis=0) - geometry[~moving].mean(axis=0)
    start = float(np.linalg.norm(line))
    if start < 1e-3:
        raise MoleculeError("the centres of the two parts coincide, so there is no line to pull them apart on")
    positions = pulled_apart(geometry, moving, points - start, line / start)
    return _without_overlaps(molecule, "separation", tuple(np.flatnonzero(moving).tolist()), points, positions, start)


def _without_overlaps(
    molecule: Molecule, kind: ScanKind, atoms: tuple[int, ...], values: FloatArray, positions: FloatArray, start: float
) -> Scan:
    """The scan of the geometries (n_points, n_atoms, 3) in which no atoms overlap."""
    left_out: dict[int, OverlappingAtomsError] = {}
    for index, geometry in enumerate(positions):
        try:
            check_positions(geometry[None], molecule.numbers)
        except OverlappingAtomsError as error:
            left_out[index] = error
    if len(left_out) == len(values):
        raise OverlappingAtomsError(
            f"at every value of the {coordinate_name(molecule, kind, atoms)} atoms overlap "
            f"({_overlap(left_out[0])} at {values[0]:g}); take another range, another coordinate, or another geometry",
            atom=left_out[0].atom,
        )
    kept = np.setdiff1d(np.arange(len(values)), list(left_out))
    named = tuple((float(values[index]), _overlap(error)) for index, error in left_out.items())
    return Scan(molecule.with_positions(positions[kept]), kind, atoms, values[kept], start, named)


def _overlap(error: OverlappingAtomsError) -> str:
    """Which atoms overlap: "atom 3 (C) and atom 12 (H) are 0.31 Angstrom apart"."""
    return error.message.partition(";")[0]


def value_of(molecule: Molecule, atoms: tuple[int, ...], *, conformer: int = 0) -> float:
    """A bond length (Angstrom), angle or torsion (degrees) in one conformer; as `scan` for its errors."""
    molecule.require_3d()
    mol = molecule.to_rdkit()
    kind = _check_atoms(molecule, mol, atoms)
    return float(_GETTERS[kind](mol.GetConformers()[conformer], *atoms))


def with_value(
    molecule: Molecule, positions: ArrayLike, kind: ScanKind, atoms: tuple[int, ...], value: float
) -> FloatArray:
    """A geometry (n_atoms, 3), Angstrom, with a coordinate set to `value` (Angstrom or degrees), all else as it is.

    As one point of `scan` or `scan_separation`, of any geometry and without their checks. Raises ValueError for a
    coordinate in a ring.
    """
    geometry = np.asarray(positions, dtype=np.float64)
    if kind == "separation":
        moving = np.isin(np.arange(molecule.n_atoms), atoms)
        line = geometry[moving].mean(axis=0) - geometry[~moving].mean(axis=0)
        start = np.linalg.norm(line)
        return pulled_apart(geometry, moving, np.array([value - start]), line / start)[0]
    mol = molecule.with_positions(molecule.positions[:0]).to_rdkit()
    frame = Chem.Conformer(molecule.n_atoms)
    frame.SetPositions(geometry)
    mol.AddConformer(frame)
    _SETTERS[kind](mol.GetConformer(), *atoms, float(value))
    return np.asarray(mol.GetConformer().GetPositions())


def separation_of(molecule: Molecule, *, fragment: int = 1, conformer: int = 0) -> float:
    """Distance (Angstrom) between the centre of a fragment and that of all others; as `scan_separation`."""
    molecule.require_3d()
    moving = _fragment_mask(molecule, fragment)
    geometry = molecule.positions[conformer]
    return float(np.linalg.norm(geometry[moving].mean(axis=0) - geometry[~moving].mean(axis=0)))


def usual_range(kind: ScanKind, start: float) -> tuple[float, float]:
    """A range worth looking at about a start value: Angstrom, or degrees for angles and torsions."""
    if kind == "bond":
        return round(0.85 * start, 2), round(1.5 * start, 2)
    if kind == "angle":
        return max(60.0, round(start - 25)), min(_LINEAR, round(start + 25))
    if kind == "torsion":
        return -180.0, 180.0
    return max(0.5, round(start - 0.4, 1)), round(start + 5.0, 1)


_SETTERS = {
    "bond": rdMolTransforms.SetBondLength,
    "angle": rdMolTransforms.SetAngleDeg,
    "torsion": rdMolTransforms.SetDihedralDeg,
}
_GETTERS = {
    "bond": rdMolTransforms.GetBondLength,
    "angle": rdMolTransforms.GetAngleDeg,
    "torsion": rdMolTransforms.GetDihedralDeg,
}


def _heavy_first(molecule: Molecule, found: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    return sorted(found, key=lambda atoms: sum(molecule.numbers[atom] == 1 for atom in atoms))


def _neighbours(mol: Chem.Mol, atom: int) -> list[int]:
    """Heavy neighbours first, each by number."""
    near = [neighbour.GetIdx() for neighbour in mol.GetAtomWithIdx(atom).GetNeighbors()]
    return sorted(near, key=lambda index: (mol.GetAtomWithIdx(index).GetAtomicNum() == 1, index))


def _angle_in_ring(mol: Chem.Mol, i: int, centre: int, k: int) -> bool:
    return all(mol.GetBondBetweenAtoms(centre, end).IsInRing() for end in (i, k))


def _check_atoms(molecule: Molecule, mol: Chem.Mol, atoms: tuple[int, ...]) -> ScanKind:
    if len(atoms) not in _KIND_OF_LENGTH:
        raise MoleculeError(f"{len(atoms)} atoms were given; two make a bond, three an angle, four a torsion")
    for atom in atoms:
        if not 0 <= atom < molecule.n_atoms:
            raise MoleculeError(f"there is no atom {atom + 1}; {molecule.formula} has {molecule.n_atoms}")
    if len(set(atoms)) < len(atoms):
        raise MoleculeError("an atom was given twice; give different ones")
    for first, second in pairwise(atoms):
        if mol.GetBondBetweenAtoms(first, second) is None:
            raise MoleculeError(f"atoms {first + 1} and {second + 1} are not bonded; give atoms bonded one to the next")
    kind = _KIND_OF_LENGTH[len(atoms)]
    in_ring = (
        _angle_in_ring(mol, *atoms)
        if kind == "angle"
        else mol.GetBondBetweenAtoms(*(atoms if kind == "bond" else atoms[1:3])).IsInRing()
    )
    if in_ring:
        name = coordinate_name(molecule, kind, atoms)
        raise MoleculeError(f"the {name} is part of a ring and cannot change alone; choose one outside the rings")
    return kind


def _check_values(kind: ScanKind, values: ArrayLike) -> FloatArray:
    points = np.asarray(values, dtype=np.float64)
    if points.ndim != 1 or not len(points) or not np.isfinite(points).all():
        raise MoleculeError("a scan needs a list of at least one number")
    if kind in ("bond", "separation") and (points <= 0).any():
        raise MoleculeError("distances must be above zero")
    if kind == "angle" and ((points <= 0) | (points >= 180)).any():
        raise MoleculeError("angles must be between 0 and 180 degrees")
    return points


def _fragment_mask(molecule: Molecule, fragment: int) -> NDArray[np.bool_]:
    if molecule.n_fragments < 2:
        raise MoleculeError(f"{molecule.formula} is a single molecule; a separation needs a complex of two or more")
    if not 0 <= fragment < molecule.n_fragments:
        raise MoleculeError(f"there is no molecule {fragment + 1} among {molecule.n_fragments}")
    return np.asarray(molecule.fragments == fragment)
