"""What a molecule must be for the method to apply; each check raises its own error."""

import re
from collections.abc import Callable

import numpy as np
from rdkit import Chem

from virialff.elements import COVALENT_RADII, ELEMENTS, SYMBOL_OF, of_atoms
from virialff.errors import (
    FlatCoordinatesError,
    IncompleteStructureError,
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
    ValenceError,
)
from virialff.molecules.rdkit_items import atoms_of, bonds_of
from virialff.molecules.topology import BOND_ORDERS
from virialff.text import counted

#: More atoms than this are refused unless the caller says otherwise: the pairs grow with the square.
DEFAULT_MAX_ATOMS = 300
#: Two nuclei nearer than this (Angstrom) cannot be meant; H2, the shortest bond, has 0.74.
SHORTEST_DISTANCE = 0.5
#: Coordinates beyond (Angstrom) are no molecule's, and their squares would be.
LARGEST_COORDINATE = 1e6

_COMPLETE_GROUPS = ("DAT", "SUP")
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
            f"it has {n_atoms} atoms, more than the limit of {max_atoms}; give a smaller molecule or raise the limit"
        )


def check_complete(mol: Chem.Mol) -> None:
    """Raise IncompleteStructureError for what stands for several molecules, or for a part of one.

    Attachment points, R groups, query atoms and bonds, link nodes, bonds to several atoms, and groups that repeat
    or are open in number: all S-groups but data and abbreviations, whose atoms are there. UnsupportedElementError where
    the atom is of no element.
    """
    advice = "draw one complete molecule"
    for atom in atoms_of(mol):
        if not atom.HasQuery() and not len(atom.GetPropNames(True)):
            continue
        name = label(atom.GetSymbol(), atom.GetIdx())
        what = None
        if atom.HasProp("molAttchpt") or "_AP" in _text(atom, "atomLabel"):
            what = "has an attachment point"
        elif atom.HasProp("_MolFileRLabel") or re.fullmatch(r"_?R\d*", _text(atom, "atomLabel")):
            what = "is an R group"
        elif atom.HasQuery():
            what = "is a query atom"
        elif not _names_element(alias := _text(atom, "molFileAlias"), atom.GetSymbol()):
            what = f"is written as {alias[:20]!r}, which stands for a group"
        if what is not None:
            kind = IncompleteStructureError if atom.GetAtomicNum() else UnsupportedElementError
            raise kind(f"{name} {what}; {advice}", atom=atom.GetIdx() + 1)
    for bond in bonds_of(mol):
        if bond.HasProp("_MolFileBondEndPts"):
            index = bond.GetBeginAtomIdx()
            raise IncompleteStructureError(
                f"the bond at {label(bond.GetBeginAtom().GetSymbol(), index)} has several possible ends; {advice}",
                atom=index + 1,
            )
    # RDKit leaves what it does not read of a SMILES extension, such as bonds with several ends.
    if mol.HasProp("_molLinkNodes") or re.search(r"[|,](LN|m):", _text(mol, "_CXSMILES_Data")):
        raise IncompleteStructureError(f"it has a link node or a bond with several possible ends; {advice}")
    for group in Chem.GetMolSubstanceGroups(mol):
        group_type = group.GetProp("TYPE")
        if group_type not in _COMPLETE_GROUPS:
            raise IncompleteStructureError(
                f"it has a group in brackets of type {group_type} (a repeat unit, mixture or monomer); {advice}"
            )


def _names_element(alias: str, symbol: str) -> bool:
    """Whether the label of an atom in a MOL file is the element with its hydrogens and a number, and no group."""
    return not alias or re.fullmatch(rf"(H\d*)?{symbol}(H\d*)?[+-]?[\d'\"*_ ]*", alias.strip()) is not None


def _text(item: Chem.Mol | Chem.Atom, name: str) -> str:
    return str(item.GetProp(name)) if item.HasProp(name) else ""


def check_ground_state(numbers: np.ndarray, fragments: np.ndarray) -> None:
    """Raise RadicalError for O2, S2 and SO, whose ground states are triplets although a double bond can be drawn."""
    for fragment in np.flatnonzero(np.bincount(fragments) == 2):
        first, second = np.flatnonzero(fragments == fragment).tolist()
        if numbers[first] in (8, 16) and numbers[second] in (8, 16):
            names = " and ".join(label(SYMBOL_OF[int(numbers[atom])], atom) for atom in (first, second))
            raise RadicalError(
                f"the molecule of {names} has two unpaired electrons in its ground state; only closed-shell molecules "
                "are covered",
                atom=first + 1,
            )


def check_atoms(mol: Chem.Mol) -> None:
    """Raise UnsupportedElementError or IsotopeError for the first atom outside the method."""
    for atom in atoms_of(mol):
        if atom.GetAtomicNum() in SYMBOL_OF and not atom.GetIsotope():
            continue
        name = label(atom.GetSymbol(), atom.GetIdx())
        if atom.GetAtomicNum() not in SYMBOL_OF:
            raise UnsupportedElementError(_not_covered(name), atom=atom.GetIdx() + 1)
        if atom.GetIsotope():
            raise IsotopeError(
                f"{name} carries the isotope label {atom.GetIsotope()}; remove the label, "
                "as energies do not depend on isotopes",
                atom=atom.GetIdx() + 1,
            )


def check_numbers(numbers: np.ndarray) -> None:
    """Raise UnsupportedElementError for the first atomic number outside the method."""
    for index, number in enumerate(numbers.tolist()):
        if number not in SYMBOL_OF:
            symbol = Chem.GetPeriodicTable().GetElementSymbol(number) if 0 < number < 119 else f"Z = {number}"
            raise UnsupportedElementError(_not_covered(label(symbol, index)), atom=index + 1)


def _not_covered(name: str) -> str:
    return f"{name} is of an element that the method does not cover; it covers {', '.join(ELEMENTS)}"


def check_bonds(mol: Chem.Mol) -> None:
    """Raise UnsupportedBondError unless every bond is single, double, triple or aromatic."""
    for bond in bonds_of(mol):
        if bond.GetBondType() not in _BOND_TYPES:
            first, second = bond.GetBeginAtom(), bond.GetEndAtom()
            raise UnsupportedBondError(
                f"the bond between {label(first.GetSymbol(), first.GetIdx())} and "
                f"{label(second.GetSymbol(), second.GetIdx())} is of type {str(bond.GetBondType()).lower()}; "
                "draw it as a single, double or triple bond, or leave it out between separate molecules",
                atom=first.GetIdx() + 1,
            )


def sorted_bonds(numbers: np.ndarray, bonds: np.ndarray, orders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bonds (n_bonds, 2) int64 with i < j in ascending order, and their orders (n_bonds,).

    Raises ShapeError (shapes, atoms that do not exist, a bond given twice) or UnsupportedBondError (an order that is
    not 1, 2, 3 or 1.5).
    """
    bonds = bonds.reshape(-1, 2) if bonds.size == 0 else bonds
    if bonds.ndim != 2 or bonds.shape[1] != 2 or not np.all(np.equal(np.mod(bonds, 1), 0)):
        raise ShapeError(f"bonds have shape {bonds.shape}, expected (n_bonds, 2) atom indices")
    if orders.shape != (len(bonds),):
        raise ShapeError(f"orders have shape {orders.shape}, expected ({len(bonds)},), one for each bond")
    bonds = np.sort(bonds.astype(np.int64), axis=1)
    wrong = (bonds < 0).any(axis=1) | (bonds >= len(numbers)).any(axis=1) | (bonds[:, 0] == bonds[:, 1])
    if wrong.any():
        i, j = bonds[int(wrong.argmax())]
        raise ShapeError(f"a bond joins atoms {i} and {j}; expected two different indices from 0 to {len(numbers) - 1}")
    if len(np.unique(bonds, axis=0)) < len(bonds):
        raise ShapeError("bonds name the same pair of atoms twice; give each bond once")
    unknown = ~np.isin(orders, BOND_ORDERS)
    if unknown.any():
        i, j = bonds[int(unknown.argmax())]
        raise UnsupportedBondError(
            f"the bond between {label(SYMBOL_OF[int(numbers[i])], i)} and {label(SYMBOL_OF[int(numbers[j])], j)} has "
            f"the order {orders[int(unknown.argmax())]:g}; give 1, 2, 3, or 1.5 for aromatic bonds",
            atom=int(i) + 1,
        )
    order = np.lexsort((bonds[:, 1], bonds[:, 0]))
    return bonds[order], orders[order]


def wrong_orders(numbers: np.ndarray, bonds: np.ndarray, orders: np.ndarray) -> ValenceError:
    """The error to raise for bond orders that fit no Lewis structure although the bonds themselves do."""
    sums = np.zeros(len(numbers))
    np.add.at(sums, bonds.ravel(), np.repeat(orders, 2))
    usual = {1: (1,), 6: (4,), 7: (3, 4), 8: (2, 1), 9: (1,)}
    for atom, number in enumerate(numbers.tolist()):
        touches = orders[(bonds == atom).any(axis=1)]
        if number in usual and 1.5 not in touches and sums[atom] not in usual[number]:
            return ValenceError(
                f"{label(SYMBOL_OF[number], atom)} has bonds of orders that add up to {sums[atom]:g}; correct them, "
                "and give every hydrogen",
                atom=atom + 1,
            )
    return ValenceError("the bond orders fit no neutral closed-shell Lewis structure; correct them or give 1.5")


def chemistry_problem(mol: Chem.Mol) -> ValenceError | None:
    """The error for the first thing that keeps an unsanitised RDKit molecule from being sanitised, or None."""
    mol = Chem.Mol(mol)
    Chem.Cleanup(mol)
    for problem in Chem.DetectChemistryProblems(mol):
        several = hasattr(problem, "GetAtomIndices")
        indices = list(problem.GetAtomIndices()) if several else [problem.GetAtomIdx()]
        atoms = [mol.GetAtomWithIdx(int(index)) for index in indices]
        names = [label(atom.GetSymbol(), atom.GetIdx()) for atom in atoms]
        first = int(indices[0]) + 1
        if problem.GetType() == "AtomValenceException":
            valence = atoms[0].GetNumExplicitHs() + sum(bond.GetBondTypeAsDouble() for bond in atoms[0].GetBonds())
            return ValenceError(
                f"{names[0]} has too many bonds (their orders add up to {valence:g}); remove one, or give it its "
                "charge",
                atom=first,
            )
        if problem.GetType() == "KekulizeException":
            shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
            return ValenceError(
                f"{shown} are written as aromatic but cannot be given alternating double bonds; write the missing "
                "hydrogen ([nH] in SMILES) or correct the ring",
                atom=first,
            )
        if problem.GetType() == "AtomKekulizeException":
            return ValenceError(f"{names[0]} is written as aromatic but is in no ring; correct it", atom=first)
    return None


def check_radicals(mol: Chem.Mol) -> None:
    """Raise RadicalError for the first atom with unpaired electrons."""
    for atom in atoms_of(mol):
        if atom.GetNumRadicalElectrons():
            raise RadicalError(
                f"{label(atom.GetSymbol(), atom.GetIdx())} has unpaired electrons; only closed-shell molecules are "
                "covered: add the missing hydrogen or bond",
                atom=atom.GetIdx() + 1,
            )


def check_hydrogens(mol: Chem.Mol) -> None:
    """Raise MissingHydrogensError for the first atom with implicit hydrogens."""
    lacking = [atom for atom in atoms_of(mol) if atom.GetTotalNumHs() > 0]
    if lacking:
        atom = lacking[0]
        n = atom.GetTotalNumHs()
        others = f", and {len(lacking) - 1} more atoms lack some" if len(lacking) > 1 else ""
        raise MissingHydrogensError(
            f"{label(atom.GetSymbol(), atom.GetIdx())} lacks {counted(n, 'hydrogen')}{others}; add them with "
            "their coordinates (RDKit: Chem.AddHs(mol, addCoords=True); Open Babel: obabel -h)",
            atom=atom.GetIdx() + 1,
        )


def check_charges(mol: Chem.Mol, fragments: np.ndarray, formula: Callable[[np.ndarray], str]) -> None:
    """Raise NetChargeError for the first fragment whose formal charges do not sum to zero.

    `fragments` (n_atoms,) is the fragment of each atom; `formula` turns atom indices into a Hill formula.
    """
    charges = np.array([atom.GetFormalCharge() for atom in atoms_of(mol)], dtype=np.int64)
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
        far = np.flatnonzero((np.abs(geometry) > LARGEST_COORDINATE).any(axis=1))
        if len(far):
            raise MissingCoordinatesError(
                f"{label(SYMBOL_OF[int(numbers[far[0]])], int(far[0]))} has coordinates beyond "
                f"{LARGEST_COORDINATE:.0f} Angstrom{where}; correct them",
                atom=int(far[0]) + 1,
            )
        squared = _squared_distances(geometry)
        i, j = np.unravel_index(int(squared.argmin()), squared.shape)
        if squared[i, j] < SHORTEST_DISTANCE**2:
            first, second = sorted((int(i), int(j)))
            raise OverlappingAtomsError(
                f"{label(SYMBOL_OF[int(numbers[first])], first)} and {label(SYMBOL_OF[int(numbers[second])], second)} "
                f"are {np.sqrt(squared[i, j]):.2f} Angstrom apart{where}; check the coordinates, which are to be in "
                "Angstrom",
                atom=first + 1,
            )


def take_positions(mol: Chem.Mol, numbers: np.ndarray, bonds: np.ndarray) -> tuple[np.ndarray, bool]:
    """Positions (n_conformers, n_atoms, 3), Angstrom, of an RDKit molecule; none, and True, if they are drawings.

    Raises FlatCoordinatesError if only some are drawings in a plane, and the errors of `check_positions`.
    """
    conformers = list(mol.GetConformers())
    positions = np.array([conformer.GetPositions() for conformer in conformers], dtype=np.float64)
    positions = positions.reshape(-1, len(numbers), 3)
    flat = [
        is_drawing(numbers, bonds, geometry, marked_2d=not conformer.Is3D())
        for conformer, geometry in zip(conformers, positions, strict=True)
    ]
    if flat and all(flat):
        return positions[:0], True
    if any(flat):
        raise FlatCoordinatesError(
            f"conformer {flat.index(True) + 1} of {len(flat)} is a drawing in a plane; remove it or give its geometry"
        )
    check_positions(positions, numbers)
    return positions, False


def is_drawing(numbers: np.ndarray, bonds: np.ndarray, geometry: np.ndarray, *, marked_2d: bool = False) -> bool:
    """Whether a geometry (n_atoms, 3) is a structural drawing rather than the true geometry of a planar molecule.

    A drawing has all z equal, and an atom with four neighbours in the plane, or a bond that is far from the sum of its
    covalent radii (drawn bonds, hydrogens included, are about equally long). Where the lengths do not tell, because
    they are all alike or there is no hydrogen, the file's own word `marked_2d` decides.
    """
    if not (np.abs(geometry) <= LARGEST_COORDINATE).all() or np.ptp(geometry[:, 2]) > 1e-4 or len(numbers) == 1:
        return False
    if len(bonds) == 0:
        return marked_2d
    degree = np.bincount(bonds.ravel(), minlength=len(numbers))
    if (degree[numbers == 6] == 4).any():
        return True
    radii = of_atoms(COVALENT_RADII, numbers)
    i, j = bonds.T
    lengths = np.linalg.norm(geometry[i] - geometry[j], axis=1)
    ratio = lengths / (radii[i] + radii[j])
    if ((ratio < 0.75) | (ratio > 1.3)).any():
        return True
    return marked_2d and (not (numbers == 1).any() or bool(np.ptp(lengths) < 0.02 * lengths.max()))


def _squared_distances(geometry: np.ndarray) -> np.ndarray:
    difference = geometry[:, None, :] - geometry[None, :, :]
    squared = np.einsum("ijk,ijk->ij", difference, difference)
    np.fill_diagonal(squared, np.inf)
    return squared
