"""XYZ and PDB: elements and positions, bonds perceived from the distances."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from rdkit import Chem

from virialff.elements import ELEMENTS, NUMBER_OF
from virialff.errors import (
    IsotopeError,
    MismatchedCoordinatesError,
    NetChargeError,
    RadicalError,
    UnreadableRecordError,
)
from virialff.io.text import Record
from virialff.molecules import checks, rdkit_log
from virialff.molecules.changes import configuration, configuration_changes, mismatches
from virialff.molecules.molecule import Molecule
from virialff.molecules.perception import bonded_pairs
from virialff.molecules.rdkit_forms import add_conformers
from virialff.text import counted, shortened

_ATOMIC_NUMBERS = {symbol.upper(): number for symbol, number in NUMBER_OF.items()}
#: Atoms that one XYZ frame may announce; more is a damaged count, not a molecule.
_MAX_COUNT = 1_000_000
#: Characters of the line of an atom that are kept; forces and charges may follow its coordinates.
_MAX_ATOM_CHARACTERS = 2_000
_PDB_CHARACTERS = 80
# Every run has an end: without, a comment of 50 kB takes minutes.
_FIELD = re.compile(
    r"(?<![A-Za-z])(?P<name>[A-Za-z][\w.-]{0,99}(?:\s{0,9}[\[(][^\])]{1,12}[\])])?)\s{0,9}"
    r"(?:=\s{0,9}(?:\"(?P<quoted>[^\"]*)\"|(?P<value>[^\s\"]+))|:\s{0,9}(?P<number>[-+]?\d\S*))"
)
# Keys of the extended XYZ format.
_PROPERTIES = re.compile(r"(?:^|\s)properties\s*=\s*[\"']?([^\s\"']+)", re.IGNORECASE)
_CHARGE = re.compile(r"(?:^|\s)(?:\w+_)?charge\s*[=:]\s*[\"']?([+-]?\d+)(?:\.0*)?(?=[\"']?(?:\s|$))", re.IGNORECASE)
_SPIN = re.compile(r"(?:^|\s)(?:\w+_)?(?:mult|multiplicity|spin)\s*[=:]\s*[\"']?(\d+)(?=[\"']?(?:\s|$))", re.IGNORECASE)
_LATTICE = re.compile(r"(?:^|\s)lattice\s*=", re.IGNORECASE)
# Atom maps of a SMILES.
_MAPS = re.compile(r":(\d+)\]")
_NOT_PERIODIC = re.compile(r"(?:^|\s)pbc\s*=\s*[\"']?\s*(?:F(?:alse)?\b\s*){3}", re.IGNORECASE)


class Perceiver:
    """Molecules from geometries; those with the same bonds and stereochemistry share their perception."""

    #: Molecules that are remembered.
    MOST = 512

    def __init__(self, max_atoms: int) -> None:
        self._max_atoms = max_atoms
        self._known: dict[tuple[bytes, bytes | str], list[Molecule]] = {}
        self._n_known = 0

    def molecule(
        self, numbers: Sequence[int] | np.ndarray, geometry: np.ndarray, *, smiles: str | None = None
    ) -> Molecule:
        """The molecule of a geometry (n_atoms, 3), Angstrom, with it or with an earlier one of the same molecule.

        smiles: gives the bonds, every atom mapped to its row from 1; by default they are perceived. The stereochemistry
        is that of the geometry. Raises a MoleculeError, in which a SMILES of other atoms is an UnreadableRecordError.
        """
        checks.check_size(len(numbers), self._max_atoms)
        atoms = np.array(numbers, dtype=np.int64)
        checks.check_numbers(atoms)
        checks.check_positions(geometry[None], atoms)
        key = (atoms.tobytes(), bonded_pairs(atoms, geometry).tobytes() if smiles is None else smiles)
        for known in self._known.get(key, ()):
            if not configuration_changes(known, known.configuration, configuration(known, geometry)):
                return known
        if smiles is None:
            made = Molecule.from_geometry(atoms, geometry, max_atoms=self._max_atoms)
        else:
            made = _of_smiles(smiles, atoms, geometry, self._max_atoms)
        if self._n_known == self.MOST:
            self._known, self._n_known = {}, 0
        self._known.setdefault(key, []).append(made)
        self._n_known += 1
        return made


def _of_smiles(smiles: str, numbers: np.ndarray, geometry: np.ndarray, max_atoms: int) -> Molecule:
    drawn = Molecule.from_smiles(smiles, max_atoms=max_atoms)
    mapped = sorted(int(number) for number in _MAPS.findall(smiles))
    if mapped != list(range(1, len(numbers) + 1)) or not np.array_equal(drawn.numbers, numbers):
        raise UnreadableRecordError(
            f"its SMILES {shortened(smiles)} does not map its {counted(len(numbers), 'atom')} one by one; number every "
            "atom, hydrogens too, by its row"
        )
    reason = next(mismatches(drawn, geometry[None]), None)
    if reason is not None:
        raise MismatchedCoordinatesError(reason)
    mol = drawn.to_rdkit()
    add_conformers(mol, geometry[None])
    with rdkit_log.captured():
        Chem.AssignStereochemistryFrom3D(mol)
    return Molecule.from_rdkit(mol, max_atoms=max_atoms)


class Frame(NamedTuple):
    """A frame of an XYZ file as it is written: its comment and the line of each atom, or why it cannot be read."""

    comment: str
    lines: list[str]
    problem: str = ""


def read_xyz(lines: Iterator[str], max_atoms: int) -> Iterator[Record]:
    """Frames of an XYZ file: the number of atoms, a comment, and a line for each atom."""
    perceiver = Perceiver(max_atoms)
    for frame in frames(lines, max_atoms):
        if frame.problem:
            yield Record(_title(frame.comment), partial(_unreadable, frame.problem))
        else:
            make = partial(_from_xyz, perceiver, frame.lines, frame.comment, max_atoms)
            yield Record(_title(frame.comment), make, comment_fields(frame.comment))


def frames(lines: Iterator[str], max_atoms: int) -> Iterator[Frame]:
    """The frames of an XYZ file; of one with too many atoms the lines are counted and not kept."""
    waiting: str | None = None
    while True:
        count_line = waiting if waiting is not None else next(lines, None)
        waiting = None
        if count_line is None:
            return
        if not count_line.strip():
            continue
        n_atoms = _count(count_line)
        if n_atoms is None:
            reason = f"its first line is {count_line.strip()[:40]!r} where the number of atoms belongs"
            yield Frame("", [], reason)
            waiting = next((line for line in lines if _count(line) is not None), None)
            if waiting is None:
                return
            continue
        comment = next(lines, "")
        body: list[str] = []
        while len(body) < n_atoms:
            line = next(lines, None)
            if line is None or not line.strip() or _count(line) is not None:
                waiting = line
                break
            if len(body) <= max_atoms:
                body.append(line[:_MAX_ATOM_CHARACTERS])
            else:  # counted, not kept
                body.append("")
        if len(body) < n_atoms:
            yield Frame(comment, [], f"it announces {counted(n_atoms, 'atom')} and has {len(body)}")
        else:
            yield Frame(comment, body)


def read_pdb(lines: Iterator[str], max_atoms: int) -> Iterator[Record]:
    """The MODELs of a PDB file, or its atoms as one record; CONECT records are passed over, as they hold no orders."""
    perceiver = Perceiver(max_atoms)
    title = ""
    atoms: list[str] = []
    seen_model = False
    for line in lines:
        kind = line[:6].strip().upper()
        if kind in ("ATOM", "HETATM"):
            atoms.append(line[:_PDB_CHARACTERS] if len(atoms) <= max_atoms else "")  # counted, not kept
        elif kind == "COMPND" and not title:
            title = line[10:].strip()
            title = "" if title.upper() == "UNNAMED" else title
        elif kind in ("MODEL", "ENDMDL"):
            if atoms or kind == "ENDMDL":
                yield Record(title, partial(_from_pdb, perceiver, atoms, title, max_atoms))
                seen_model = True
            atoms = []
    if atoms or not seen_model:
        yield Record(title, partial(_from_pdb, perceiver, atoms, title, max_atoms))


def _count(line: str) -> int | None:
    text = line.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 7 and int(text) <= _MAX_COUNT else None


def _title(comment: str) -> str:
    """The comment as a title, unless it holds data: an energy, or the properties of the extended format."""
    words = comment.split()
    if not words or "=" in comment:
        return ""
    try:
        float(words[0])
    except ValueError:
        return "" if words[0].lower().rstrip(":") == "energy" else comment.strip()
    return ""


def comment_fields(comment: str) -> dict[str, str]:
    """What a comment says by name: name=value and "name: number"; a comment that begins with a number is its "energy".

    The name may have a unit in brackets, and so may the number have one behind it, as written.
    """
    words = comment.split()
    fields = {
        match["name"].strip(): match["quoted"] or match["value"] or match["number"] or ""
        for match in _FIELD.finditer(comment)
    }
    try:
        float(words[0].lower().replace("d", "e") if words else "")
    except ValueError:
        return fields
    return {"energy": words[0]} | fields


def _unreadable(reason: str) -> Molecule:
    raise UnreadableRecordError(f"the frame cannot be read: {reason}; correct it")


def property_columns(comment: str) -> dict[tuple[str, str], int]:
    """The first column in the atoms' lines of what the extended format's `Properties=` names, by name and width."""
    match = _PROPERTIES.search(comment)
    fields = match[1].split(":") if match is not None else []
    starts: dict[tuple[str, str], int] = {}
    start = 0
    for name, width in zip(fields[::3], fields[2::3]):
        starts[name.lower(), width] = start
        start += int(width) if width.isascii() and width.isdigit() and len(width) < 4 else 1
    return starts


def atom_columns(comment: str) -> tuple[int, int]:
    """The columns of the symbol and of x in the atoms' lines, which the extended format's `Properties=` names.

    Raises UnreadableRecordError for a `Properties=` that names no species or no positions.
    """
    match = _PROPERTIES.search(comment)
    if match is None:
        return 0, 1
    starts = property_columns(comment)
    species = [starts[name, "1"] for name in ("species", "element", "symbol", "z", "numbers") if (name, "1") in starts]
    place = [starts[name, "3"] for name in ("pos", "positions") if (name, "3") in starts]
    if not species or not place:
        raise UnreadableRecordError(
            f"its comment names the columns {match[1][:60]!r} without species:S:1 and pos:R:3; correct it"
        )
    return species[0], place[0]


def _check_state(comment: str) -> None:
    """Raise NetChargeError or RadicalError where the comment says that it is no neutral closed-shell molecule."""
    charge, spin = _CHARGE.search(comment), _SPIN.search(comment)
    if charge is not None and int(charge[1]):
        raise NetChargeError(
            f"its comment gives it the charge {int(charge[1]):+d}, and only neutral molecules are covered: add or "
            "remove a proton to make it neutral"
        )
    if spin is not None and int(spin[1]) > 1:
        raise RadicalError(
            f"its comment says {spin[0].strip()}, so that it has unpaired electrons; only closed-shell molecules are "
            "covered"
        )


def _from_xyz(perceiver: Perceiver, body: list[str], comment: str, max_atoms: int) -> Molecule:
    numbers, positions = atoms_of(body, comment, max_atoms)
    molecule = _with_geometry(perceiver, numbers, positions, _title(comment))
    if _LATTICE.search(comment) and not _NOT_PERIODIC.search(comment):
        molecule = molecule.with_notes("its periodic cell is not used: the molecule is taken alone")
    return molecule


def atoms_of(body: list[str], comment: str, max_atoms: int) -> tuple[list[int], np.ndarray]:
    """Atomic numbers and positions (n_atoms, 3), Angstrom, of a frame; raises a MoleculeError."""
    checks.check_size(len(body), max_atoms)
    symbol, first = atom_columns(comment)
    _check_state(comment)
    numbers, positions = [], []
    for index, line in enumerate(body):
        words = line.split()
        if len(words) < max(symbol + 1, first + 3):
            raise UnreadableRecordError(
                f"the line of atom {index + 1} has {counted(len(words), 'column')}; it needs a symbol and x, y, z in "
                "Angstrom",
                atom=index + 1,
            )
        numbers.append(atomic_number(words[symbol], index))
        positions.append(position(words[first : first + 3], index))
    return numbers, np.array(positions)


def _with_geometry(perceiver: Perceiver, numbers: list[int], geometry: np.ndarray, name: str) -> Molecule:
    return perceiver.molecule(numbers, geometry).with_positions(geometry).with_name(name)


def _from_pdb(perceiver: Perceiver, atoms: list[str], title: str, max_atoms: int) -> Molecule:
    checks.check_size(len(atoms), max_atoms)
    alternates = {line[16:17] for line in atoms} - {" ", ""}
    # Several letters, or one beside a blank: for an atom of the same name and residue, or with a part of the occupancy.
    names = Counter((line[12:16], line[17:27]) for line in atoms)
    other = [
        index
        for index, line in enumerate(atoms)
        if line[16:17].strip() and (names[line[12:16], line[17:27]] > 1 or _is_partial(line))
    ]
    if alternates and (len(alternates) > 1 or (other and len(alternates | {line[16:17] for line in atoms}) > 1)):
        index = other[0] if other else next(k for k, line in enumerate(atoms) if line[16:17].strip())
        shown = ", ".join(sorted({line[16:17].strip() or "blank" for line in atoms}))
        raise UnreadableRecordError(
            f"atom {index + 1} has alternate locations ({shown}); keep one of them",
            atom=index + 1,
        )
    numbers, positions = [], []
    for index, line in enumerate(atoms):
        numbers.append(atomic_number(line[76:78].strip() or _element_of_name(line[12:16]), index))
        positions.append(position([line[30:38], line[38:46], line[46:54]], index))
    return _with_geometry(perceiver, numbers, np.array(positions), title)


def _is_partial(line: str) -> bool:
    """Whether the occupancy says that the atom is there in a part of the cells only."""
    try:
        return 0.0 < float(line[54:60]) < 0.999
    except ValueError:
        return False


def _element_of_name(name: str) -> str:
    """The element of a PDB atom name where the element columns are empty: " CA " is carbon, "CL1 " chlorine."""
    letters = name.strip().lstrip("0123456789").upper()
    if letters.startswith(("CL", "BR")):
        return letters[:2]
    first = letters[:1]
    if not name[:1].isalpha() or first in ELEMENTS:
        return first
    return "".join(c for c in letters if c.isalpha())


def atomic_number(text: str, index: int) -> int:
    """Atomic number of a symbol or number as written for the atom at `index`; raises a MoleculeError that names it."""
    symbol = text.upper()
    if symbol in ("D", "T"):
        raise IsotopeError(
            f"atom {index + 1} ({text}) is an isotope; write it as H, as energies do not depend on isotopes",
            atom=index + 1,
        )
    if symbol in _ATOMIC_NUMBERS:
        return _ATOMIC_NUMBERS[symbol]
    if text.isascii() and text.isdigit() and 0 < int(text[:4]) < 119:
        return int(text)
    raise UnreadableRecordError(
        f"atom {index + 1} has the symbol {text[:10]!r}, which is no element; correct it", atom=index + 1
    )


def position(words: list[str], index: int) -> tuple[float, float, float]:
    """x, y and z as written for the atom at `index`; raises UnreadableRecordError."""
    try:
        x, y, z = (float(word) for word in words)
    except ValueError:
        raise UnreadableRecordError(
            f"the coordinates of atom {index + 1} are no numbers ({' '.join(words).strip()[:60]}); correct them",
            atom=index + 1,
        ) from None
    return x, y, z
