"""Molecules drawn as zwitterions: a proton on one group that, with no solvent around, belongs on another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from rdkit import Chem

from virialff.errors import MoleculeError
from virialff.molecules import rdkit_log
from virialff.molecules.keys import once
from virialff.molecules.molecule import Molecule
from virialff.molecules.rdkit_forms import normalised
from virialff.molecules.rdkit_items import atoms_of, bond_array

#: Hydrogens on these leave as protons.
_DONORS = (7, 8, 15, 16)


class Zwitterion(NamedTuple):
    """Where protons sit, atoms from 0, where they belong in the gas phase, and the SMILES of that form."""

    donors: tuple[int, ...]
    acceptors: tuple[int, ...]
    neutral: str


@once
def zwitterion(molecule: Molecule) -> Zwitterion | None:
    """What is to be said of a molecule with an ammonium beside a carboxylate and the like; None for all others.

    Charges that no proton can take away (nitro groups, N-oxides, azides, isocyanides, ylides, betaines) are none, nor
    are those that another Lewis structure is without (4-pyridone drawn with charges).
    """
    mol = molecule.to_rdkit()
    mol.RemoveAllConformers()
    # A proton stays in its fragment, and the numbers of the atoms are kept.
    fragments = molecule.fragments
    if not _lone_ions(mol, fragments):
        return None
    form = normalised(mol, molecule.numbers, molecule.bonds)
    moved: list[tuple[int, int]] = []
    while ions := _lone_ions(form, fragments):
        found = _moved(form, ions, fragments)
        if found is None:
            break
        form, donor, acceptor = found
        moved.append((donor, acceptor))
    if not moved:
        return None
    try:
        neutral = Molecule.from_rdkit(form).smiles
    except MoleculeError:
        return None
    donors, acceptors = zip(*moved, strict=True)
    return Zwitterion(donors, acceptors, neutral)


def _lone_ions(mol: Chem.Mol, fragments: np.ndarray) -> list[int]:
    """Anionic atoms that no cationic atom is bonded to, where their molecule has such cationic atoms too."""
    charges = [atom.GetFormalCharge() for atom in atoms_of(mol)]
    if not any(charges):
        return []
    lone = [
        atom.GetIdx()
        for atom in atoms_of(mol)
        if atom.GetFormalCharge()
        and all(atom.GetFormalCharge() * other.GetFormalCharge() >= 0 for other in atom.GetNeighbors())
    ]
    with_cation = {int(fragments[atom]) for atom in lone if charges[atom] > 0}
    return [atom for atom in lone if charges[atom] < 0 and int(fragments[atom]) in with_cation]


def _moved(mol: Chem.Mol, acceptors: list[int], fragments: np.ndarray) -> tuple[Chem.Mol, int, int] | None:
    """The molecule with one proton moved to one of the acceptors, such that two charges go; from where and to where."""
    before = _charged(mol)
    for acceptor in acceptors:
        for hydrogen in atoms_of(mol):
            if hydrogen.GetAtomicNum() != 1 or hydrogen.GetDegree() != 1:
                continue
            (donor,) = hydrogen.GetNeighbors()
            if (
                donor.GetAtomicNum() not in _DONORS
                or fragments[donor.GetIdx()] != fragments[acceptor]
                or mol.GetBondBetweenAtoms(donor.GetIdx(), acceptor) is not None
            ):
                continue
            after = _with_proton_at(mol, hydrogen.GetIdx(), donor.GetIdx(), acceptor)
            if after is not None and _charged(after) <= before - 2:
                return after, donor.GetIdx(), acceptor
    return None


def _with_proton_at(mol: Chem.Mol, hydrogen: int, donor: int, acceptor: int) -> Chem.Mol | None:
    changed = Chem.RWMol(mol)
    changed.RemoveBond(donor, hydrogen)
    changed.AddBond(acceptor, hydrogen, Chem.BondType.SINGLE)
    for atom, change in ((donor, -1), (acceptor, 1)):
        ion = changed.GetAtomWithIdx(atom)
        ion.SetFormalCharge(ion.GetFormalCharge() + change)
        ion.SetNumExplicitHs(0)
        ion.SetNoImplicit(True)
    numbers = np.array([atom.GetAtomicNum() for atom in atoms_of(mol)])
    with rdkit_log.captured():
        try:
            Chem.SanitizeMol(changed)
            return normalised(changed, numbers, bond_array(changed))
        except Chem.MolSanitizeException:
            return None


def _charged(mol: Chem.Mol) -> int:
    return sum(abs(atom.GetFormalCharge()) for atom in atoms_of(mol))
