"""Tripos MOL2 with charges, for docking programs and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem

if TYPE_CHECKING:
    from virialff.molecules.molecule import Molecule

_AMIDE = Chem.MolFromSmarts("[NX3;!a][CX3]=[O,S]")
_CARBOXYLATE = Chem.MolFromSmarts("[OX1]~[CX3,P]~[OX1-]")
_HYBRIDIZATION = {
    Chem.HybridizationType.SP: 1,
    Chem.HybridizationType.SP2: 2,
    Chem.HybridizationType.SP3: 3,
}
_BONDS = {1.0: "1", 2.0: "2", 3.0: "3", 1.5: "ar"}


def mol2_with_charges(molecule: Molecule, charges: np.ndarray, *, comment: str = "") -> str:
    """MOL2 text, a record for each conformer, with charges (n_atoms,) in e and the atom types of SYBYL.

    Bonds are those of the Kekule form, "ar" in aromatic rings and "am" in amides. `comment` stands in each record.

    Raises MissingCoordinatesError or FlatCoordinatesError for a molecule without a geometry.
    """
    molecule.require_3d()
    mol = molecule.to_rdkit()
    amides = mol.GetSubstructMatches(_AMIDE)
    amide = {mol.GetBondBetweenAtoms(nitrogen, carbon).GetIdx() for nitrogen, carbon, _ in amides}
    nitrogens = {nitrogen for nitrogen, _, _ in amides}
    oxygens = {atom for match in mol.GetSubstructMatches(_CARBOXYLATE) for atom in (match[0], match[2])}
    types = [_sybyl(atom, nitrogens, oxygens) for atom in mol.GetAtoms()]
    bonds = [
        f"{number:6d} {bond.GetBeginAtomIdx() + 1:5d} {bond.GetEndAtomIdx() + 1:5d} "
        + ("am" if bond.GetIdx() in amide else _BONDS[bond.GetBondTypeAsDouble()])
        for number, bond in enumerate(mol.GetBonds(), start=1)
    ]
    name = " ".join(molecule.name.split()) or molecule.formula
    records = []
    for positions in molecule.positions:
        atoms = [
            f"{atom + 1:7d} {f'{symbol}{atom + 1}':<8} {x:10.4f} {y:10.4f} {z:10.4f} {kind:<6} "
            f"{fragment + 1:4d} MOL{fragment + 1:<4d} {charge:10.5f}"
            for atom, (symbol, (x, y, z), kind, fragment, charge) in enumerate(
                zip(molecule.symbols, positions, types, molecule.fragments, charges, strict=True)
            )
        ]
        records += [
            "@<TRIPOS>MOLECULE",
            name,
            f"{molecule.n_atoms} {len(bonds)} {molecule.n_fragments} 0 0",
            "SMALL",
            "USER_CHARGES",
            "",
            comment,
            "@<TRIPOS>ATOM",
            *atoms,
            "@<TRIPOS>BOND",
            *bonds,
            "",
        ]
    return "\n".join(records)


def _sybyl(atom: Chem.Atom, amide_nitrogens: set[int], carboxylate_oxygens: set[int]) -> str:
    symbol, hybridization = atom.GetSymbol(), _HYBRIDIZATION.get(atom.GetHybridization(), 3)
    index = atom.GetIdx()
    if symbol in ("C", "N") and atom.GetIsAromatic():
        return "N.pl3" if symbol == "N" and atom.GetTotalDegree() == 3 else f"{symbol}.ar"
    if symbol == "N":
        if index in amide_nitrogens:
            return "N.am"
        if atom.GetTotalDegree() == 4:
            return "N.4"
        return "N.pl3" if hybridization == 2 and atom.GetTotalDegree() == 3 else f"N.{hybridization}"
    if symbol == "O":
        # The oxygen of an ether or alcohol beside a double bond counts as O.3, whatever its hybridization.
        return "O.co2" if index in carboxylate_oxygens else f"O.{2 if atom.GetTotalDegree() == 1 else 3}"
    if symbol == "S":
        terminal = sum(other.GetSymbol() == "O" and other.GetDegree() == 1 for other in atom.GetNeighbors())
        if terminal and atom.GetTotalDegree() in (3, 4):
            return "S.o2" if terminal >= 2 else "S.o"
        return "S.2" if atom.GetTotalDegree() == 1 or atom.GetIsAromatic() else "S.3"
    if symbol == "P":
        return "P.3"
    return f"C.{hybridization}" if symbol == "C" else symbol
