"""All records of one uploaded file: molecules with their conformers merged, and the errors of the others."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath

from virialff.errors import MoleculeError
from virialff.io.read import group_conformers, isomer_notes, read_molecules
from virialff.molecules.checks import DEFAULT_MAX_ATOMS
from virialff.molecules.molecule import Molecule

#: Records read from one file; the pages say so when there are more.
MAX_RECORDS = 2000


@dataclass(frozen=True)
class Upload:
    """What was found in a file; consecutive records of the same molecule are one Molecule with many conformers."""

    file_name: str
    molecules: tuple[Molecule, ...]
    errors: tuple[MoleculeError, ...]
    truncated: bool
    notes: tuple[str, ...] = ()  #: sentences on what is not as it may look: stereoisomers that were told apart


def read_upload(
    data: bytes,
    file_name: str,
    *,
    add_hydrogens: bool = False,
    complete_geometries: bool = False,
    column: str | None = None,
    max_records: int = MAX_RECORDS,
    max_atoms: int = DEFAULT_MAX_ATOMS,
    progress: Callable[[int], None] | None = None,
) -> Upload:
    """Read at most `max_records` records of a file given as bytes; its format follows from the suffix of `file_name`.

    `add_hydrogens` completes SDF and MOL records that are drawings, `complete_geometries` those that have a geometry;
    without them hydrogens must be in the file. `column` is the title of a CSV's column of SMILES.
    `progress` is called with the number of records read so far; what it raises stops the reading.
    Records that cannot be used are in `errors`, each naming its record. Raises UnknownFormatError and
    UnreadableRecordError when the file as a whole cannot be read.
    """
    suffix = PurePath(file_name).suffix.lstrip(".").lower()
    records = read_molecules(
        io.BytesIO(data),
        format=suffix,
        max_atoms=max_atoms,
        add_hydrogens=add_hydrogens,
        complete_geometries=complete_geometries,
        column=column,
    )
    items = []
    for item in islice(records, max_records):
        items.append(item)
        if progress is not None:
            progress(len(items))
    truncated = next(records, None) is not None
    molecules = [item for item in items if isinstance(item, Molecule)]
    errors = tuple(item for item in items if not isinstance(item, Molecule))
    grouped = tuple(group_conformers(molecules))
    return Upload(file_name, grouped, errors, truncated, tuple(isomer_notes(grouped)))
