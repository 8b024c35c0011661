"""Two molecules put together in space: one atom of each at a given distance, facing each other.

This is a starting geometry, not a docked one: the atom of the second molecule lies where the atom of the first points
to, away from the atoms it is bonded to, and the other way round.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from virialff.errors import MissingCoordinatesError
from virialff.molecules.molecule import Molecule
from virialff.molecules.placement import contact_distances, rotation_onto

_HYDROGEN = 1
_ACCEPTORS = (7, 8, 9, 16, 17, 35)
# Of the sum of van der Waals radii: a hydrogen bond is shorter than a contact.
_HYDROGEN_BOND = 0.75
_TURNS = 36


class Contact(NamedTuple):
    """Atoms of both molecules, from 0, and their distance in Angstrom."""

    first: int
    second: int
    distance: float


def suggest_contact(
    first: Molecule, second: Molecule, first_charges: np.ndarray, second_charges: np.ndarray
) -> Contact:
    """The two atoms whose charges attract most, a hydrogen and an acceptor where there are such, at a usual distance.

    charges: (n_atoms,) in e. The distance is the sum of the van der Waals radii, three quarters of it for a hydrogen
    bond.
    """
    product = np.outer(first_charges, second_charges)
    h, acceptor = ([np.isin(m.numbers, kinds) for m in (first, second)] for kinds in ((_HYDROGEN,), _ACCEPTORS))
    bonding = np.outer(h[0], acceptor[1]) | np.outer(acceptor[0], h[1])
    attractive = bonding & (product < 0)
    hydrogen_bond = bool(attractive.any())
    i, j = np.unravel_index(
        np.where(attractive, product, np.inf).argmin() if hydrogen_bond else product.argmin(), product.shape
    )
    radii = float(contact_distances(first.numbers, second.numbers)[i, j])
    return Contact(int(i), int(j), round(radii * (_HYDROGEN_BOND if hydrogen_bond else 1.0), 2))


def bring_together(first: Molecule, second: Molecule, contact: Contact, *, turn: float | None = None) -> Molecule:
    """The complex of two molecules, the first where it is and the second moved as a whole.

    Parameters
    ----------
    first, second : Molecule
        With one conformer each.
    contact : Contact
        Which atoms face each other, and their distance in Angstrom.
    turn : float, optional
        Angle in degrees by which the second is turned about the line of the contact; by default the one that keeps the
        other atoms furthest apart.

    Returns
    -------
    Molecule
        Of the fragments of both, with one conformer.

    Raises
    ------
    MissingCoordinatesError
        Unless each has one conformer.
    IndexError
        For an atom that is not there.
    OverlappingAtomsError
        If atoms of the two would lie on each other.
    """
    for name, molecule in (("first", first), ("second", second)):
        if molecule.n_conformers != 1:
            raise MissingCoordinatesError(
                f"the {name} molecule has {molecule.n_conformers} conformers and exactly one is needed to place it"
            )
    a, b = first.positions[0], second.positions[0]
    axis = outward(first, contact.first)
    turned = rotation_onto(outward(second, contact.second), -axis).apply(b - b[contact.second])
    target = a[contact.first] + contact.distance * axis
    if turn is None:
        angles = np.arange(_TURNS) * 360.0 / _TURNS
        gaps = [_smallest_gap(a, target + _about(axis, angle).apply(turned), contact) for angle in angles]
        turn = float(angles[int(np.argmax(gaps))])
    placed = target + _about(axis, turn).apply(turned)
    complex_ = Molecule.join(first, second.with_positions(placed))
    # Joining does not look at the distances between its parts.
    return complex_.with_positions(complex_.positions)


def outward(molecule: Molecule, atom: int) -> np.ndarray:
    """Unit vector (3,) from the atoms that an atom is bonded to towards it, in the first conformer."""
    positions = molecule.positions[0]
    bonds = molecule.bonds[(molecule.bonds == atom).any(axis=1)]
    neighbours = bonds[bonds != atom]
    directions = [positions[neighbours].mean(axis=0)] if len(neighbours) else []
    for origin in (*directions, positions.mean(axis=0)):
        vector = positions[atom] - origin
        length = np.linalg.norm(vector)
        if length > 0.05:
            return np.asarray(vector / length)
    # A planar atom in the middle of the molecule faces up.
    return np.asarray(np.linalg.svd(positions - positions.mean(axis=0), full_matrices=True)[2][2])


def _about(axis: np.ndarray, degrees: float) -> Rotation:
    return Rotation.from_rotvec(degrees * axis, degrees=True)


def _smallest_gap(a: np.ndarray, b: np.ndarray, contact: Contact) -> float:
    """The smallest distance between the molecules but that of the contact itself."""
    distances = np.linalg.norm(a[:, None] - b[None], axis=-1)
    distances[contact.first, contact.second] = np.inf
    return float(distances.min())
