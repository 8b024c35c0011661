"""Molecule: the one form in which structures enter the library, whatever they were read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem

from virialff import domain, rdkit_log
from virialff.domain import DEFAULT_MAX_ATOMS
from virialff.elements import SYMBOL_OF
from virialff.errors import (
    MissingCoordinatesError,
    UnreadableRecordError,
    ValenceError,
)
from virialff.topology import fragment_indices

if TYPE_CHECKING:
    pass

_RDKIT_BONDS = {
    1.0: Chem.BondType.SINGLE,
    2.0: Chem.BondType.DOUBLE,
    3.0: Chem.BondType.TRIPLE,
    1.5: Chem.BondType.AROMATIC,
}


@dataclass(frozen=True, eq=False)
class Molecule:
    """A neutral closed-shell molecule, or a complex of several, with any number of conformers.

    numbers: atomic numbers, (n_atoms,) int64, every hydrogen explicit.
    bonds: covalent bonds as atom indices i < j, (n_bonds, 2) int64.
    orders: (n_bonds,) float64 of 1, 2, 3, and 1.5 for aromatic and resonance-delocalised bonds; they do not depend
        on the Kekule form or the charge-separated form in which the molecule was given.
    positions: (n_conformers, n_atoms, 3) float64, Angstrom; n_conformers may be 0.
    name: free text, "" where there is none.

    Make one with `from_smiles`, `from_rdkit`, `from_arrays` or `from_file`, which check the domain of the method.
    """

    numbers: np.ndarray
    bonds: np.ndarray
    orders: np.ndarray
    positions: np.ndarray
    name: str = ""
    _mol: Chem.Mol = field(repr=False, kw_only=True)
    _is_flat: bool = field(repr=False, kw_only=True, default=False)

    # --- making one ---

    @classmethod
    def from_smiles(cls, text: str, *, max_atoms: int = DEFAULT_MAX_ATOMS) -> Molecule:
        """Molecule from SMILES, without coordinates.

        Hydrogens become explicit after the heavy atoms, in the order of RDKit's AddHs. A dot separates the fragments
        of a complex; what follows the SMILES after a blank becomes the name.

        Raises UnreadableRecordError for invalid SMILES and the MoleculeErrors of `virialff.domain`.
        """
        with rdkit_log.captured() as log:
            mol = Chem.MolFromSmiles(text)
        if mol is None:
            raise UnreadableRecordError(f"the SMILES {text!r} cannot be read ({log.reason()}); check its spelling")
        domain.check_size(mol.GetNumAtoms(), max_atoms)
        domain.check_atoms(mol)
        with rdkit_log.captured():
            mol = Chem.AddHs(mol)
        return cls.from_rdkit(mol, max_atoms=max_atoms)

    @classmethod
    def from_rdkit(cls, mol: Chem.Mol, *, max_atoms: int = DEFAULT_MAX_ATOMS) -> Molecule:
        """Molecule from an RDKit molecule with explicit hydrogens; all its conformers are taken, its order is kept.

        Raises the MoleculeErrors of `virialff.domain`.
        """
        mol = Chem.Mol(mol)
        domain.check_size(mol.GetNumAtoms(), max_atoms)
        domain.check_atoms(mol)
        domain.check_bonds(mol)
        with rdkit_log.captured():
            try:
                Chem.SanitizeMol(mol)
            except Chem.MolSanitizeException as error:
                raise ValenceError(f"{error}; correct the bonds or charges of that atom") from None
        domain.check_radicals(mol)
        domain.check_hydrogens(mol)
        numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()], dtype=np.int64)
        bonds, orders = _bond_arrays(mol)
        fragments = fragment_indices(len(numbers), bonds)
        domain.check_charges(mol, fragments, lambda atoms: _hill_formula(numbers[atoms]))
        positions = np.array([c.GetPositions() for c in mol.GetConformers()], dtype=np.float64)
        positions = positions.reshape(-1, len(numbers), 3)
        domain.check_positions(positions, numbers)
        name = mol.GetProp("_Name").strip() if mol.HasProp("_Name") else ""
        mol.RemoveAllConformers()
        return cls(numbers, bonds, orders, positions, name, _mol=mol)

    @classmethod
    def from_arrays(
        cls,
        numbers: Sequence[int] | np.ndarray,
        bonds: Sequence[Sequence[int]] | np.ndarray,
        orders: Sequence[float] | np.ndarray,
        positions: Sequence | np.ndarray | None = None,
        *,
        name: str = "",
        max_atoms: int = DEFAULT_MAX_ATOMS,
    ) -> Molecule:
        """Molecule from atomic numbers (n_atoms,), bonds (n_bonds, 2) counted from 0, orders (n_bonds,) of 1, 2, 3, 1.5.

        positions: (n_atoms, 3) or (n_conformers, n_atoms, 3), Angstrom, or None. Formal charges follow from the orders.

        Raises ShapeError and the MoleculeErrors of `virialff.domain`.
        """
        numbers = np.asarray(numbers, dtype=np.int64)
        bonds = np.asarray(bonds, dtype=np.int64).reshape(-1, 2)
        orders = np.asarray(orders, dtype=np.float64)
        mol = Chem.RWMol()
        for number in numbers:
            atom = Chem.Atom(int(number))
            atom.SetNoImplicit(True)
            mol.AddAtom(atom)
        for (i, j), order in zip(bonds, orders, strict=True):
            mol.AddBond(int(i), int(j), _RDKIT_BONDS[float(order)])
            if order == 1.5:
                mol.GetAtomWithIdx(int(i)).SetIsAromatic(True)
                mol.GetAtomWithIdx(int(j)).SetIsAromatic(True)
        valence = np.zeros(len(numbers))
        np.add.at(valence, bonds.ravel(), np.repeat(orders, 2))
        for atom, total in zip(mol.GetAtoms(), valence, strict=True):
            if atom.GetAtomicNum() == 7 and total == 4:
                atom.SetFormalCharge(1)
            if atom.GetAtomicNum() == 8 and total == 1:
                atom.SetFormalCharge(-1)
        molecule = cls.from_rdkit(mol.GetMol(), max_atoms=max_atoms)
        if positions is not None:
            molecule = molecule.with_positions(np.asarray(positions, dtype=np.float64))
        return molecule

    @classmethod
    def join(cls, *molecules: Molecule) -> Molecule:
        """The complex of the given molecules, atoms in the given order.

        All must have the same number of conformers; conformer k of the complex joins conformers k of its parts.

        Raises MissingCoordinatesError if the numbers of conformers differ.
        """
        if not molecules:
            raise ValueError("join needs at least one molecule")
        counts = {molecule.n_conformers for molecule in molecules}
        if len(counts) > 1:
            raise MissingCoordinatesError(
                f"the molecules to join have {sorted(counts)} conformers; give each the same number"
            )
        mol = molecules[0]._mol
        for molecule in molecules[1:]:
            mol = Chem.CombineMols(mol, molecule._mol)
        offsets = np.cumsum([0, *(molecule.n_atoms for molecule in molecules)])
        return cls(
            np.concatenate([m.numbers for m in molecules]),
            np.concatenate([m.bonds + offset for m, offset in zip(molecules, offsets, strict=False)]),
            np.concatenate([m.orders for m in molecules]),
            np.concatenate([m.positions for m in molecules], axis=1),
            " + ".join(m.name for m in molecules if m.name),
            _mol=mol,
            _is_flat=any(m._is_flat for m in molecules),
        )

    # --- derived ---

    @property
    def n_atoms(self) -> int:
        return len(self.numbers)

    @property
    def n_conformers(self) -> int:
        return len(self.positions)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """Element symbol of each atom."""
        return tuple(SYMBOL_OF[int(number)] for number in self.numbers)

    @cached_property
    def fragments(self) -> np.ndarray:
        """Index of the covalently connected fragment of each atom, (n_atoms,) int64, in the order of first atoms."""
        return fragment_indices(self.n_atoms, self.bonds)

    @property
    def n_fragments(self) -> int:
        return int(self.fragments.max()) + 1

    @cached_property
    def formula(self) -> str:
        """Molecular formula in Hill order, of all fragments together."""
        return _hill_formula(self.numbers)

    @cached_property
    def smiles(self) -> str:
        """Canonical SMILES without explicit hydrogens."""
        with rdkit_log.captured():
            return Chem.MolToSmiles(Chem.RemoveHs(self._mol))

    @cached_property
    def inchikey(self) -> str:
        """Standard InChIKey of the whole molecule or complex."""
        with rdkit_log.captured():
            return Chem.MolToInchiKey(self._mol)

    def canonical_fragment_keys(self) -> tuple[str, ...]:
        """First block of each fragment's InChIKey (connectivity without stereochemistry), in fragment order."""
        if self.n_fragments == 1:
            return (self.inchikey.split("-")[0],)
        return tuple(self.fragment(k).inchikey.split("-")[0] for k in range(self.n_fragments))

    # --- other forms of it ---

    def to_rdkit(self) -> Chem.Mol:
        """A new RDKit molecule in the form given, explicit hydrogens, same atom order, all conformers."""
        mol = Chem.Mol(self._mol)
        for geometry in self.positions:
            conformer = Chem.Conformer(self.n_atoms)
            conformer.SetPositions(np.ascontiguousarray(geometry))
            conformer.Set3D(True)
            mol.AddConformer(conformer, assignId=True)
        if self.name:
            mol.SetProp("_Name", self.name)
        return mol

    def with_positions(self, positions: np.ndarray) -> Molecule:
        """The same molecule at other positions, (n_atoms, 3) or (n_conformers, n_atoms, 3), Angstrom.

        Raises ShapeError, MissingCoordinatesError (not finite) or OverlappingAtomsError.
        """
        positions = np.array(positions, dtype=np.float64)
        if positions.ndim == 2:
            positions = positions[None]
        domain.check_positions(positions, self.numbers)
        return Molecule(self.numbers, self.bonds, self.orders, positions, self.name, _mol=self._mol)

    def fragment(self, index: int) -> Molecule:
        """Fragment `index` of a complex alone, with its conformers, atoms in the same order."""
        if not 0 <= index < self.n_fragments:
            raise IndexError(f"fragment {index} of {self.n_fragments}")
        atoms = np.flatnonzero(self.fragments == index)
        mol = Chem.RWMol(self._mol)
        mol.BeginBatchEdit()
        for atom in np.flatnonzero(self.fragments != index):
            mol.RemoveAtom(int(atom))
        mol.CommitBatchEdit()
        renumbered = np.full(self.n_atoms, -1)
        renumbered[atoms] = np.arange(len(atoms))
        kept = self.fragments[self.bonds[:, 0]] == index
        return Molecule(
            self.numbers[atoms],
            renumbered[self.bonds[kept]],
            self.orders[kept],
            self.positions[:, atoms],
            self.name if self.n_fragments == 1 else "",
            _mol=mol.GetMol(),
            _is_flat=self._is_flat,
        )

    def require_3d(self) -> None:
        """Raise MissingCoordinatesError unless there is at least one conformer."""
        if not self.n_conformers:
            raise MissingCoordinatesError(
                "it has no coordinates where a geometry is needed; give a file with 3D coordinates or generate conformers"
            )


def _hill_formula(numbers: np.ndarray) -> str:
    counts = Counter(SYMBOL_OF[int(number)] for number in numbers)
    first = [symbol for symbol in ("C", "H") if "C" in counts and symbol in counts]
    rest = sorted(symbol for symbol in counts if symbol not in first)
    return "".join(f"{symbol}{counts[symbol] if counts[symbol] > 1 else ''}" for symbol in [*first, *rest])


def _bond_arrays(mol: Chem.Mol) -> tuple[np.ndarray, np.ndarray]:
    rows = sorted(
        (*sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())), bond.GetBondTypeAsDouble()) for bond in mol.GetBonds()
    )
    bonds = np.array([row[:2] for row in rows], dtype=np.int64).reshape(-1, 2)
    return bonds, np.array([row[2] for row in rows], dtype=np.float64)
