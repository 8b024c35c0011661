"""What a molecule must be for the method to apply; each check raises its own error."""

from collections.abc import Callable

import numpy as np
from rdkit import Chem

from virialff.elements import ELEMENTS, SYMBOL_OF
from virialff.errors import (
    IsotopeError,
    MissingCoordinatesError,
    MissingHydrogensError,
    NetChargeError,
    NoAtomsError,
    OverlappingAtomsError,
    RadicalError,
    ShapeError,
    TooManyAtomsError,
    UnsupportedBondError,
    UnsupportedElementError,
)

#: More atoms than this are refused unless the caller says otherwise: the pairs grow with the square.
DEFAULT_MAX_ATOMS = 300
#: Two nuclei nearer than this (Angstrom) cannot be meant; H2, the shortest bond, has 0.74.
SHORTEST_DISTANCE = 0.5

_BOND_TYPES = {
    Chem.BondType.SINGLE,
    Chem.BondType.DOUBLE,
    Chem.BondType.TRIPLE,
    Chem.BondType.AROMATIC,
}


def label(symbol: str, index: int) -> str:
    """How messages name an atom: "atom 3 (C)", counted from 1."""
    return f"atom {index + 1} ({symbol})"


def check_size(n_atoms: int, max_atoms: int) -> None:
    """Raise NoAtomsError or TooManyAtomsError unless 0 < n_atoms <= max_atoms."""
    if n_atoms == 0:
        raise NoAtomsError("it has no atoms; give a molecule with at least one")
    if n_atoms > max_atoms:
        raise TooManyAtomsError(
            f"it has {n_atoms} atoms, more than the limit of {max_atoms}; give a smaller molecule or raise max_atoms"
        )


def check_atoms(mol: Chem.Mol) -> None:
    """Raise UnsupportedElementError or IsotopeError for the first atom outside the method."""
    for atom in mol.GetAtoms():
        name = label(atom.GetSymbol(), atom.GetIdx())
        if atom.GetAtomicNum() not in SYMBOL_OF:
            raise UnsupportedElementError(
                f"{name} is of an element that the method does not cover; it covers {', '.join(ELEMENTS)}",
                atom=atom.GetIdx() + 1,
            )
        if atom.GetIsotope():
            raise IsotopeError(
                f"{name} carries the isotope label {atom.GetIsotope()}; remove the label, "
                "as energies do not depend on isotopes",
                atom=atom.GetIdx() + 1,
            )


def check_bonds(mol: Chem.Mol) -> None:
    """Raise UnsupportedBondError unless every bond is single, double, triple or aromatic."""
    for bond in mol.GetBonds():
        if bond.GetBondType() not in _BOND_TYPES:
            first, second = bond.GetBeginAtom(), bond.GetEndAtom()
            raise UnsupportedBondError(
                f"the bond between {label(first.GetSymbol(), first.GetIdx())} and "
                f"{label(second.GetSymbol(), second.GetIdx())} is of type {str(bond.GetBondType()).lower()}; "
                "draw it as a single, double or triple bond, or leave it out between separate molecules",
                atom=first.GetIdx() + 1,
            )


def check_radicals(mol: Chem.Mol) -> None:
    """Raise RadicalError for the first atom with unpaired electrons."""
    for atom in mol.GetAtoms():
        if atom.GetNumRadicalElectrons():
            raise RadicalError(
                f"{label(atom.GetSymbol(), atom.GetIdx())} has unpaired electrons; only closed-shell molecules are "
                "covered: add the missing hydrogen or bond",
                atom=atom.GetIdx() + 1,
            )


def check_hydrogens(mol: Chem.Mol) -> None:
    """Raise MissingHydrogensError for the first atom with implicit hydrogens."""
    lacking = [atom for atom in mol.GetAtoms() if atom.GetTotalNumHs() > 0]
    if lacking:
        atom = lacking[0]
        n = atom.GetTotalNumHs()
        others = f", and {len(lacking) - 1} more atoms lack some" if len(lacking) > 1 else ""
        raise MissingHydrogensError(
            f"{label(atom.GetSymbol(), atom.GetIdx())} lacks {n} hydrogen{'s' if n > 1 else ''}{others}; add them with "
            "their coordinates (RDKit: Chem.AddHs(mol, addCoords=True); Open Babel: obabel -h)",
            atom=atom.GetIdx() + 1,
        )


def check_charges(mol: Chem.Mol, fragments: np.ndarray, formula: Callable[[np.ndarray], str]) -> None:
    """Raise NetChargeError for the first fragment whose formal charges do not sum to zero.

    `fragments` (n_atoms,) is the fragment of each atom; `formula` turns atom indices into a Hill formula.
    """
    charges = np.array([atom.GetFormalCharge() for atom in mol.GetAtoms()], dtype=np.int64)
    totals = np.bincount(fragments, weights=charges).astype(int)
    if not totals.any():
        return
    fragment = int(np.flatnonzero(totals)[0])
    members = np.flatnonzero(fragments == fragment)
    where = "it" if len(totals) == 1 else f"fragment {fragment + 1} ({formula(members)}, from atom {members[0] + 1} on)"
    advice = (
        "add or remove a proton to make it neutral"
        if len(totals) == 1
        else "draw a salt as its neutral acid and base (ammonium acetate as acetic acid and ammonia)"
    )
    raise NetChargeError(
        f"{where} has the net charge {totals[fragment]:+d}, and only neutral molecules are covered: {advice}",
        atom=int(members[0]) + 1,
    )


def check_positions(positions: np.ndarray, numbers: np.ndarray) -> None:
    """Raise an error unless positions (n_conformers, n_atoms, 3), Angstrom, are finite and no two atoms overlap.

    Raises ShapeError, MissingCoordinatesError (not finite) or OverlappingAtomsError.
    """
    n_atoms = len(numbers)
    if positions.ndim != 3 or positions.shape[1:] != (n_atoms, 3):
        raise ShapeError(f"positions have shape {positions.shape}, expected (n_conformers, {n_atoms}, 3)")
    for index, geometry in enumerate(positions):
        where = f" in conformer {index + 1}" if len(positions) > 1 else ""
        bad = np.flatnonzero(~np.isfinite(geometry).all(axis=1))
        if len(bad):
            raise MissingCoordinatesError(
                f"{label(SYMBOL_OF[int(numbers[bad[0]])], int(bad[0]))} has coordinates that are not finite "
                f"numbers{where}; give x, y and z in Angstrom",
                atom=int(bad[0]) + 1,
            )
        squared = _squared_distances(geometry)
        i, j = np.unravel_index(int(squared.argmin()), squared.shape)
        if squared[i, j] < SHORTEST_DISTANCE**2:
            first, second = sorted((int(i), int(j)))
            raise OverlappingAtomsError(
                f"{label(SYMBOL_OF[int(numbers[first])], first)} and {label(SYMBOL_OF[int(numbers[second])], second)} "
                f"are {np.sqrt(squared[i, j]):.2f} Angstrom apart{where}; check the coordinates and their unit (Angstrom)",
                atom=first + 1,
            )


def _squared_distances(geometry: np.ndarray) -> np.ndarray:
    difference = geometry[:, None, :] - geometry[None, :, :]
    squared = np.einsum("ijk,ijk->ij", difference, difference)
    np.fill_diagonal(squared, np.inf)
    return squared
