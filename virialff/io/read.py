"""Molecules from files: SMILES, CSV, SDF, MOL, XYZ and PDB, record by record.

A record that cannot be used is an item of its own, an error that names the record, and reading goes on after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from os import PathLike
from pathlib import PurePath
from typing import IO, NamedTuple

import numpy as np
from rdkit import Chem

from virialff.errors import (
    MismatchedCoordinatesError,
    MoleculeError,
    SeveralMoleculesError,
    UnknownFormatError,
    UnreadableRecordError,
)
from virialff.io import sdf as structures
from virialff.io import smiles as tables
from virialff.io import xyz as geometries
from virialff.io.text import Record, clean_title, open_lines
from virialff.molecules import rdkit_log
from virialff.molecules.changes import mismatches
from virialff.molecules.checks import DEFAULT_MAX_ATOMS
from virialff.molecules.molecule import Molecule

#: File suffix to the format that is read.
FORMATS = {
    "smi": "smi",
    "smiles": "smi",
    "ism": "smi",
    "csv": "csv",
    "tsv": "csv",
    "sdf": "sdf",
    "sd": "sdf",
    "mol": "sdf",
    "mdl": "sdf",
    "xyz": "xyz",
    "pdb": "pdb",
    "ent": "pdb",
}
_SNIFFED_LINES = 200
_PDB_STARTS = ("ATOM  ", "HETATM", "MODEL ", "HEADER", "COMPND", "CRYST1", "REMARK")


def read_molecules(
    source: str | PathLike[str] | IO[bytes] | IO[str],
    *,
    format: str | None = None,
    max_atoms: int = DEFAULT_MAX_ATOMS,
    add_hydrogens: bool = False,
    complete_geometries: bool = False,
    column: str | None = None,
) -> Iterator[Molecule | MoleculeError]:
    """The records of a file, one at a time.

    SMILES files have one SMILES a line and a name after it, with or without a header. CSV needs a column `smiles`; a
    column
    `name`, `id` or `title` gives the name. SDF and MOL may be V2000 or V3000; a drawing without geometry gives a
    Molecule
    without conformers. XYZ and PDB carry no bond orders: bonds are perceived from the distances, for neutral closed-
    shell
    molecules with all hydrogens, and one frame or MODEL is one record. Several records of the same molecule stay
    separate;
    `group_conformers` joins them.

    Parameters
    ----------
    source : path_like or file
        Compressed with gzip or not, UTF-8, UTF-16 or Latin-1.
    format : str, optional
        One of FORMATS; by default the suffix of the file's name, and without one the content decides.
    max_atoms : int, optional
        Larger molecules are refused.
    add_hydrogens : bool, optional
        Add the missing hydrogens of SDF and MOL records whose coordinates are a drawing; records with a geometry
        need them
        in the file.
    complete_geometries : bool, optional
        Place the missing hydrogens of SDF and MOL records with a geometry, which a note then says.
    column : str, optional
        Title of the column of a CSV that holds SMILES; by default the one that is named so.

    Yields
    ------
    Molecule or MoleculeError
        The molecule, or what is wrong with the record.

    Raises
    ------
    UnknownFormatError
        If the format is not read.
    OSError
        If the file cannot be opened.

    See Also
    --------
    Molecule.from_file : The one molecule of a file.
    """
    kind = _kind(source, format)
    options = _Options(max_atoms, add_hydrogens, complete_geometries, column)
    return (item for item, _ in _read(open_lines(source), kind, options))


class _Options(NamedTuple):
    """What `read_molecules` was asked for."""

    max_atoms: int
    add_hydrogens: bool = False
    complete_geometries: bool = False
    column: str | None = None


def table_columns(source: str | PathLike[str] | IO[bytes] | IO[str]) -> list[str]:
    """Titles of the columns of a CSV file. Raises UnreadableRecordError for what is no text, and OSError."""
    return tables.csv_columns(open_lines(source))


def read_with_fields(
    source: str | PathLike[str] | IO[bytes] | IO[str],
    *,
    format: str | None = None,
    max_atoms: int = DEFAULT_MAX_ATOMS,
) -> Iterator[tuple[Molecule | MoleculeError, Mapping[str, str]]]:
    """The same with the data of each record beside its structure: data fields of an SDF, what an XYZ comment names."""
    return _read(open_lines(source), _kind(source, format), _Options(max_atoms))


class Unmade(NamedTuple):
    """A record of a file that another process may make the molecule of; it gives one without coordinates."""

    number: int
    title: str
    make: Callable[[], Molecule]

    def made(self) -> Molecule | MoleculeError:
        """As `read_with_fields` gives it."""
        return _made(self.number, Record(self.title, self.make))


def read_for_others(
    source: str | PathLike[str] | IO[bytes] | IO[str],
    *,
    format: str | None = None,
    max_atoms: int = DEFAULT_MAX_ATOMS,
) -> Iterator[tuple[Molecule | MoleculeError | Unmade, Mapping[str, str]]]:
    """As `read_with_fields`, but of what is plain SMILES in a file the molecules are not made."""
    for number, record in _numbered(open_lines(source), _kind(source, format), _Options(max_atoms)):
        if isinstance(record, MoleculeError):
            yield record, {}
        elif record.portable:
            yield Unmade(number, record.title, record.make), record.fields
        else:
            yield _made(number, record), record.fields


def count_records(source: str | PathLike[str] | IO[bytes] | IO[str], *, format: str | None = None) -> int:
    """How many records a file has, without making their molecules. Raises as `read_molecules`."""
    lines = open_lines(source)
    head = list(islice(lines, _SNIFFED_LINES))
    kind = _kind(source, format) or (_sniff(head) if any(line.strip() for line in head) else "smi")
    return sum(1 for _ in _records(chain(head, lines), kind, _Options(DEFAULT_MAX_ATOMS)))


def _kind(source: str | PathLike[str] | IO[bytes] | IO[str], format: str | None) -> str | None:
    """The format asked for, or that of the suffix; None where neither tells. Raises UnknownFormatError."""
    name = source if isinstance(source, (str, PathLike)) else getattr(source, "name", "")
    asked = format if format is not None else _suffix(name)
    if asked is None or asked.lower().lstrip(".") == "gz":
        return None
    kind = FORMATS.get(asked.lower().lstrip("."))
    if kind is None and (format is not None or asked.lower() != "txt"):
        raise UnknownFormatError(
            f"files of the format {asked!r} are not read; give one of {', '.join(FORMATS)}, or name the format"
        )
    return kind


def group_conformers(molecules: Iterable[Molecule]) -> Iterator[Molecule]:
    """Join consecutive molecules that are the same, atom for atom, into one with all their conformers.

    Stereoisomers may alternate: each is joined with its own. Molecules without coordinates stay as they are. The first
    one of a group gives the name.
    """
    held: list[Molecule] = []
    for molecule in molecules:
        if held and not may_be_joined(held[-1], molecule):
            yield from (_joined([held[k] for k in group]) for group in isomers(held))
            held = []
        held.append(molecule)
    yield from (_joined([held[k] for k in group]) for group in isomers(held))


def may_be_joined(first: Molecule, second: Molecule) -> bool:
    """Whether two molecules with coordinates have the same bonds, so that they are one molecule or stereoisomers."""
    return bool(first.n_conformers and second.n_conformers and first.same_bonds(second))


def isomers(molecules: Sequence[Molecule]) -> list[list[int]]:
    """Indices of molecules with the same bonds, those of a stereoisomer together, in the order of their first."""
    groups: list[list[int]] = []
    for index, molecule in enumerate(molecules):
        for group in groups:
            if molecules[group[0]].same_structure(molecule):
                group.append(index)
                break
        else:
            groups.append([index])
    return groups


def isomer_notes(molecules: Iterable[Molecule]) -> Iterator[str]:
    """A sentence for each run of grouped molecules that are stereoisomers of each other: "2 stereoisomers: R 13, S 12".

    They are named by the labels at which they differ, with the atoms where there are several, or by number.
    """
    run: list[Molecule] = []
    for molecule in (*molecules, None):
        if run and (molecule is None or not may_be_joined(run[-1], molecule)):
            if len(run) > 1:
                counts = ", ".join(
                    f"{name}: {part.n_conformers}" for name, part in zip(_isomer_names(run), run, strict=True)
                )
                yield f"{run[0].name or run[0].formula} is there as {len(run)} stereoisomers, {counts}"
            run = []
        if molecule is not None:
            run.append(molecule)


def _isomer_names(parts: Sequence[Molecule]) -> list[str]:
    labels: list[dict[int, str]] = []
    for part in parts:
        mol = part.to_rdkit()
        with rdkit_log.captured():
            Chem.AssignStereochemistryFrom3D(mol, mol.GetConformers()[0].GetId())
        labels.append({a.GetIdx() + 1: a.GetProp("_CIPCode") for a in mol.GetAtoms() if a.HasProp("_CIPCode")})
    atoms = sorted(atom for atom in set().union(*labels) if len({found.get(atom) for found in labels}) > 1)
    single = len(atoms) == 1
    names = [",".join(("" if single else str(atom)) + found.get(atom, "?") for atom in atoms) for found in labels]
    # Labels need not tell them apart: cis and trans in a ring.
    return names if len(set(names)) == len(names) else [str(number) for number in range(1, len(parts) + 1)]


def read_one_molecule(
    source: str | PathLike[str] | IO[bytes] | IO[str], *, format: str | None = None, max_atoms: int = DEFAULT_MAX_ATOMS
) -> Molecule:
    """The one molecule of a file with all its conformers.

    Raises the first record's MoleculeError, or SeveralMoleculesError where the file has several molecules.
    """
    molecules: list[Molecule] = []
    items = read_molecules(source, format=format, max_atoms=max_atoms)
    for item in items:
        if isinstance(item, MoleculeError):
            raise item
        if molecules and molecules[-1].n_conformers and item.n_conformers and molecules[0].same_structure(item):
            molecules.append(item)
        elif molecules:
            n_records = len(molecules) + 1 + sum(1 for _ in items)
            raise SeveralMoleculesError(
                f"the file has {n_records} records, and not all are the same molecule in the same atom order; give a "
                "file with one molecule"
            )
        else:
            molecules.append(item)
    return _joined(molecules)


def _read(
    lines: Iterator[str], kind: str | None, options: _Options
) -> Iterator[tuple[Molecule | MoleculeError, Mapping[str, str]]]:
    for number, record in _numbered(lines, kind, options):
        if isinstance(record, MoleculeError):
            yield record, {}
        else:
            yield _made(number, record), record.fields


def _numbered(
    lines: Iterator[str], kind: str | None, options: _Options
) -> Iterator[tuple[int, Record | MoleculeError]]:
    """The records with their numbers, from 1; an error where the file cannot be read, or not further."""
    number = 0
    try:
        head = list(islice(lines, _SNIFFED_LINES))
        if not any(line.strip() for line in head):
            yield 0, UnreadableRecordError("the file is empty; give a file with at least one molecule")
            return
        for number, record in enumerate(_records(chain(head, lines), kind or _sniff(head), options), 1):
            yield number, record
    except UnreadableRecordError as error:  # of the file as a whole
        yield 0, error.in_record(f"{number + 1}") if number else error
        return
    if not number:
        yield 0, UnreadableRecordError("the file has no records; give a file with at least one molecule")


def _made(number: int, record: Record) -> Molecule | MoleculeError:
    title = clean_title(record.title)
    try:
        molecule = record.make()
        _check_geometry(molecule)
    except MoleculeError as error:
        return error.in_record(f"{number} ({title})" if title else str(number), title)
    except (ValueError, ArithmeticError, LookupError, RuntimeError) as error:  # of a parser below
        reason = clean_title(str(error)) or type(error).__name__
        return UnreadableRecordError(
            f"the record cannot be read ({reason}); write it again",
            record=f"{number} ({title})" if title else str(number),
            title=title,
        )
    return molecule


def _check_geometry(molecule: Molecule) -> None:
    for reason in mismatches(molecule, molecule.positions):
        raise MismatchedCoordinatesError(reason)


def _records(lines: Iterator[str], kind: str, options: _Options) -> Iterator[Record]:
    max_atoms = options.max_atoms
    if kind == "smi":
        return tables.read_smiles(lines, max_atoms)
    if kind == "csv":
        return tables.read_csv(lines, max_atoms, options.column)
    if kind == "xyz":
        return geometries.read_xyz(lines, max_atoms)
    if kind == "pdb":
        return geometries.read_pdb(lines, max_atoms)
    return structures.read_sdf(lines, max_atoms, options.add_hydrogens, options.complete_geometries)


def _sniff(head: list[str]) -> str:
    """The format of a file of unknown name, from its first lines; SMILES where nothing else fits."""
    if any(line.startswith(("M  END", "$$$$")) or line.rstrip().endswith(("V2000", "V3000")) for line in head):
        return "sdf"
    filled = [line for line in head if line.strip()]
    if filled[0].strip().isdigit():
        return "xyz"
    if any(line.startswith(_PDB_STARTS) for line in filled):
        return "pdb"
    for delimiter in ",;":
        if delimiter in filled[0] and any(tables.is_smiles_column(cell) for cell in filled[0].split(delimiter)):
            return "csv"
    return "smi"


def _suffix(name: object) -> str | None:
    """The suffix of a file name without its dot and without .gz, or None."""
    path = PurePath(str(name)) if isinstance(name, (str, PathLike)) else PurePath()
    if path.suffix.lower() == ".gz":
        path = path.with_suffix("")
    return path.suffix.lstrip(".") or None


def _joined(group: list[Molecule]) -> Molecule:
    if len(group) == 1:
        return group[0]
    positions = np.concatenate([molecule.positions for molecule in group])
    return group[0].with_positions(positions)
