"""Whether a geometry still belongs to its molecule: the same bonds, and the same stereochemistry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem

from virialff.elements import SYMBOL_OF
from virialff.molecules.checks import COVALENT_RADII, label

if TYPE_CHECKING:
    from virialff.molecules.molecule import Molecule

# A bond is broken beyond, and a new one formed within, this multiple of the sum of covalent radii (plus 0.1 Angstrom).
# Between the two nothing is claimed, so a stretched bond or a short hydrogen bond is no change.
_BROKEN = 1.30
_FORMED = 1.05
_MARGIN = 0.10


def same_connectivity(molecule: Molecule, positions: np.ndarray) -> str | None:
    """None if the geometry has the molecule's bonds; otherwise the first bond that broke or formed, as a sentence.

    positions: (n_atoms, 3), Angstrom.
    """
    return changed_bond(molecule.numbers, molecule.bonds, positions)


def changed_bond(
    numbers: np.ndarray, bonds: np.ndarray, positions: np.ndarray, *, broken: float = _BROKEN, formed: float = _FORMED
) -> str | None:
    """`same_connectivity` for numbers (n_atoms,), bonds (n_bonds, 2) and positions (n_atoms, 3), Angstrom.

    A bond is broken beyond `broken` and a new one formed within `formed` times the sum of the covalent radii.
    """
    radii = np.array([COVALENT_RADII[int(number)] for number in numbers])
    reach = radii[:, None] + radii[None, :]
    difference = positions[:, None, :] - positions[None, :, :]
    distances = np.sqrt(np.einsum("ijk,ijk->ij", difference, difference))
    i, j = bonds.T
    stretched = np.flatnonzero(distances[i, j] > broken * reach[i, j] + _MARGIN)
    if len(stretched):
        return _sentence(numbers, int(i[stretched[0]]), int(j[stretched[0]]), distances, "broke")
    near = np.triu(distances < formed * reach + _MARGIN, k=1)
    near[np.minimum(i, j), np.maximum(i, j)] = False
    new = np.argwhere(near)
    if len(new):
        return _sentence(numbers, int(new[0][0]), int(new[0][1]), distances, "formed")
    return None


def same_stereochemistry(molecule: Molecule, before: np.ndarray, after: np.ndarray) -> str | None:
    """None if both geometries (n_atoms, 3) have the same stereochemistry; otherwise the first change, as a sentence.

    Compared are the handedness of tetrahedral stereocentres and cis/trans at double bonds, as RDKit finds them
    possible in the molecule; nitrogen, which inverts by itself, counts only where RDKit counts it.
    """
    centres, double_bonds = stereo_elements(molecule)
    for centre in centres:
        if _handedness(before, centre) != _handedness(after, centre):
            atom = centre[0]
            return f"the stereocentre {label(molecule.symbols[atom], atom)} inverted"
    for quad in double_bonds:
        if _is_cis(before, quad) != _is_cis(after, quad):
            _, i, j, _ = quad
            return (
                f"the double bond between {label(molecule.symbols[i], i)} and {label(molecule.symbols[j], j)} "
                "turned from cis to trans or back"
            )
    return None


def stereo_elements(molecule: Molecule) -> tuple[list[tuple[int, ...]], list[tuple[int, int, int, int]]]:
    """Possible tetrahedral stereocentres (atom, three neighbours) and double bonds (a, i, j, b) with i=j the bond."""
    mol = Chem.Mol(molecule.to_rdkit())
    mol.RemoveAllConformers()
    centres: list[tuple[int, ...]] = []
    double_bonds: list[tuple[int, int, int, int]] = []
    for element in Chem.FindPotentialStereo(mol, cleanIt=False, flagPossible=True):
        controls = [int(atom) for atom in element.controllingAtoms if int(atom) < molecule.n_atoms]
        if element.type == Chem.StereoType.Atom_Tetrahedral and len(controls) >= 3:
            centres.append((int(element.centeredOn), *controls[:3]))
        elif element.type == Chem.StereoType.Bond_Double and len(element.controllingAtoms) == 4:
            bond = mol.GetBondWithIdx(element.centeredOn)
            i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            at_i = [int(atom) for atom in list(element.controllingAtoms)[:2] if int(atom) < molecule.n_atoms]
            at_j = [int(atom) for atom in list(element.controllingAtoms)[2:] if int(atom) < molecule.n_atoms]
            if at_i and at_j:
                double_bonds.append((at_i[0], i, j, at_j[0]))
    return centres, double_bonds


def _handedness(geometry: np.ndarray, centre: tuple[int, ...]) -> bool:
    atom, a, b, c = centre
    return float(np.linalg.det(geometry[[a, b, c]] - geometry[atom])) > 0


def _is_cis(geometry: np.ndarray, quad: tuple[int, int, int, int]) -> bool:
    a, i, j, b = geometry[list(quad)]
    axis = j - i
    return float(np.cross(a - i, axis) @ np.cross(b - j, axis)) > 0


def _sentence(numbers: np.ndarray, first: int, second: int, distances: np.ndarray, what: str) -> str:
    ends = " and ".join(label(SYMBOL_OF[int(numbers[atom])], atom) for atom in (first, second))
    return f"the bond between {ends} {what} ({distances[first, second]:.2f} Angstrom)"
