"""Molecule: the one form in which structures enter the library, whatever they were read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from rdkit import Chem

from virialff.elements import SYMBOL_OF
from virialff.errors import (
    FlatCoordinatesError,
    MissingCoordinatesError,
    UnreadableRecordError,
    ValenceError,
)
from virialff.molecules import checks, rdkit_log
from virialff.molecules.aromaticity import sanitize, without_hydrogens
from virialff.molecules.changes import Configuration, configuration, same_isomer, warn_of_mismatches
from virialff.molecules.checks import DEFAULT_MAX_ATOMS
from virialff.molecules.perception import misfit, perceive
from virialff.molecules.rdkit_forms import (
    add_conformers,
    in_mapped_order,
    localised,
    lost_stereochemistry,
    normalised,
    stereo_notes,
    without_shapes,
)
from virialff.molecules.rdkit_items import atoms_of, bond_array
from virialff.molecules.resonance import Bonding, pinned_bonding, rdkit_mol, resonance_bonding
from virialff.molecules.topology import fragment_indices
from virialff.text import shortened

if TYPE_CHECKING:
    from os import PathLike

_LONGEST_SMILES = 10_000
_CHARACTERS_PER_ATOM = 40
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, eq=False)
class Molecule:
    """A neutral closed-shell molecule, or a complex of several, with any number of conformers.

    Make one with `from_smiles`, `from_rdkit`, `from_arrays` or `from_file`, which check the domain of the method.

    Attributes
    ----------
    numbers
        Atomic numbers, (n_atoms,) int64, every hydrogen explicit.
    bonds
        Covalent bonds as atom indices i < j, (n_bonds, 2) int64.
    orders
        (n_bonds,) float64 of 1, 2, 3, and 1.5 for aromatic and resonance-delocalised bonds; they do not depend on the
        Kekule form or the charge-separated form in which the molecule was given.
    positions
        (n_conformers, n_atoms, 3) float64, Angstrom; n_conformers may be 0.
    name
        Free text, "" where there is none.
    notes
        Sentences on what was completed, chosen or left out in reading, for whoever uses the molecule.
    """

    numbers: np.ndarray
    bonds: np.ndarray
    orders: np.ndarray
    positions: np.ndarray
    name: str = ""
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    _mol: Chem.Mol = field(repr=False, kw_only=True)
    _is_flat: bool = field(repr=False, kw_only=True, default=False)

    # --- making one ---

    @classmethod
    def from_smiles(cls, text: str, *, name: str | None = None, max_atoms: int = DEFAULT_MAX_ATOMS) -> Molecule:
        """Molecule from SMILES, without coordinates.

        Hydrogens become explicit after the heavy atoms, in the order of RDKit's AddHs. Atom map numbers 1 to n give the
        order of the atoms.

        Parameters
        ----------
        text : str
            SMILES. A dot separates the fragments of a complex; what follows after a blank becomes the name.
        name : str, optional
            Name, instead of the one in `text`.
        max_atoms : int, optional
            Larger molecules are refused.

        Returns
        -------
        Molecule
            Without conformers.

        Raises
        ------
        UnreadableRecordError
            If the SMILES is invalid.
        MoleculeError
            One of those of `virialff.molecules.checks`: an element, charge, radical or valence that is not treated.

        See Also
        --------
        read_molecules : Many SMILES of a file.
        """
        shown = shortened(text, _SHOWN_CHARACTERS)
        if len(text) > max(_LONGEST_SMILES, _CHARACTERS_PER_ATOM * max_atoms):
            raise UnreadableRecordError(f"the SMILES {shown!r} has {len(text)} characters; give a smaller molecule")
        with rdkit_log.captured() as log:
            mol, notes = in_mapped_order(text)
            unsanitised = Chem.MolFromSmiles(text, sanitize=False)
        if mol is None:
            with rdkit_log.captured():
                problem = checks.chemistry_problem(unsanitised) if unsanitised is not None else None
            if problem is not None:
                raise problem
            raise UnreadableRecordError(f"the SMILES {shown!r} cannot be read ({log.reason()}); check its spelling")
        checks.check_size(mol.GetNumAtoms(), max_atoms)
        checks.check_complete(mol)
        checks.check_atoms(mol)
        with rdkit_log.captured():
            mol = Chem.AddHs(mol)
        checks.check_size(mol.GetNumAtoms(), max_atoms)
        molecule = cls._from_complete(mol)
        molecule = molecule.with_notes(*notes, *lost_stereochemistry(unsanitised))
        return molecule if name is None else molecule.with_name(name)

    @classmethod
    def from_rdkit(cls, mol: Chem.Mol, *, max_atoms: int = DEFAULT_MAX_ATOMS) -> Molecule:
        """Molecule from an RDKit molecule with explicit hydrogens; its atom order is kept.

        Parameters
        ----------
        mol : rdkit.Chem.Mol
            Not changed. All its conformers are taken but drawings in a plane, of which `require_3d` then tells.
        max_atoms : int, optional
            Larger molecules are refused.

        Returns
        -------
        Molecule

        Raises
        ------
        MoleculeError
            One of those of `virialff.molecules.checks`.
        ValenceError
            If no closed-shell structure of usual valences has these bonds.
        FlatCoordinatesError
            If only some of several conformers are drawings.

        See Also
        --------
        Molecule.to_rdkit : The way back.
        """
        checks.check_size(mol.GetNumAtoms(), max_atoms)
        checks.check_complete(mol)
        checks.check_atoms(mol)
        return cls._from_complete(mol)

    @classmethod
    def _from_complete(cls, mol: Chem.Mol) -> Molecule:
        """`from_rdkit` of what `checks.check_complete` and `check_atoms` have passed."""
        checks.check_bonds(mol)
        mol = localised(mol)
        with rdkit_log.captured():
            problem = checks.chemistry_problem(mol)
            if problem is not None:
                raise problem
            try:
                sanitize(mol)
            except Chem.MolSanitizeException as error:
                raise ValenceError(f"{error}; correct the bonds or the charge there") from None
        checks.check_radicals(mol)
        checks.check_hydrogens(mol)
        numbers = np.array([atom.GetAtomicNum() for atom in atoms_of(mol)], dtype=np.int64)
        bonds = bond_array(mol)
        fragments = fragment_indices(len(numbers), bonds)
        checks.check_ground_state(numbers, fragments)
        checks.check_charges(mol, fragments, lambda atoms: _hill_formula(numbers[atoms]))
        bonding = resonance_bonding(numbers, bonds)
        if bonding is None:
            raise misfit(numbers, bonds)
        positions, is_flat = checks.take_positions(mol, numbers, bonds)
        name = mol.GetProp("_Name").strip() if mol.HasProp("_Name") else ""
        mol.RemoveAllConformers()
        notes = (*without_shapes(mol), *stereo_notes(mol))
        return cls(numbers, bonds, bonding.orders, positions, name, notes=notes, _mol=mol, _is_flat=is_flat)

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
        """Molecule from atoms, bonds and bond orders; formal charges follow from the orders.

        Parameters
        ----------
        numbers : array_like of int, shape (n_atoms,)
            Atomic numbers.
        bonds : array_like of int, shape (n_bonds, 2)
            Atoms of each bond, counted from 0.
        orders : array_like of float, shape (n_bonds,)
            1, 2, 3, and 1.5 for aromatic or delocalised bonds.
        positions : array_like of float, shape (n_atoms, 3) or (n_conformers, n_atoms, 3), optional
            In Angstrom; the first conformer gives the stereochemistry.
        name : str, optional
            Name of the molecule.
        max_atoms : int, optional
            Larger molecules are refused.

        Returns
        -------
        Molecule

        Raises
        ------
        ShapeError
            If an array has another shape.
        UnsupportedBondError
            If an order is another number.
        ValenceError
            If no closed-shell structure has these bonds and orders.
        MoleculeError
            One of those of `virialff.molecules.checks`.

        See Also
        --------
        Molecule.from_geometry : Bonds from the distances.
        """
        numbers = np.array(numbers, dtype=np.int64)
        checks.check_size(len(numbers), max_atoms)
        checks.check_numbers(numbers)
        bonds, orders = checks.sorted_bonds(numbers, np.asarray(bonds), np.asarray(orders, dtype=np.float64))
        bonding = resonance_bonding(numbers, bonds)
        if bonding is None:
            raise misfit(numbers, bonds)
        drawn = pinned_bonding(numbers, bonds, orders)
        if drawn is None or ((drawn.charges > 0) & (numbers == 6) & (bonding.charges == 0)).any():
            raise checks.wrong_orders(numbers, bonds, orders)
        return cls._from_bonding(
            numbers,
            bonds,
            drawn._replace(orders=bonding.orders),
            np.zeros((0, len(numbers), 3)) if positions is None else _as_conformers(positions),
            name,
        )

    @classmethod
    def from_geometry(
        cls,
        numbers: Sequence[int] | np.ndarray,
        positions: Sequence | np.ndarray,
        *,
        name: str = "",
        max_atoms: int = DEFAULT_MAX_ATOMS,
    ) -> Molecule:
        """Molecule from atoms and positions alone; its bonds are perceived from the distances.

        Parameters
        ----------
        numbers : array_like of int, shape (n_atoms,)
            Atomic numbers, every hydrogen among them.
        positions : array_like of float, shape (n_atoms, 3) or (n_conformers, n_atoms, 3)
            In Angstrom. Bonds are those of the neutral closed-shell molecules that fit the first conformer.
        name : str, optional
            Name of the molecule.
        max_atoms : int, optional
            Larger molecules are refused.

        Returns
        -------
        Molecule

        Raises
        ------
        ShapeError
            If an array has another shape.
        MoleculeError
            One of those of `virialff.molecules.checks`, or of `virialff.molecules.perception.perceive`.

        See Also
        --------
        Molecule.from_arrays : With bonds of one's own.
        """
        numbers = np.array(numbers, dtype=np.int64)
        checks.check_size(len(numbers), max_atoms)
        checks.check_numbers(numbers)
        conformers = _as_conformers(positions)
        checks.check_positions(conformers, numbers)
        if not len(conformers):
            raise MissingCoordinatesError("it has no coordinates to find its bonds from; give at least one conformer")
        bonds, bonding = perceive(numbers, conformers[0])
        return cls._from_bonding(numbers, bonds, bonding, conformers, name)

    @classmethod
    def from_file(cls, path: str | PathLike[str], *, max_atoms: int = DEFAULT_MAX_ATOMS) -> Molecule:
        """The one molecule of a file, with all its conformers.

        Parameters
        ----------
        path : path_like
            In one of the formats of `read_molecules`; records of the same molecule in the same atom order are
            conformers.
        max_atoms : int, optional
            Larger molecules are refused.

        Returns
        -------
        Molecule

        Raises
        ------
        SeveralMoleculesError
            If there are several; it says how many records and molecules.
        MoleculeError
            The one of the first record.

        See Also
        --------
        read_molecules : All records of a file.
        """
        from virialff.io.read import read_one_molecule

        return read_one_molecule(path, max_atoms=max_atoms)

    @classmethod
    def _from_bonding(
        cls, numbers: np.ndarray, bonds: np.ndarray, bonding: Bonding, positions: np.ndarray, name: str
    ) -> Molecule:
        checks.check_positions(positions, numbers)
        checks.check_ground_state(numbers, fragment_indices(len(numbers), bonds))
        mol = rdkit_mol(numbers, bonds, bonding.kekule_orders, bonding.charges)
        with rdkit_log.captured():
            try:
                sanitize(mol)
            except Chem.MolSanitizeException as error:
                raise ValenceError(f"{error}; such a valence is not covered") from None
            if len(positions):
                add_conformers(mol, positions[:1])
                Chem.AssignStereochemistryFrom3D(mol)
                mol.RemoveAllConformers()
        return cls(numbers, bonds, bonding.orders, positions, name, _mol=mol)

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
        with rdkit_log.captured():
            sanitize(mol)
        offsets = np.cumsum([0, *(molecule.n_atoms for molecule in molecules)])
        return cls(
            np.concatenate([m.numbers for m in molecules]),
            np.concatenate([m.bonds + offset for m, offset in zip(molecules, offsets, strict=False)]),
            np.concatenate([m.orders for m in molecules]),
            np.concatenate([m.positions for m in molecules], axis=1),
            " + ".join(m.name for m in molecules if m.name),
            notes=tuple(note for m in molecules for note in m.notes),
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
        """Canonical SMILES without explicit hydrogens, the same for every form in which the molecule was given."""
        with rdkit_log.captured():
            text: str = Chem.MolToSmiles(without_hydrogens(normalised(self._mol, self.numbers, self.bonds)))
        return text

    @cached_property
    def inchikey(self) -> str:
        """Standard InChIKey of the whole molecule or complex; "" where InChI has none, as beyond 1023 atoms."""
        with rdkit_log.captured():
            try:
                key: str = Chem.MolToInchiKey(normalised(self._mol, self.numbers, self.bonds))
            except Chem.MolSanitizeException:  # alternating bonds of a wide ring system
                return ""
        return key

    def canonical_fragment_keys(self) -> tuple[str, ...]:
        """First block of each fragment's InChIKey (connectivity without stereochemistry), in fragment order."""
        if self.n_fragments == 1:
            return (self.inchikey.split("-")[0],)
        return tuple(self.fragment(k).inchikey.split("-")[0] for k in range(self.n_fragments))

    # --- other forms of it ---

    def to_rdkit(self) -> Chem.Mol:
        """A new RDKit molecule in the form given, explicit hydrogens, same atom order, all conformers."""
        mol = Chem.Mol(self._mol)
        add_conformers(mol, self.positions)
        if self.name:
            mol.SetProp("_Name", self.name)
        return mol

    def with_positions(self, positions: np.ndarray) -> Molecule:
        """The same molecule at other positions, (n_atoms, 3) or (n_conformers, n_atoms, 3), Angstrom.

        Warns (MismatchedCoordinatesWarning) of positions that cannot be of the molecule's bonds. Raises ShapeError,
        MissingCoordinatesError (not finite) or OverlappingAtomsError.
        """
        conformers = _as_conformers(positions)
        checks.check_positions(conformers, self.numbers)
        warn_of_mismatches(self, conformers)
        notes = self.notes
        if not self.n_conformers and len(conformers):
            notes = tuple(dict.fromkeys((*notes, *stereo_notes(self._mol, conformers[0]))))
        return Molecule(self.numbers, self.bonds, self.orders, conformers, self.name, notes=notes, _mol=self._mol)

    def without_positions(self) -> Molecule:
        """The same molecule without conformers."""
        return replace(self, positions=self.positions[:0])

    def with_name(self, name: str) -> Molecule:
        """The same molecule under another name."""
        return replace(self, name=name)

    def with_notes(self, *notes: str) -> Molecule:
        """The same molecule with further notes."""
        return replace(self, notes=tuple(dict.fromkeys((*self.notes, *notes)))) if notes else self

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
        with rdkit_log.captured():
            sanitize(mol)
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
        """Raise FlatCoordinatesError or MissingCoordinatesError unless there is at least one conformer."""
        if self._is_flat:
            raise FlatCoordinatesError(
                "its coordinates are a drawing in a plane, and a geometry is needed here; give a file with 3D "
                "coordinates or generate conformers"
            )
        if not self.n_conformers:
            raise MissingCoordinatesError(
                "it has no coordinates, and a geometry is needed here; give a file with 3D coordinates or generate "
                "conformers"
            )

    def same_bonds(self, other: Molecule) -> bool:
        """Whether both have the same atoms, bonds and orders in the same order."""
        return self._mol is other._mol or (
            np.array_equal(self.numbers, other.numbers)
            and np.array_equal(self.bonds, other.bonds)
            and np.array_equal(self.orders, other.orders)
        )

    def same_structure(self, other: Molecule) -> bool:
        """Whether both have the same atoms, bonds and stereochemistry in the same order: conformers of one molecule.

        The stereochemistry is that of the first conformer, of the formula where there is none; equivalent atoms may
        have changed places. What either leaves open does not count.
        """
        return self.same_bonds(other) and same_isomer(self, self.configuration, other.configuration)

    @cached_property
    def configuration(self) -> Configuration:
        """Stereochemistry of the first conformer, of the formula where there is none; see `molecules.changes`."""
        return configuration(self, self.positions[0] if self.n_conformers else None)


def _hill_formula(numbers: np.ndarray) -> str:
    counts = Counter(SYMBOL_OF[int(number)] for number in numbers)
    first = [symbol for symbol in ("C", "H") if "C" in counts and symbol in counts]
    rest = sorted(symbol for symbol in counts if symbol not in first)
    return "".join(f"{symbol}{counts[symbol] if counts[symbol] > 1 else ''}" for symbol in [*first, *rest])


def _as_conformers(positions: Sequence | np.ndarray) -> np.ndarray:
    """A copy of positions with a leading axis of conformers."""
    array = np.array(positions, dtype=np.float64)
    return array[None] if array.ndim == 2 else array
