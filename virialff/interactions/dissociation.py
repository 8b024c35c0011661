"""Two fragments moved along the line between their centres of mass: dissociation curves and what they must satisfy."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from virialff.elements import ATOMIC_WEIGHTS, of_atoms
from virialff.errors import MoleculeError, ShapeError
from virialff.interactions.energies import interaction_energy
from virialff.methods.method import Method
from virialff.molecules.molecule import Molecule
from virialff.molecules.placement import pulled_apart


def _two_fragments(molecule: Molecule, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Checked positions (n_atoms, 3) and which atoms are of the second fragment, (n_atoms,) bool."""
    if molecule.n_fragments != 2:
        raise MoleculeError(f"a dissociation curve needs two fragments and this molecule has {molecule.n_fragments}")
    positions = np.asarray(positions, dtype=np.float64)
    if positions.shape != (molecule.n_atoms, 3):
        raise ShapeError(f"positions have shape {positions.shape}, expected ({molecule.n_atoms}, 3)")
    return positions, molecule.fragments == 1


def centre_separation(molecule: Molecule, positions: np.ndarray) -> tuple[float, np.ndarray]:
    """Distance in Angstrom between the centres of mass of two fragments, and the unit vector from first to second.

    positions: (n_atoms, 3). Raises MoleculeError unless there are two fragments with separate centres, ShapeError.
    """
    positions, second = _two_fragments(molecule, positions)
    masses = of_atoms(ATOMIC_WEIGHTS, molecule.numbers)
    centres = [np.average(positions[atoms], axis=0, weights=masses[atoms]) for atoms in (~second, second)]
    line = centres[1] - centres[0]
    distance = float(np.linalg.norm(line))
    if distance < 1e-6:
        raise MoleculeError("the two fragments have the same centre of mass, so there is no line to move them along")
    return distance, line / distance


def dissociation_positions(molecule: Molecule, positions: np.ndarray, separations: np.ndarray) -> np.ndarray:
    """Positions (n_separations, n_atoms, 3) with the centres of mass at `separations` (n_separations,), in Angstrom.

    The second fragment moves as a rigid body along the line between the centres, the first stays. Raises as
    `centre_separation`.
    """
    distance, direction = centre_separation(molecule, positions)
    return displaced(molecule, positions, np.asarray(separations, dtype=np.float64) - distance, direction)


def displaced(molecule: Molecule, positions: np.ndarray, shifts: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Positions (n_shifts, n_atoms, 3) with the second fragment moved by each of `shifts` along `direction` (3,)."""
    return pulled_apart(*_two_fragments(molecule, positions), shifts, direction)


def closest_contact(molecule: Molecule, positions: np.ndarray) -> np.ndarray:
    """Smallest distance in Angstrom between atoms of the two fragments, (n_conformers,).

    positions: (n_conformers, n_atoms, 3).
    """
    second = molecule.fragments == 1
    between = positions[:, ~second, None] - positions[:, None, second]
    return np.asarray(np.linalg.norm(between, axis=-1).min(axis=(1, 2)))


@dataclass(frozen=True, eq=False)
class DissociationCurve:
    """Interaction energies of one complex against the separation of its fragments.

    table: separation (Angstrom between centres of mass), contact (Angstrom, smallest distance between atoms of the
        two), and a column a method: E_int in kcal/mol, negative = bound.
    """

    table: pd.DataFrame
    methods: tuple[str, ...]

    def with_units(self) -> pd.DataFrame:
        """The table for people, every column with its unit."""
        lengths = {name: f"{name} (Angstrom)" for name in ("separation", "contact")}
        return self.table.rename(columns=lengths | {name: f"{name} (kcal/mol)" for name in self.methods})

    def minimum(self, method: str) -> tuple[float, float]:
        """Separation (Angstrom) and E_int (kcal/mol) of the most strongly bound point of a method."""
        energies = self.table[method].to_numpy()
        lowest = int(np.argmin(energies))
        return float(self.table["separation"].to_numpy()[lowest]), float(energies[lowest])

    def largest_step(self, method: str) -> float:
        """Largest change of E_int (kcal/mol) between neighbouring separations beyond the minimum: a jump shows here."""
        table = self.table.sort_values("separation")
        beyond = table[table["separation"] >= self.minimum(method)[0]][method].to_numpy()
        return float(np.abs(np.diff(beyond)).max()) if len(beyond) > 1 else 0.0


def dissociation_curve(
    molecule: Molecule,
    positions: np.ndarray,
    separations: np.ndarray,
    methods: Mapping[str, Method],
) -> DissociationCurve:
    """Interaction energies at a series of separations with every method.

    molecule: two fragments; positions: (n_atoms, 3); separations: (n_separations,), all in Angstrom.

    Raises MoleculeError, ShapeError, and what a method raises.
    """
    moved = dissociation_positions(molecule, positions, separations)
    table = pd.DataFrame(
        {"separation": np.asarray(separations, dtype=np.float64), "contact": closest_contact(molecule, moved)}
    )
    for name, method in methods.items():
        table[name] = interaction_energy(molecule, method, moved)
    return DissociationCurve(table, tuple(methods))


@dataclass(frozen=True)
class CompressionResult:
    """Does pushing two fragments together ever lead below the contact minimum? Energies E_int in kcal/mol.

    contact: smallest distance between atoms of the two at the start, Angstrom; contact_minimum: lowest E_int from 0.8
    of it outwards; compressed_minimum: lowest E_int from there inwards to half of it.
    """

    contact: float
    contact_minimum: float
    compressed_minimum: float

    @property
    def holds(self) -> bool:
        """True if no compressed geometry is more strongly bound than the contact minimum."""
        return self.compressed_minimum >= self.contact_minimum


def compression(
    molecule: Molecule,
    positions: np.ndarray,
    method: Method,
    *,
    n_points: int = 40,
) -> CompressionResult:
    """Push the fragments together along the line between their centres, until the closest atoms are at half distance.

    positions: (n_atoms, 3) in Angstrom. The well is searched from where the closest atoms are at 0.8 of that
    distance to 1 Angstrom beyond the given geometry, the wall from 0.8 inwards.

    Raises MoleculeError, ShapeError, and what the method raises.
    """
    distance, direction = centre_separation(molecule, positions)
    inwards = -np.linspace(0.0, distance, 40 * n_points)
    contacts = closest_contact(molecule, displaced(molecule, positions, inwards, direction))
    contact = float(contacts[0])
    edge = float(inwards[np.argmax(contacts <= 0.8 * contact)]) if (contacts <= 0.8 * contact).any() else -distance
    end = float(inwards[np.argmax(contacts <= 0.5 * contact)]) if (contacts <= 0.5 * contact).any() else -distance
    outer, inner = np.linspace(edge, 1.0, n_points), np.linspace(end, edge, n_points)
    well = interaction_energy(molecule, method, displaced(molecule, positions, outer, direction))
    wall = interaction_energy(molecule, method, displaced(molecule, positions, inner, direction))
    return CompressionResult(contact, float(np.min(well)), float(np.min(wall)))
