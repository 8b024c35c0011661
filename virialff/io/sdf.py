"""SDF and MOL, V2000 and V3000."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial

import numpy as np
from rdkit import Chem

from virialff.elements import MOST_BONDS
from virialff.errors import MissingHydrogensError, UnreadableRecordError, ValenceError
from virialff.io.text import Record, clean_title
from virialff.molecules import checks, rdkit_log
from virialff.molecules.aromaticity import MOST_FUSED_RINGS, is_wide, sanitize
from virialff.molecules.molecule import Molecule
from virialff.molecules.rdkit_forms import localised
from virialff.text import counted

_END = "$$$$"
_END_OF_STRUCTURE = "M  END"
_FIELD = re.compile(r">.*?<([^<>]+)>")
#: Lines of data fields that are kept.
_MAX_DATA_LINES = 20_000
_MAX_DATA_CHARACTERS = 10_000_000
#: Lines of one connection table that are kept: V3000 needs about two a atom and bond.
_MAX_STRUCTURE_LINES = 50_000
_MAX_STRUCTURE_CHARACTERS = 10_000_000
# A line of V3000 that goes on in the next.
_CONTINUED = re.compile(r"-[ \t]*\nM  V30 ")


def read_sdf(
    lines: Iterator[str], max_atoms: int, add_hydrogens: bool, complete_geometries: bool = False
) -> Iterator[Record]:
    """The records between $$$$ lines, with their data fields."""
    block: list[str] = []
    data: list[str] = []
    complete = False
    n_characters = n_data_characters = 0
    for line in lines:
        if line.startswith(_END):
            yield _record(block, data, max_atoms, add_hydrogens, complete_geometries)
            block, data, complete = [], [], False
            n_characters = n_data_characters = 0
        elif not complete and len(block) < _MAX_STRUCTURE_LINES and n_characters < _MAX_STRUCTURE_CHARACTERS:
            block.append(line)
            n_characters += len(line)
            complete = line.startswith(_END_OF_STRUCTURE)
        elif complete and len(data) < _MAX_DATA_LINES and n_data_characters < _MAX_DATA_CHARACTERS:
            data.append(line)
            n_data_characters += len(line)
    if any(line.strip() for line in block):
        yield _record(block, data, max_atoms, add_hydrogens, complete_geometries)


def record_texts(lines: Iterator[str]) -> Iterator[str]:
    """The text of each record, without its $$$$ line; of a very long one the beginning."""
    block: list[str] = []
    n_characters = 0
    for line in lines:
        if line.startswith(_END):
            yield "\n".join(block) + "\n"
            block, n_characters = [], 0
        elif len(block) < _MAX_STRUCTURE_LINES and n_characters < _MAX_STRUCTURE_CHARACTERS:
            block.append(line)
            n_characters += len(line)
    if any(line.strip() for line in block):
        yield "\n".join(block) + "\n"


def _record(
    block: list[str], data: list[str], max_atoms: int, add_hydrogens: bool, complete_geometries: bool
) -> Record:
    title = block[0].strip() if block else ""
    make = partial(_from_block, "\n".join(block) + "\n", max_atoms, add_hydrogens, complete_geometries)
    return Record(title, make, data_fields("\n".join([_END_OF_STRUCTURE, *data])) if data else {})


def _from_block(block: str, max_atoms: int, add_hydrogens: bool, complete_geometries: bool) -> Molecule:
    if _END_OF_STRUCTURE not in block:
        raise UnreadableRecordError(
            "the record ends before its 'M  END' line, so it is cut off or no MOL block; write it again"
        )
    _check_neighbours(block)
    raw = _parse(block, sanitize=False)
    if isinstance(raw, str):
        raise UnreadableRecordError(f"the record is no valid MOL block ({raw}); write it again")
    checks.check_size(raw.GetNumAtoms(), max_atoms)
    checks.check_complete(raw)
    checks.check_atoms(raw)
    checks.check_bonds(raw)
    mol = _sanitized_here(raw) or _parse(block, sanitize=True)
    if isinstance(mol, str):  # from_rdkit names the atom at fault
        return Molecule.from_rdkit(raw, max_atoms=max_atoms)
    drawing = _is_drawing(mol)
    n_given = mol.GetNumAtoms()
    if add_hydrogens if drawing else complete_geometries:
        with rdkit_log.captured():
            mol = Chem.AddHs(mol, addCoords=True)
    added = 0 if drawing else mol.GetNumAtoms() - n_given
    notes = (
        (f"{counted(added, 'hydrogen')} missing in its geometry were placed by RDKit after its atoms",) if added else ()
    )
    try:
        return Molecule.from_rdkit(mol, max_atoms=max_atoms).with_notes(*notes)
    except MissingHydrogensError as error:
        if not drawing:
            raise
        where = error.message.split(";")[0]
        raise MissingHydrogensError(
            f"{where}; the record is a drawing without geometry: draw them, have them added, or give its SMILES",
            atom=error.atom,
        ) from None


def _check_neighbours(block: str) -> None:
    """Raise ValenceError for a net of atoms with more bonds than any has: RDKit seeks its rings without an end."""
    bonds = list(_bonds(block))
    counts = Counter(atom for bond in bonds for atom in bond)
    if len(bonds) - len(counts) < MOST_FUSED_RINGS:
        return
    [(atom, count)] = counts.most_common(1)
    if count > MOST_BONDS:
        raise ValenceError(f"atom {atom} has too many bonds ({count} of them); remove some")


def _bonds(block: str) -> Iterator[tuple[str, str]]:
    """The atoms of each bond as a MOL block numbers them, as far as it is one."""
    lines = block.split("\n")
    atoms, bonds = (lines[3][start : start + 3].strip() if len(lines) > 3 else "" for start in (0, 3))
    if atoms.isdecimal() and bonds.isdecimal():
        for line in lines[4 + int(atoms) : 4 + int(atoms) + int(bonds)]:
            yield line[:3].strip(), line[3:6].strip()
    inside = False
    for line in _CONTINUED.sub("", block).split("\n"):
        words = line.upper().split()
        if words[2:4] in (["BEGIN", "BOND"], ["END", "BOND"]):
            inside = words[2] == "BEGIN"
        elif inside and len(words) > 5:
            yield words[4], words[5]


def _sanitized_here(raw: Chem.Mol) -> Chem.Mol | None:
    """The sanitized molecule of a record that RDKit takes wrongly or takes long over, or None.

    Those are aromatic bonds outside rings, and very many rings.
    """
    mol = localised(raw)
    given = (bond.GetBondType() for bond in raw.GetBonds())
    if not is_wide(mol) and all(bond.GetBondType() == kind for bond, kind in zip(mol.GetBonds(), given, strict=True)):
        return None
    with rdkit_log.captured():
        try:
            sanitize(mol)
        except Chem.MolSanitizeException as error:
            raise ValenceError(f"{error}; correct the bonds or the charge there") from None
        if mol.GetNumConformers() and mol.GetConformer().Is3D():
            Chem.AssignStereochemistryFrom3D(mol)
        elif mol.GetNumConformers():
            Chem.AssignChiralTypesFromBondDirs(mol)
            Chem.AssignStereochemistry(mol, cleanIt=True, force=True)
    return mol


def _parse(block: str, *, sanitize: bool) -> Chem.Mol | str:
    """The RDKit molecule, or RDKit's reason why there is none."""
    with rdkit_log.captured() as log:
        try:
            mol = Chem.MolFromMolBlock(block, sanitize=sanitize, removeHs=False)
        except (RuntimeError, ValueError, OverflowError, ArithmeticError) as error:  # from inside RDKit
            return clean_title(str(error))
    return mol if mol is not None else log.reason()


def _is_drawing(mol: Chem.Mol) -> bool:
    """Whether a record, perhaps without hydrogens, holds a structural drawing; a single atom may count as one."""
    if not mol.GetNumConformers() or mol.GetNumAtoms() == 1:
        return True
    conformer = mol.GetConformer()
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    bonds = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()], dtype=np.int64).reshape(-1, 2)
    return checks.is_drawing(numbers, bonds, conformer.GetPositions(), marked_2d=not conformer.Is3D())


def data_fields(record: str) -> dict[str, str]:
    """The data fields of the text of an SDF record, by name."""
    tags: dict[str, str] = {}
    name: str | None = None
    value: list[str] = []
    for line in record.partition("M  END")[2].splitlines():
        match = _FIELD.match(line) if name is None else None
        if match is not None:
            name, value = match[1], []
        elif name is not None and line.strip():
            value.append(line.strip())
        elif name is not None:
            tags[name], name = "\n".join(value), None
    return tags if name is None else tags | {name: "\n".join(value)}
