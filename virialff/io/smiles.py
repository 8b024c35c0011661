"""SMILES files and CSV tables with a column of SMILES."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from itertools import chain

from virialff.errors import UnreadableRecordError
from virialff.io.text import Record, clean_title
from virialff.molecules.molecule import Molecule

_NAME_COLUMNS = ("name", "title", "id", "molecule", "compound", "identifier", "cid", "chembl_id", "inchikey")


def is_smiles_column(title: str) -> bool:
    """Whether a column of this title holds SMILES: "smiles", "SMILES", "canonical_smiles", ..."""
    words = title.strip().strip('"').lower().replace("-", "_").replace(" ", "_")
    return words == "smiles" or words.endswith("_smiles") or words.startswith("smiles_")


def read_smiles(lines: Iterator[str], max_atoms: int) -> Iterator[Record]:
    """One SMILES a line, then blanks and a name; blank lines and lines that start with # are no records."""
    first = True
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        parts = text.split(maxsplit=1)
        smiles, rest = parts[0], parts[1].strip() if len(parts) > 1 else ""
        if first and is_smiles_column(smiles):
            first = False
            continue
        first = False
        extension = ""
        if rest.startswith("|") and "|" in rest[1:]:
            end = rest.index("|", 1) + 1
            extension, rest = " " + rest[:end], rest[end:].strip()
        yield Record(rest, partial(_from_smiles, smiles + extension, rest, max_atoms))


def read_csv(lines: Iterator[str], max_atoms: int) -> Iterator[Record]:
    """One record a row. Raises UnreadableRecordError without a column of SMILES."""
    header = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t|", key=header.count)
    rows = csv.reader(chain([header], (line + "\n" for line in lines)), delimiter=delimiter, skipinitialspace=True)
    try:
        titles = [title.strip() for title in next(rows, [])]
        smiles_columns = [k for k, title in enumerate(titles) if is_smiles_column(title)]
        if not smiles_columns:
            shown = clean_title(", ".join(titles))
            raise UnreadableRecordError(
                f"the table has no column named smiles but {shown}; name the column of SMILES so"
            )
        # The plain title wins over "canonical_smiles" and the like.
        column = min(smiles_columns, key=lambda k: titles[k].lower() != "smiles")
        lower = [title.lower() for title in titles]
        name_column = next((lower.index(name) for name in _NAME_COLUMNS if name in lower), None)
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            smiles = row[column].strip() if column < len(row) else ""
            name = row[name_column].strip() if name_column is not None and name_column < len(row) else ""
            yield Record(name, partial(_from_smiles, smiles, name, max_atoms))
    except csv.Error as error:
        raise UnreadableRecordError(f"the table cannot be read further ({error}); check its quotes") from None


def _from_smiles(smiles: str, name: str, max_atoms: int) -> Molecule:
    if not smiles:
        raise UnreadableRecordError("the cell of the SMILES is empty; fill it or remove the row")
    return Molecule.from_smiles(smiles, name=name, max_atoms=max_atoms)
