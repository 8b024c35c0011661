"""What changed in a molecule: bonds that broke or formed in a geometry, and stereochemistry that turned over.

One pair of tolerances, chosen on the labelled geometries (docs/method.md has the table that
`python scripts/bond_tolerances.py` makes), serves relaxation, imports, the check of labels and dynamics alike.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rdkit import Chem

from virialff.elements import COVALENT_RADII, SYMBOL_OF, of_atoms
from virialff.errors import MismatchedCoordinatesWarning
from virialff.molecules import rdkit_log
from virialff.molecules.checks import label
from virialff.units import BOHR_IN_ANGSTROM

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from virialff.molecules.molecule import Molecule

#: A bond is broken beyond, and two other atoms have formed one within, this multiple of the sum of covalent radii.
#: Between the two nothing is claimed, so a stretched bond or a short hydrogen bond is no change.
BROKEN = 1.45
FORMED = 1.10
#: Numberings of equivalent atoms that are tried where structures are compared.
MOST_NUMBERINGS = 1000

# Lengths in other units of length, in Angstrom, and how far bonds stray from the sum of covalent radii.
_UNITS = {"Bohr": 1 / BOHR_IN_ANGSTROM, "picometres": 100.0}
_UNIT_MARGIN = 0.25
# Median of bond lengths over sums of covalent radii in a geometry, and the fewest bonds that have one.
_SHORTEST_MEDIAN, _LONGEST_MEDIAN, _FEWEST_BONDS = 0.85, 1.14, 4
_CUMULATED = Chem.MolFromSmarts("[*]=[*]=[*]")
_SAME_SIDE = {
    Chem.BondStereo.STEREOZ: True,
    Chem.BondStereo.STEREOCIS: True,
    Chem.BondStereo.STEREOE: False,
    Chem.BondStereo.STEREOTRANS: False,
}


def bond_ratios(numbers: ArrayLike, positions: ArrayLike) -> NDArray[np.float64]:
    """Distance over the sum of covalent radii of each pair of atoms, (n_atoms, n_atoms); positions (n_atoms, 3)."""
    radii = of_atoms(COVALENT_RADII, numbers)
    geometry = np.asarray(positions, dtype=np.float64)
    return np.asarray(np.linalg.norm(geometry[:, None] - geometry[None], axis=-1) / (radii[:, None] + radii[None]))


def bond_changes(
    numbers: NDArray[np.int64], bonds: NDArray[np.int64], positions: ArrayLike, *, nearest: float = FORMED
) -> tuple[str, ...]:
    """A sentence for each bond (n_bonds, 2) that is broken, then for each other pair that formed one.

    positions: (n_atoms, 3), Angstrom. nearest: multiple of the sum of covalent radii within which two atoms without a
    bond are reported; lower than FORMED where molecules are pushed into each other on purpose.
    """
    ratios = bond_ratios(numbers, positions)
    i, j = bonds.T
    broken = bonds[ratios[i, j] > BROKEN]
    ratios[i, j] = ratios[j, i] = np.inf
    formed = np.argwhere(np.triu(ratios < nearest, k=1))
    geometry = np.asarray(positions, dtype=np.float64)
    return tuple(
        f"the bond between {' and '.join(label(SYMBOL_OF[int(numbers[atom])], int(atom)) for atom in pair)} {what} "
        f"({np.linalg.norm(geometry[pair[0]] - geometry[pair[1]]):.2f} Angstrom)"
        for what, pairs in (("broke", broken), ("formed", formed))
        for pair in pairs
    )


def connectivity_changes(molecule: Molecule, positions: ArrayLike) -> tuple[str, ...]:
    """Sentences on bonds of the molecule that are broken, and bonds formed, in one geometry (n_atoms, 3), Angstrom."""
    return bond_changes(molecule.numbers, molecule.bonds, positions)


def mismatch(molecule: Molecule, positions: ArrayLike) -> str | None:
    """Why a geometry (n_atoms, 3), Angstrom, cannot be of the molecule's bonds, as a sentence with advice, or None.

    One broken bond may be meant, as in a scan. Coordinates in another unit, or of atoms in another order, are told by
    most bonds being broken, by some broken while others formed, or by bonds that are too short or long on the whole.
    """
    ratios = bond_ratios(molecule.numbers, positions)[tuple(molecule.bonds.T)]
    median = np.median(ratios / _usual_ratios(molecule)) if len(ratios) >= _FEWEST_BONDS else 1.0
    if not _SHORTEST_MEDIAN < median < _LONGEST_MEDIAN:
        scaled = f"on the whole its bonds are {median:.2f} times as long as bonds of their atoms are"
    else:
        scaled = ""
    found = connectivity_changes(molecule, positions)
    n_broken = sum(" broke (" in sentence for sentence in found)
    if not n_broken or (n_broken == len(found) and 2 * n_broken <= len(molecule.bonds)):
        return f"its coordinates are not of its bonds: {scaled}; check their unit" if scaled else None
    unit = next((name for name, factor in _UNITS.items() if (np.abs(ratios / factor - 1) < _UNIT_MARGIN).all()), None)
    others = f", and {len(found) - 1} more" if len(found) > 1 else ""
    advice = (
        f"they seem to be in {unit}: give Angstrom" if unit is not None else "check the order of the atoms and the unit"
    )
    return f"its coordinates are not of its bonds: {found[0]}{others}; {advice}"


def _usual_ratios(molecule: Molecule) -> NDArray[np.float64]:
    """About how long bonds of each order are over the sum of covalent radii, which is that of single bonds."""
    return np.interp(molecule.orders, (1.0, 1.5, 2.0, 3.0), (1.0, 0.92, 0.87, 0.78))


def mismatches(molecule: Molecule, positions: ArrayLike) -> Iterator[str]:
    """`mismatch` of each of many geometries (n_conformers, n_atoms, 3) that has one, with the conformer's number."""
    conformers = np.asarray(positions, dtype=np.float64)
    i, j = molecule.bonds.T
    radii = of_atoms(COVALENT_RADII, molecule.numbers)
    lengths = np.linalg.norm(conformers[:, i] - conformers[:, j], axis=-1)
    ratios = lengths / (radii[i] + radii[j])
    suspect = (ratios > BROKEN).any(axis=1)
    if len(i) >= _FEWEST_BONDS:
        medians = np.median(ratios / _usual_ratios(molecule), axis=1)
        suspect |= (medians <= _SHORTEST_MEDIAN) | (medians >= _LONGEST_MEDIAN)
    for index in np.flatnonzero(suspect):
        reason = mismatch(molecule, conformers[index])
        if reason is not None:
            yield reason if len(conformers) == 1 else f"conformer {index + 1}: {reason}"


def warn_of_mismatches(molecule: Molecule, positions: ArrayLike) -> None:
    """Warn (MismatchedCoordinatesWarning) of the first of `mismatches`."""
    reason = next(mismatches(molecule, positions), None)
    if reason is not None:
        warnings.warn(f"{molecule.formula}: {reason}", MismatchedCoordinatesWarning, stacklevel=3)


def stereochemistry_changes(molecule: Molecule, before: ArrayLike, after: ArrayLike) -> tuple[str, ...]:
    """A sentence for each stereocentre and double bond that differs between two geometries (n_atoms, 3)."""
    return configuration_changes(molecule, configuration(molecule, before), configuration(molecule, after))


def configuration_changes(molecule: Molecule, before: Configuration, after: Configuration) -> tuple[str, ...]:
    """A sentence for each stereocentre and double bond that differs; what either leaves open does not count."""
    changes = []
    for atoms in sorted(before.keys() & after.keys()):
        if before[atoms] != after[atoms]:
            names = " and ".join(label(molecule.symbols[atom], atom) for atom in atoms)
            changes.append(
                f"the stereocentre {names} inverted"
                if len(atoms) == 1
                else f"the double bond between {names} turned from cis to trans or back"
            )
    return tuple(changes)


def changes(molecule: Molecule, before: ArrayLike, after: ArrayLike) -> tuple[str, ...]:
    """Sentences on all that a move from one geometry (n_atoms, 3) to another changed but coordinates."""
    return (*connectivity_changes(molecule, after), *stereochemistry_changes(molecule, before, after))


#: Of each stereo element, by its atoms: which of the two arrangements it has.
Configuration = dict[tuple[int, ...], bool]


class StereoElement(NamedTuple):
    """What can be arranged in two ways: a stereocentre (its atom), or the two ends of a double bond or cumulene.

    neighbours: of the atom, or at either end, each in the order of their numbers.
    """

    atoms: tuple[int, ...]
    neighbours: tuple[tuple[int, ...], ...]
    is_axis: bool = False  #: an even number of cumulated double bonds: the ends are across, as in allene


def configuration(molecule: Molecule, positions: ArrayLike | None = None) -> Configuration:
    """The stereochemistry of a geometry (n_atoms, 3), or without one what the formula of the molecule defines.

    Compared atom by atom, so it holds where labels such as R and S, which only name differences, say nothing: in rings
    and chains whose halves are alike. True means: seen from the first neighbour of a stereocentre, the following ones
    run counterclockwise in the order of their numbers; the first neighbours at both ends of a double bond are on the
    same side; those of an allene turn to the right. Molecules with the same bonds in the same order can be compared.
    """
    mol = molecule._mol
    geometry = None if positions is None else np.asarray(positions, dtype=np.float64)
    found: Configuration = {}
    for element in stereo_elements(mol):
        value = _of_formula(mol, element) if geometry is None else _of_geometry(geometry, element)
        if value is not None:
            found[element.atoms] = value
    return found


def same_isomer(molecule: Molecule, first: Configuration, second: Configuration) -> bool:
    """Whether two configurations are one stereoisomer: the same, if need be with equivalent atoms renumbered.

    So the two halves of meso compounds, of trans-1,4-dimethylcyclohexane and the like may change places. What either
    leaves open does not count. Numberings are tried up to MOST_NUMBERINGS; beyond, isomers may be taken for two.
    """
    if all(first[atoms] == second[atoms] for atoms in first.keys() & second.keys()):
        return True
    elements = stereo_elements(molecule._mol)
    return any(
        all(
            second.get(image, value) == value
            for element in elements
            if element.atoms in first
            for image, value in [_renumbered(element, first[element.atoms], numbering)]
        )
        for numbering in _numberings(molecule)
    )


def _renumbered(element: StereoElement, value: bool, numbering: dict[int, int]) -> tuple[tuple[int, ...], bool]:
    swaps = 0
    for neighbours in element.neighbours:
        images = [numbering[atom] for atom in neighbours]
        swaps += sum(a > b for index, a in enumerate(images) for b in images[index + 1 :])
    return tuple(sorted(numbering[atom] for atom in element.atoms)), value == (swaps % 2 == 0)


def _numberings(molecule: Molecule) -> Iterator[dict[int, int]]:
    """Numberings of the atoms that leave the formula the same; hydrogens follow their atoms in order."""
    mol = Chem.RWMol(molecule._mol)
    heavy = [atom for atom in range(molecule.n_atoms) if molecule.numbers[atom] != 1]
    hydrogens = {
        atom: sorted(n.GetIdx() for n in mol.GetAtomWithIdx(atom).GetNeighbors() if n.GetAtomicNum() == 1)
        for atom in heavy
    }
    mol.BeginBatchEdit()
    for hydrogen in np.flatnonzero(molecule.numbers == 1):
        mol.RemoveAtom(int(hydrogen))
    mol.CommitBatchEdit()
    with rdkit_log.captured():
        matches = mol.GetSubstructMatches(mol, uniquify=False, maxMatches=MOST_NUMBERINGS)
    for match in matches:
        numbering = {atom: heavy[image] for atom, image in zip(heavy, match, strict=True)}
        if all(len(hydrogens[atom]) == len(hydrogens[image]) for atom, image in numbering.items()):
            for atom in heavy:
                numbering |= dict(zip(hydrogens[atom], hydrogens[numbering[atom]], strict=True))
            yield numbering


# Conformers of one molecule share its RDKit form.
@lru_cache(maxsize=64)
def stereo_elements(mol: Chem.Mol) -> list[StereoElement]:
    """What an RDKit molecule with explicit hydrogens allows to be arranged in two ways, defined in it or not.

    Nitrogen, which inverts by itself, counts only where RDKit counts it.
    """
    mol = Chem.Mol(mol)
    mol.RemoveAllConformers()
    found = []
    for element in Chem.FindPotentialStereo(mol, cleanIt=False, flagPossible=True):
        if element.type == Chem.StereoType.Atom_Tetrahedral:
            neighbours = _neighbours(mol, element.centeredOn)
            if len(neighbours) >= 3:
                found.append(StereoElement((element.centeredOn,), (neighbours,)))
        elif element.type == Chem.StereoType.Bond_Double:
            bond = mol.GetBondWithIdx(element.centeredOn)
            i, j = sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))
            ends = _neighbours(mol, i, j), _neighbours(mol, j, i)
            if all(ends) and not any(_next_in_cumulene(mol, path) is not None for path in ([i, j], [j, i])):
                found.append(StereoElement((i, j), ends))
    return found + _cumulenes(mol)


def _cumulenes(mol: Chem.Mol) -> list[StereoElement]:
    """Chains of two or more cumulated double bonds with two different neighbours at either end."""
    found = []
    ranks = list(Chem.CanonicalRankAtoms(mol, breakTies=False))
    for chain in mol.GetSubstructMatches(_CUMULATED):
        first, middle = chain[0], chain[1]
        path = [first, middle]
        while (after := _next_in_cumulene(mol, path)) is not None:
            path.append(after)
        # Each chain is found from both ends, and from within.
        if _next_in_cumulene(mol, [middle, first]) is not None or path[0] > path[-1] or len(path) < 3:
            continue
        ends = _neighbours(mol, path[0], path[1]), _neighbours(mol, path[-1], path[-2])
        if all(len(end) == 2 and ranks[end[0]] != ranks[end[1]] for end in ends):
            found.append(StereoElement((path[0], path[-1]), ends, is_axis=len(path) % 2 == 1))
    return found


def _next_in_cumulene(mol: Chem.Mol, path: list[int]) -> int | None:
    return next(
        (
            bond.GetOtherAtomIdx(path[-1])
            for bond in mol.GetAtomWithIdx(path[-1]).GetBonds()
            if bond.GetBondType() == Chem.BondType.DOUBLE and bond.GetOtherAtomIdx(path[-1]) not in path
        ),
        None,
    )


def _neighbours(mol: Chem.Mol, atom: int, other: int | None = None) -> tuple[int, ...]:
    return tuple(sorted(n.GetIdx() for n in mol.GetAtomWithIdx(atom).GetNeighbors() if n.GetIdx() != other))


def _of_geometry(geometry: NDArray[np.float64], element: StereoElement) -> bool:
    if len(element.atoms) == 1:
        return float(np.linalg.det(geometry[list(element.neighbours[0][:3])] - geometry[element.atoms[0]])) > 0
    i, j = geometry[list(element.atoms)]
    a, b = (geometry[neighbours[0]] for neighbours in element.neighbours)
    if element.is_axis:
        return float(np.linalg.det([a - i, j - i, b - j])) > 0
    return float(np.cross(a - i, j - i) @ np.cross(b - j, j - i)) > 0


def _of_formula(mol: Chem.Mol, element: StereoElement) -> bool | None:
    if len(element.atoms) == 1:
        atom = mol.GetAtomWithIdx(element.atoms[0])
        if atom.GetChiralTag() not in (Chem.ChiralType.CHI_TETRAHEDRAL_CW, Chem.ChiralType.CHI_TETRAHEDRAL_CCW):
            return None
        order = [bond.GetOtherAtomIdx(element.atoms[0]) for bond in atom.GetBonds()]
        swaps = sum(a > b for index, a in enumerate(order) for b in order[index + 1 :])
        return (atom.GetChiralTag() == Chem.ChiralType.CHI_TETRAHEDRAL_CCW) == (swaps % 2 == 0)
    bond = mol.GetBondBetweenAtoms(*element.atoms)
    if bond is None or bond.GetStereo() not in _SAME_SIDE:
        return None
    swaps = sum(atom not in {neighbours[0] for neighbours in element.neighbours} for atom in bond.GetStereoAtoms())
    return _SAME_SIDE[bond.GetStereo()] == (swaps % 2 == 0)
