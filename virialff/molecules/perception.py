"""Covalent bonds from coordinates alone, for formats that carry none (XYZ, PDB)."""

from __future__ import annotations

import numpy as np

from virialff.elements import COVALENT_RADII, SYMBOL_OF, of_atoms
from virialff.errors import MissingHydrogensError, MoleculeError, NetChargeError, RadicalError, ValenceError
from virialff.molecules.checks import label
from virialff.molecules.lewis import MAX_NEIGHBOURS, lewis_structure
from virialff.molecules.resonance import Bonding, resonance_bonding
from virialff.molecules.topology import fragment_indices

# A pair is bonded up to factor * (r_i + r_j) + margin. The first limits separate every ordinary bond (FOOF, H2,
# strained C-C) from 1,3-distances in small cages (1.87 A in bicyclo[1.1.1]pentane); wider ones admit stretched ones.
_LIMITS = ((1.10, 0.10), (1.20, 0.15), (1.30, 0.15))
# Least Pauling bond-order sum, exp((r_i + r_j - d) / 0.3 A) over the neighbours, of an atom with all its hydrogens.
_LEAST_ORDER_SUM = {6: 3.25, 7: 2.2}
_FULL_DEGREE = {6: 4, 7: 3}


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
        bonding = resonance_bonding(numbers, bonds)
        if bonding is not None:
            _check_hydrogens(numbers, bonds, geometry, bonding.charges)
            return bonds, bonding
    assert first is not None
    _check_hydrogens(numbers, first, geometry, np.zeros_like(numbers))
    raise misfit(numbers, first)


def _check_hydrogens(numbers: np.ndarray, bonds: np.ndarray, geometry: np.ndarray, charges: np.ndarray) -> None:
    radii = of_atoms(COVALENT_RADII, numbers)
    i, j = bonds.T
    pauling = np.exp((radii[i] + radii[j] - np.linalg.norm(geometry[i] - geometry[j], axis=1)) / 0.3)
    sums = np.zeros(len(numbers))
    np.add.at(sums, bonds.ravel(), np.repeat(pauling, 2))
    degree = np.bincount(bonds.ravel(), minlength=len(numbers))
    lacking = [
        atom
        for atom, number in enumerate(numbers.tolist())
        if number in _FULL_DEGREE
        and degree[atom] < _FULL_DEGREE[number]
        and sums[atom] < _LEAST_ORDER_SUM[number]
        and not charges[atom]  # carbon monoxide and isocyanides
    ]
    bare = [atom for atom, number in enumerate(numbers.tolist()) if number in (8, 16) and degree[atom] == 0]
    if lacking or bare:
        atom = (lacking or bare)[0]
        others = len(lacking) + len(bare) - 1
        more = f", and so do {others} more atoms" if others > 1 else ", and so does one more atom" if others else ""
        raise MissingHydrogensError(
            f"{label(SYMBOL_OF[int(numbers[atom])], atom)} seems to lack hydrogens, judged by its neighbours and their "
            f"distances{more}; add them with their coordinates (Open Babel: obabel -h)",
            atom=atom + 1,
        )


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
        if lewis_structure(numbers[atoms], local) is not None:
            continue
        start = int(atoms[0])
        name = label(SYMBOL_OF[int(numbers[start])], start)
        where = "the molecule" if len(atoms) == len(numbers) else f"the fragment of {len(atoms)} atoms with {name}"
        odd = int(numbers[atoms].sum()) % 2 == 1
        start_of = f"{where} has an odd number of electrons: it" if odd else where
        ions = [(charge, lewis_structure(numbers[atoms], local, charge=charge)) for charge in (1, -1, 2, -2)]
        # Ions carry their charge on a heteroatom; a fit that needs it on carbon is more likely a radical.
        fitting = [(ion.cost, q) for q, ion in ions if ion is not None and not ion.charges[numbers[atoms] == 6].any()]
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
