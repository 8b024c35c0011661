"""Contacts between the molecules of a complex: hydrogen bonds, halogen bonds, and atoms nearer than they touch.

By geometry alone. A hydrogen bond D-H...A has its hydrogen within the sum of the van der Waals radii and an angle above
110 degrees (Arunan et al., Pure Appl. Chem. 83, 1637 (2011)); a halogen bond R-X...A is near a straight line (Desiraju
et al., Pure Appl. Chem. 85, 1711 (2013)).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from virialff.elements import VAN_DER_WAALS_RADII, of_atoms
from virialff.errors import ShapeError
from virialff.molecules.coordinates import angle
from virialff.molecules.molecule import Molecule
from virialff.molecules.topology import neighbor_lists

HYDROGEN_BOND, HALOGEN_BOND, WEAK, CLOSE = "hydrogen bond", "halogen bond", "C–H contact", "close contact"
#: In the order in which they are told.
KINDS = (HYDROGEN_BOND, HALOGEN_BOND, WEAK, CLOSE)
_HYDROGEN, _CARBON = 1, 6
_DONORS = (7, 8, 9, 16)
_ACCEPTORS = (7, 8, 9, 16, 17, 35)
_HALOGENS = (17, 35)
_LEAST_ANGLE = {HYDROGEN_BOND: 110.0, WEAK: 120.0, HALOGEN_BOND: 140.0}


def find_contacts(molecule: Molecule, positions: ArrayLike) -> pd.DataFrame:
    """The contacts between the molecules of a complex.

    Parameters
    ----------
    molecule : Molecule
        Of two or more fragments; one alone has no contacts.
    positions : array_like, shape (n_atoms, 3)
        In Angstrom.

    Returns
    -------
    DataFrame
        A row a contact: i and j from 0, of which i is the hydrogen or halogen where there is one; kind, one of KINDS;
        distance in Angstrom; angle in degrees at i, NaN for a close contact; inside, by how much the distance is
        below the sum of the van der Waals radii, Angstrom. The kinds in their order, the deepest of each first. The two
        heavy atoms of a hydrogen bond, and its hydrogen with what its acceptor is bonded to, are no contacts beside it.

    Raises
    ------
    ShapeError
        If `positions` have another shape.
    """
    points = np.asarray(positions, dtype=np.float64)
    if points.shape != (molecule.n_atoms, 3):
        raise ShapeError(f"positions have shape {points.shape}, expected ({molecule.n_atoms}, 3)")
    radii = of_atoms(VAN_DER_WAALS_RADII, molecule.numbers)
    first, second = np.triu_indices(molecule.n_atoms, k=1)
    apart = molecule.fragments[first] != molecule.fragments[second]
    first, second = first[apart], second[apart]
    distances = np.linalg.norm(points[first] - points[second], axis=1)
    inside = radii[first] + radii[second] - distances
    near = np.flatnonzero(inside > 0)
    neighbors = neighbor_lists(molecule.n_atoms, molecule.bonds)
    rows = []
    for pair in near[np.argsort(-inside[near], kind="stable")]:
        i, j, kind, angle = _directed(molecule, points, neighbors, int(first[pair]), int(second[pair]))
        rows.append((i, j, kind, float(distances[pair]), angle, float(inside[pair])))
    bridged = {
        frozenset(pair)
        for i, j, kind, *_ in rows
        if kind == HYDROGEN_BOND
        for pair in ((neighbors[i][0], j), *((i, beyond) for beyond in neighbors[j]))
    }
    rows = [row for row in rows if row[2] != CLOSE or frozenset(row[:2]) not in bridged]
    rows.sort(key=lambda row: KINDS.index(row[2]))
    table = pd.DataFrame(rows, columns=["i", "j", "kind", "distance", "angle", "inside"])
    return table.astype({"i": int, "j": int, "distance": float, "angle": float, "inside": float})


def _directed(
    molecule: Molecule, points: np.ndarray, neighbors: list[list[int]], a: int, b: int
) -> tuple[int, int, str, float]:
    """The two atoms with the hydrogen or halogen first, what their contact is, and its angle."""
    for i, j in ((a, b), (b, a)):
        number, other = int(molecule.numbers[i]), int(molecule.numbers[j])
        if len(neighbors[i]) != 1 or other not in _ACCEPTORS or len(neighbors[j]) > 3:
            continue
        holder = neighbors[i][0]
        bent = angle(points[holder], points[i], points[j])
        kind = CLOSE
        if number == _HYDROGEN:
            held_by = int(molecule.numbers[holder])
            kind = HYDROGEN_BOND if held_by in _DONORS else WEAK if held_by == _CARBON else CLOSE
        elif number in _HALOGENS:
            kind = HALOGEN_BOND
        if kind != CLOSE and bent >= _LEAST_ANGLE[kind]:
            return i, j, kind, bent
    return a, b, CLOSE, float("nan")
