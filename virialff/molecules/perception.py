"""Covalent bonds from coordinates alone, for formats that carry none (XYZ, PDB)."""

from __future__ import annotations

import contextlib

import numpy as np

from virialff.elements import COVALENT_RADII, SYMBOL_OF, of_atoms
from virialff.errors import (
    LewisBudgetError,
    MissingHydrogensError,
    MoleculeError,
    NetChargeError,
    RadicalError,
    ValenceError,
)
from virialff.molecules.checks import label
from virialff.molecules.lewis import MAX_NEIGHBOURS, Lewis, lewis_structure
from virialff.molecules.resonance import Bonding, resonance_bonding
from virialff.molecules.topology import fragment_indices

# A pair is bonded up to factor * (r_i + r_j) + margin. The first limits separate every ordinary bond (FOOF, H2,
# strained C-C) from 1,3-distances in small cages (1.87 A in bicyclo[1.1.1]pentane); wider ones admit stretched ones.
_LIMITS = ((1.10, 0.10), (1.20, 0.15), (1.30, 0.15))
# Least Pauling bond-order sum, exp((r_i + r_j - d) / 0.3 A) over the neighbours, of an atom with all its hydrogens, by
# element and number of neighbours: the loosest are oximes, F-N=N-F and stretched sp2 carbon; sp carbon has 3.9 or more.
_LEAST_ORDER_SUM = {(6, 1): 2.6, (6, 2): 3.6, (6, 3): 3.25, (7, 1): 1.8, (7, 2): 2.4}
_LEAST_SUM_OF_LINEAR_NITROGEN = 3.4
# Longest bonds, Angstrom, that still have the order: halfway to the bond that a removed hydrogen leaves, as the C-O of
# a phenol (1.36) where the Lewis structure has a quinone.
_LONGEST = {
    (6, 6, 2): 1.47,
    (6, 6, 3): 1.28,
    (6, 7, 2): 1.39,
    (6, 7, 3): 1.23,
    (6, 8, 2): 1.32,
    (6, 8, 3): 1.17,
    (6, 16, 2): 1.80,
    (7, 7, 2): 1.34,
    (7, 7, 3): 1.19,
    (7, 8, 2): 1.31,
    (7, 15, 2): 1.65,
    (7, 16, 2): 1.63,
    (8, 15, 2): 1.56,
    (8, 16, 2): 1.56,
    (8, 17, 2): 1.58,
    (15, 16, 2): 2.04,
    (16, 16, 2): 2.02,
}
# The same for oxygen and sulfur with one neighbour that share a charge or a double bond (carboxylates).
_LONGEST_OF_LAST = {(6, 8): 1.32, (6, 16): 1.745, (8, 15): 1.56, (8, 16): 1.56, (15, 16): 2.04}
_SHOWN_ATOMS = 6


def bonded_pairs(
    numbers: np.ndarray, geometry: np.ndarray, *, factor: float = 1.10, margin: float = 0.10
) -> np.ndarray:
    """Pairs of atoms nearer than factor * (sum of covalent radii) + margin, (n_bonds, 2) int64 with i < j, sorted.

    numbers: (n_atoms,). geometry: (n_atoms, 3), Angstrom; margin in Angstrom. Hydrogens keep one neighbour only.
    """
    radii = of_atoms(COVALENT_RADII, numbers)
    difference = geometry[:, None, :] - geometry[None, :, :]
    distances = np.sqrt(np.einsum("ijk,ijk->ij", difference, difference))
    np.fill_diagonal(distances, np.inf)
    near = distances < factor * (radii[:, None] + radii[None, :]) + margin
    for hydrogen in np.flatnonzero((numbers == 1) & (near.sum(axis=1) > 1)):
        keep = int(np.where(near[hydrogen], distances[hydrogen], np.inf).argmin())
        near[hydrogen] = near[:, hydrogen] = False
        near[hydrogen, keep] = near[keep, hydrogen] = True
    return np.argwhere(np.triu(near)).astype(np.int64)


def perceive(numbers: np.ndarray, geometry: np.ndarray) -> tuple[np.ndarray, Bonding]:
    """Bonds (n_bonds, 2) and bonding of neutral closed-shell molecules at a geometry (n_atoms, 3), Angstrom.

    Raises MissingHydrogensError, NetChargeError, RadicalError or ValenceError with what does not fit.
    """
    first: np.ndarray | None = None
    for factor, margin in _LIMITS:
        bonds = bonded_pairs(numbers, geometry, factor=factor, margin=margin)
        first = bonds if first is None else first
        if _crowded(numbers, bonds):
            break
        bonding = resonance_bonding(numbers, bonds)
        if bonding is not None:
            lacking = _lacking_hydrogens(numbers, bonds, geometry, bonding.charges)
            lacking |= _contradicted(numbers, bonds, geometry, bonding)
            if lacking:
                raise _missing_hydrogens(numbers, lacking)
            return bonds, bonding
    assert first is not None
    lacking = _lacking_hydrogens(numbers, first, geometry, np.zeros_like(numbers))
    raise _missing_hydrogens(numbers, lacking) if lacking else misfit(numbers, first)


def _lacking_hydrogens(numbers: np.ndarray, bonds: np.ndarray, geometry: np.ndarray, charges: np.ndarray) -> set[int]:
    """Atoms whose neighbours are too few for their distances."""
    radii = of_atoms(COVALENT_RADII, numbers)
    i, j = bonds.T
    pauling = np.exp((radii[i] + radii[j] - np.linalg.norm(geometry[i] - geometry[j], axis=1)) / 0.3)
    sums = np.zeros(len(numbers))
    np.add.at(sums, bonds.ravel(), np.repeat(pauling, 2))
    degree = np.bincount(bonds.ravel(), minlength=len(numbers))
    found = {atom for atom, number in enumerate(numbers.tolist()) if number in (8, 16) and degree[atom] == 0}
    for atom, number in enumerate(numbers.tolist()):
        least = _LEAST_ORDER_SUM.get((number, int(degree[atom])), 0.0)
        if number == 7 and degree[atom] == 2 and charges[atom] > 0:
            least = _LEAST_SUM_OF_LINEAR_NITROGEN
        elif charges[atom]:  # carbon monoxide, isocyanides, ylides, aminides
            continue
        if sums[atom] < least:
            found.add(atom)
    return found


def _contradicted(numbers: np.ndarray, bonds: np.ndarray, geometry: np.ndarray, bonding: Bonding) -> set[int]:
    """Atoms that have a structure only because hydrogens are missing.

    Carbon with a charge outside CO, isocyanides and ylides, and ends of bonds too long for their order.
    """
    degree = np.bincount(bonds.ravel(), minlength=len(numbers))
    neighbours: list[list[int]] = [[] for _ in numbers]
    for i, j in bonds.tolist():
        neighbours[i].append(j)
        neighbours[j].append(i)
    charged = np.flatnonzero((numbers == 6) & (bonding.charges != 0)).tolist()
    found = {
        atom
        for atom in charged
        if bonding.charges[atom] > 0 or not any(bonding.charges[other] > 0 for other in neighbours[atom])
    }
    lengths = np.linalg.norm(geometry[bonds[:, 0]] - geometry[bonds[:, 1]], axis=1)
    for (i, j), order, length in zip(bonds.tolist(), bonding.orders.tolist(), lengths.tolist(), strict=True):
        first, second = sorted((int(numbers[i]), int(numbers[j])))
        limit = _LONGEST.get((first, second, int(order)), np.inf) if order in (2, 3) else np.inf
        ends = [atom for atom in (i, j) if degree[atom] == 1 and numbers[atom] in (8, 16)]
        if ends and not any(degree[atom] == 4 for atom in (i, j)):
            limit = min(limit, _LONGEST_OF_LAST.get((first, second), np.inf))
        if length > limit:
            found.update(ends or [atom for atom in (i, j) if numbers[atom] != 6] or [i, j])
    return found


def _ions(numbers: np.ndarray, bonds: np.ndarray) -> list[tuple[int, Lewis]]:
    """Charges with which a fragment has a Lewis structure, as far as that is soon known."""
    found = []
    for charge in (1, -1, 2, -2):
        with contextlib.suppress(LewisBudgetError):
            ion = lewis_structure(numbers, bonds, charge=charge, quick=True)
            if ion is not None:
                found.append((charge, ion))
    return found


def _missing_hydrogens(numbers: np.ndarray, atoms: set[int]) -> MissingHydrogensError:
    named = [label(SYMBOL_OF[int(numbers[atom])], atom) for atom in sorted(atoms)]
    shown = ", ".join(named[1:_SHOWN_ATOMS]) + (", ..." if len(named) > _SHOWN_ATOMS else "")
    more = f", and so does {shown}" if len(named) == 2 else f", and so do {shown}" if shown else ""
    return MissingHydrogensError(
        f"{named[0]} seems to lack hydrogens, judged by its neighbours and their distances{more}; add them with their "
        "coordinates (Open Babel: obabel -h)",
        atom=min(atoms) + 1,
    )


def _crowded(numbers: np.ndarray, bonds: np.ndarray) -> bool:
    """Whether an atom has more neighbours than it can bind: wider limits only add some."""
    degree = np.bincount(bonds.ravel(), minlength=len(numbers))
    return bool((degree > of_atoms(MAX_NEIGHBOURS, numbers)).any())


def misfit(numbers: np.ndarray, bonds: np.ndarray) -> MoleculeError:
    """The error to raise for elements and bonds that no neutral closed-shell Lewis structure fits."""
    degree = np.bincount(bonds.ravel(), minlength=len(numbers)) if len(bonds) else np.zeros(len(numbers), dtype=int)
    for atom, number in enumerate(numbers.tolist()):
        if degree[atom] > MAX_NEIGHBOURS[number]:
            return ValenceError(
                f"{label(SYMBOL_OF[number], atom)} has {degree[atom]} neighbours at bonding distance, more than it can "
                "bind; check the coordinates and their unit (Angstrom)",
                atom=atom + 1,
            )
    fragments = fragment_indices(len(numbers), bonds)
    for fragment in range(int(fragments.max()) + 1):
        atoms = np.flatnonzero(fragments == fragment)
        local = np.searchsorted(atoms, bonds[fragments[bonds[:, 0]] == fragment])
        if resonance_bonding(numbers[atoms], local) is not None:
            continue
        start = int(atoms[0])
        name = label(SYMBOL_OF[int(numbers[start])], start)
        where = "the molecule" if len(atoms) == len(numbers) else f"the fragment of {len(atoms)} atoms with {name}"
        odd = int(numbers[atoms].sum()) % 2 == 1
        start_of = f"{where} has an odd number of electrons: it" if odd else where
        ions = _ions(numbers[atoms], local)
        # Ions carry their charge on a heteroatom; a fit that needs it on carbon is more likely a radical.
        fitting = [(ion.cost, q) for q, ion in ions if not ion.charges[numbers[atoms] == 6].any()]
        if fitting:
            return NetChargeError(
                f"{start_of} fits an ion of charge {min(fitting)[1]:+d}{' or is a radical' if odd else ''}, and only "
                "neutral closed-shell molecules are covered: add or remove a proton to make it neutral",
                atom=start + 1,
            )
        if odd:
            return RadicalError(
                f"{start_of} is a radical or an ion, or a hydrogen is missing; only neutral closed-shell molecules are "
                "covered",
                atom=start + 1,
            )
        return ValenceError(
            f"{where} has no neutral closed-shell Lewis structure with these bonds; check for missing hydrogens and "
            "wrong distances",
            atom=start + 1,
        )
    return ValenceError("the bonds fit no Lewis structure; check them")
