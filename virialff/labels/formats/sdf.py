"""SDF: a data field holds the energy, in Hartree unless told otherwise; bonds are those of the record."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from rdkit import Chem

from virialff.errors import MissingCoordinatesError
from virialff.io.read import read_molecules
from virialff.io.sdf import data_fields, record_texts
from virialff.io.text import open_lines
from virialff.labels.formats.entry import (
    ENERGY,
    Budget,
    Entry,
    Fields,
    FloatArray,
    energy_unit,
    said_in,
    said_of,
    text_file,
)
from virialff.labels.groups import molecule_of
from virialff.labels.schema import Label
from virialff.molecules.molecule import Molecule

PACKED = True


def read(path: Path, fields: Fields, budget: Budget) -> Iterator[Entry]:
    """The records of a file, compressed with gzip or not. Raises OSError."""
    unit = energy_unit(fields.unit, "Eh")
    for number, text in enumerate(record_texts(open_lines(path)), start=1):
        data = data_fields(text)
        ours = fields.energy is None
        yield Entry(
            f"record {number}",
            partial(_molecule, text),
            data.get(ENERGY if ours else fields.energy or ""),
            "kcal/mol" if ours else unit,
            lambda: None,
            said_in(data, fields),
            content=text,
        )


def _molecule(text: str) -> tuple[Molecule, FloatArray]:
    item = next(iter(read_molecules(io.StringIO(text), format="sdf")))
    if not isinstance(item, Molecule):
        raise item
    if item.n_conformers != 1:
        raise MissingCoordinatesError("it has no three-dimensional geometry")
    return item, item.positions[0]


def write(path: Path, labels: Iterable[Label]) -> None:
    """Write labels as records; positions have the four decimals of the format, the energy all of its digits."""
    with text_file(path) as file, Chem.SDWriter(file) as writer:
        for label in labels:
            mol = molecule_of([label]).to_rdkit()
            mol.SetProp("_Name", label.identifier)
            assert label.energy is not None
            mol.SetProp(ENERGY, repr(float(label.energy)))
            for name, value in said_of(label).items():
                mol.SetProp(name, value)
            writer.write(mol)
