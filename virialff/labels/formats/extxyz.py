"""Extended XYZ: energies in eV and forces in eV/Angstrom, as ASE has them, unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from virialff.elements import SYMBOL_OF
from virialff.errors import UnreadableRecordError
from virialff.io.text import open_lines
from virialff.io.xyz import Frame, Perceiver, atoms_of, comment_fields, frames, property_columns
from virialff.labels.formats.entry import (
    ENERGY,
    MAX_ATOMS,
    SMILES,
    Budget,
    Entry,
    Fields,
    FloatArray,
    bad_entry,
    energy_unit,
    entry_of,
    mapped,
    said_in,
    said_of,
    text_file,
)
from virialff.labels.schema import Label
from virialff.units import ENERGY_UNITS, EV_IN_KCAL_MOL

PACKED = True
_FORCES = ("forces", "force")


def read(path: Path, fields: Fields, budget: Budget) -> Iterator[Entry]:
    """The frames of a file, compressed with gzip or not. Raises OSError."""
    perceiver = Perceiver(MAX_ATOMS)
    unit = energy_unit(fields.unit, "eV")
    for number, frame in enumerate(frames(open_lines(path), MAX_ATOMS), start=1):
        where = f"record {number}"
        if frame.problem:
            yield bad_entry(where, f"the frame cannot be read: {frame.problem}; correct it")
            continue
        data = comment_fields(frame.comment)
        ours = fields.energy is None and ENERGY in data
        yield entry_of(
            where,
            perceiver,
            partial(atoms_of, frame.lines, frame.comment, MAX_ATOMS),
            energy=data.get(ENERGY if ours else fields.energy or "energy"),
            unit="kcal/mol" if ours else unit,
            forces=partial(_forces, frame, (fields.forces,) if fields.forces else _FORCES),
            force_scale=ENERGY_UNITS[unit].in_kcal_mol,
            smiles=mapped(data.get(fields.smiles or SMILES)),
            said=said_in(data, fields),
        )


def _forces(frame: Frame, names: tuple[str, ...]) -> FloatArray | None:
    columns = property_columns(frame.comment)
    first = next((columns[name.lower(), "3"] for name in names if (name.lower(), "3") in columns), None)
    if first is None:
        return None
    try:
        return np.array([[float(word) for word in line.split()[first : first + 3]] for line in frame.lines])
    except ValueError:
        raise UnreadableRecordError("its forces are no rows of three numbers; correct them") from None


def write(path: Path, labels: Iterable[Label]) -> None:
    """Write labels as frames: `energy` in eV and `energy_kcal_mol` exactly as the store has it."""
    with text_file(path) as file:
        for label in labels:
            assert label.positions is not None
            assert label.energy is not None
            columns = "species:S:1:pos:R:3" + ("" if label.forces is None else ":forces:R:3")
            energy = float(label.energy)
            data = {"energy": repr(energy / EV_IN_KCAL_MOL), ENERGY: repr(energy)}
            data |= {name: '"' + value.replace('"', "'") + '"' for name, value in said_of(label).items() if value}
            pairs = " ".join(f"{name}={value}" for name, value in data.items())
            file.write(f'{label.n_atoms}\nProperties={columns} {pairs} pbc="F F F"\n')
            rows = [label.positions] if label.forces is None else [label.positions, label.forces / EV_IN_KCAL_MOL]
            for number, row in zip(label.numbers.tolist(), np.hstack(rows).tolist(), strict=True):
                file.write(f"{SYMBOL_OF[number]} {' '.join(map(repr, row))}\n")
