"""SMILES files and CSV tables with a column of SMILES."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import partial
from itertools import chain

from rdkit import Chem

from virialff.errors import UnreadableRecordError, VirialffError
from virialff.io.text import MAX_LINE_CHARACTERS, Record, clean_title
from virialff.molecules import keys, rdkit_log
from virialff.molecules.aromaticity import without_hydrogens
from virialff.molecules.molecule import Molecule
from virialff.text import cell_text, reason_of

# A longer cell would end the table; lines are bounded already.
csv.field_size_limit(MAX_LINE_CHARACTERS)
#: A quoted cell may go over lines.
_MAX_ROW_CHARACTERS = 2 * MAX_LINE_CHARACTERS
_NAME_COLUMNS = ("name", "title", "id", "molecule", "compound", "identifier", "cid", "chembl_id", "inchikey")


def smiles_in_order(molecule: Molecule) -> str:
    """SMILES that `Molecule.from_smiles` reads back with the atoms in this order: with map numbers where it needs them.

    Parameters
    ----------
    molecule : Molecule
        Its coordinates do not matter.

    Returns
    -------
    str
        The canonical SMILES where its order is that of the molecule.
    """
    text = numbered_smiles(molecule)
    try:
        again = Molecule.from_smiles(text, max_atoms=molecule.n_atoms)
    except VirialffError:
        again = None
    if again is not None and keys.graph_key(again) == keys.graph_key(molecule):
        return text
    mol = molecule.to_rdkit()
    mol.RemoveAllConformers()
    for atom in mol.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    return str(Chem.MolToSmiles(mol))


def numbered_smiles(molecule: Molecule) -> str:
    """SMILES whose atoms count as those of the molecule, the hydrogens behind: quicker than `smiles_in_order`.

    Map numbers, from 1, stand in it where no order of writing is that of the atoms.
    """
    mol = molecule.to_rdkit()
    mol.RemoveAllConformers()
    heavy = without_hydrogens(mol)
    hydrogens = [mol.GetAtomWithIdx(index) for index in range(heavy.GetNumAtoms(), mol.GetNumAtoms())]
    owners = [[atom.GetIdx() for atom in hydrogen.GetNeighbors()] for hydrogen in hydrogens]
    if any(len(owner) != 1 or owner[0] >= heavy.GetNumAtoms() for owner in owners) or owners != sorted(owners):
        heavy = mol
    else:
        for canonical in (True, False):
            text = Chem.MolToSmiles(heavy, canonical=canonical)
            order = list(heavy.GetPropsAsDict(includePrivate=True, includeComputed=True)["_smilesAtomOutputOrder"])
            if order == sorted(order):
                return str(text)
    for atom in heavy.GetAtoms():
        atom.SetAtomMapNum(atom.GetIdx() + 1)
    return str(Chem.MolToSmiles(heavy))


def is_smiles_column(title: str) -> bool:
    """Whether a column of this title holds SMILES: "smiles", "SMILES", "canonical_smiles", ..."""
    words = title.strip().strip('"').lower().replace("-", "_").replace(" ", "_")
    return words.endswith("smiles") or words.startswith("smiles_")


def _smiles_column(titles: list[str]) -> tuple[int | None, tuple[str, ...]]:
    """The column of SMILES, with stereochemistry where there is a choice, and a note that names it in that case."""
    columns = [k for k, title in enumerate(titles) if is_smiles_column(title)]
    if not columns:
        return None, ()

    def rank(k: int) -> int:
        title = titles[k].lower()
        if "iso" in title:
            return 0
        return 1 if title == "smiles" else 3 if re.search("canonical|connectivity|flat|nostereo", title) else 2

    column = min(columns, key=rank)
    return column, (f"its SMILES is from the column {titles[column]!r}",) if len(columns) > 1 else ()


def read_smiles(lines: Iterator[str], max_atoms: int) -> Iterator[Record]:
    """One SMILES a line, then blanks and a name; blank lines and lines that start with # are no records.

    A header that names the columns is obeyed.
    """
    first = True
    column: int | None = 0
    notes: tuple[str, ...] = ()
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        separator = "\t" if "\t" in text else None
        if first:
            first = False
            titles = [title.strip() for title in text.split(separator)]
            with rdkit_log.captured():
                header = any(map(is_smiles_column, titles)) and Chem.MolFromSmiles(titles[0]) is None
            if header:
                column, notes = _smiles_column(titles)
                continue
        if column:
            cells = [cell.strip() for cell in text.split(separator)]
            smiles = cells[column] if column < len(cells) else ""
            rest = " ".join(cells[:column] + cells[column + 1 :])
        else:
            parts = text.split(maxsplit=1)
            smiles, rest = parts[0], parts[1].strip() if len(parts) > 1 else ""
        extension = ""
        if rest.startswith("|") and "|" in rest[1:]:
            end = rest.index("|", 1) + 1
            extension, rest = " " + rest[:end], rest[end:].strip()
        yield _record(smiles + extension, rest, max_atoms, notes)


def csv_columns(lines: Iterator[str]) -> list[str]:
    """The titles of a table's columns."""
    header, delimiter = _header(lines)
    rows = csv.reader([header], delimiter=delimiter, skipinitialspace=True)
    return [title.strip() for title in next(rows, [])]


def _header(lines: Iterator[str]) -> tuple[str, str]:
    """The first line that is not blank, and what separates its cells."""
    header = next((line for line in lines if line.strip()), "")
    return header, max(",;\t|", key=header.count)


def read_csv(lines: Iterator[str], max_atoms: int, chosen: str | None = None) -> Iterator[Record]:
    """One record a row, its SMILES from the column with the title `chosen`, by default from the one that names them.

    Raises UnreadableRecordError without such a column.
    """
    header, delimiter = _header(lines)
    size = 0

    def counted_lines() -> Iterator[str]:
        nonlocal size
        for line in lines:
            size += len(line) + 1
            if size > _MAX_ROW_CHARACTERS:
                raise UnreadableRecordError(
                    f"the table has a row of more than {_MAX_ROW_CHARACTERS} characters; check its quotes"
                )
            yield line + "\n"

    rows = csv.reader(chain([header], counted_lines()), delimiter=delimiter, skipinitialspace=True)
    try:
        titles = [title.strip() for title in next(rows, [])]
        column, notes = _smiles_column(titles)
        if chosen is not None:
            column, notes = (titles.index(chosen) if chosen in titles else None), ()
        if column is None:
            shown = clean_title(", ".join(titles))
            raise UnreadableRecordError(
                f"the table has no column named {chosen or 'smiles'} but {shown}; "
                + ("choose one of these" if chosen else "name the column of SMILES so, or choose it")
            )
        lower = [title.lower() for title in titles]
        name_column = next((lower.index(name) for name in _NAME_COLUMNS if name in lower), None)
        for row in rows:
            size = 0
            if not any(cell.strip() for cell in row):
                continue
            smiles = row[column].strip() if column < len(row) else ""
            name = cell_text(row[name_column].strip()) if name_column is not None and name_column < len(row) else ""
            yield _record(smiles, name, max_atoms, notes)
    except csv.Error as error:
        raise UnreadableRecordError(
            f"the table cannot be read further ({reason_of(error)}); check its quotes"
        ) from None


def _record(smiles: str, name: str, max_atoms: int, notes: tuple[str, ...]) -> Record:
    # What stands between bars may have coordinates.
    return Record(name, partial(_from_smiles, smiles, name, max_atoms, notes), portable="|" not in smiles)


def _from_smiles(smiles: str, name: str, max_atoms: int, notes: tuple[str, ...]) -> Molecule:
    if not smiles:
        raise UnreadableRecordError("the cell of the SMILES is empty; fill it or remove the row")
    return Molecule.from_smiles(smiles, name=name, max_atoms=max_atoms).with_notes(*notes)
