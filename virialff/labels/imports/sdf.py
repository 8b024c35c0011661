"""Import of geometries with energies from an SDF file into a label store."""

from __future__ import annotations

import hashlib
import io
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from virialff.elements import ATOMIC_ENERGIES, BINDING_RANGE
from virialff.engines.dft import QMUGS_ATOMIC_ENERGIES
from virialff.errors import ConfigError, DatasetError
from virialff.io.read import read_molecules
from virialff.io.sdf import data_fields, record_texts
from virialff.io.text import open_lines
from virialff.labels.check import row_problems
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore
from virialff.labels.structure import structure_fields
from virialff.molecules.changes import connectivity_changes
from virialff.molecules.molecule import Molecule
from virialff.units import ENERGY_UNITS, HARTREE_IN_KCAL_MOL

#: Problems that a report keeps in full; all are counted.
SHOWN_PROBLEMS = 50
#: How far total energies of one atom lie apart between levels, relative.
_LEVEL_SPREAD = 0.01
_NUMBERS = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?", re.IGNORECASE)

Kind = Literal["minimum", "displaced", "scan"]


@dataclass(frozen=True)
class SdfImportReport:
    """What an import found; records that are in the store from before count as known."""

    n_records: int
    n_new: int
    n_known: int
    refused: Counter[str]  #: records that were not taken, by reason
    problems: tuple[str, ...]  #: the first of them, a sentence each


def import_sdf(
    file: Path,
    store: LabelStore,
    *,
    energy_field: str,
    unit: str,
    level_of_theory: str,
    program: str = "not given",
    kind: Kind = "minimum",
    source: str = "sdf",
    progress: Callable[[int], None] | None = None,
) -> SdfImportReport:
    """Append a row for every record with a geometry, all hydrogens and a total energy in the data field `energy_field`.

    unit: one of `units.ENERGY_UNITS`. kind: "minimum" at the level named, or "displaced" or "scan". Each record is a
    task of its own, named by its content, so that importing a file again adds what is missing. What `labels.check`
    finds wrong in a row is refused: an energy that cannot be that of the level, or bonds that are not those of the
    geometry.

    Raises ConfigError for an unknown unit or an empty name, DatasetError where the file has no such field at all or
    cannot be opened, and the errors of `LabelStore.writer`.
    """
    if unit not in ENERGY_UNITS:
        raise ConfigError(f"there is no energy unit {unit!r}; choose from {', '.join(ENERGY_UNITS)}")
    if not energy_field.strip() or not level_of_theory.strip():
        raise ConfigError("the data field of the energy and the level of theory must be named")
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        records = record_texts(open_lines(file))
    except OSError as error:
        raise DatasetError(f"The file {file} cannot be read: {error.strerror or error}.") from error
    known = store.tasks() if store.path.exists() else set()
    refused: Counter[str] = Counter()
    problems: list[str] = []
    n_records = n_new = n_known = 0
    with_field = False
    origin: dict[str, Any] = {"level_of_theory": level_of_theory, "program": program, "source": source}
    with store.writer(_part_name(store, f"sdf_{digest}")) as writer:
        for number, text in enumerate(records, start=1):
            n_records = number
            fields = data_fields(text)
            with_field = with_field or energy_field in fields
            content = hashlib.sha256(f"{level_of_theory}\n{energy_field}\n{text}".encode()).hexdigest()[:16]
            label = _label(text, fields.get(energy_field), unit, kind, f"{source}/{content}", **origin)
            if isinstance(label, str):
                refused[_NUMBERS.sub("#", label.split(";")[0])] += 1
                if len(problems) < SHOWN_PROBLEMS:
                    problems.append(f"record {number}: {label}")
            elif label.task in known:
                n_known += 1
            else:
                known.add(label.task)
                writer.append([label])
                n_new += 1
            if progress is not None:
                progress(number)
        if writer.tasks:
            writer.finish()
    if n_records and not with_field:
        raise DatasetError(
            f"No record of {file.name} has the data field {energy_field!r}: name the field that holds the total energy."
        )
    return SdfImportReport(n_records, n_new, n_known, refused, tuple(problems))


def _part_name(store: LabelStore, name: str) -> str:
    """A part that is not finished yet, for what an earlier import of the same file did not take."""
    number, free = 1, name
    while (store.path / f"{free}.parquet").exists():
        number += 1
        free = f"{name}_{number}"
    return free


def _label(text: str, energy: str | None, unit: str, kind: Kind, task: str, **origin: Any) -> Label | str:
    """The row of a record, or why there is none."""
    item = next(iter(read_molecules(io.StringIO(text), format="sdf")))
    if not isinstance(item, Molecule):
        return item.message
    if item.n_conformers != 1:
        return "it has no three-dimensional geometry"
    if energy is None:
        return "it lacks the data field of the energy"
    try:
        value = float(energy)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        return f"its energy {energy[:40]!r} is no finite number"
    changes = connectivity_changes(item, item.positions[0]) if kind == "minimum" else ()
    if changes:
        return changes[0]
    label = Label(
        identifier=f"{task}/0",
        task=task,
        **structure_fields(item),
        positions=item.positions[0],
        kind=kind,
        detail="imported",
        settings="{}",
        energy=value * ENERGY_UNITS[unit].in_kcal_mol,
        seconds=0.0,
        **origin,
    )
    found = next(row_problems(label), None) or _unchecked_energy(label)
    return label if found is None else f"it {found}"


def _unchecked_energy(label: Label) -> str | None:
    """Why an energy at a level whose atomic energies are not known here is not taken, as the end of a sentence.

    A total energy of all electrons is near that of the free atoms at any level; one of another unit, a relative one or
    one of valence electrons alone is not.
    """
    if label.energy is None or label.level_of_theory.startswith(tuple(ATOMIC_ENERGIES)):
        return None
    atoms = HARTREE_IN_KCAL_MOL * sum(QMUGS_ATOMIC_ENERGIES[int(number)] for number in label.numbers)
    if (1 + _LEVEL_SPREAD) * atoms + label.n_atoms * BINDING_RANGE[0] < label.energy < (1 - _LEVEL_SPREAD) * atoms:
        return None
    return (
        f"has an energy of {label.energy:.1f} kcal/mol at a level without atomic energies here, and that is no total "
        f"energy of all electrons ({atoms:.0f} kcal/mol for the free atoms) at {label.level_of_theory}; name the field "
        "that holds the total energy, and its unit"
    )
