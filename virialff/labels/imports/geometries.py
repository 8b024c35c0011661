"""Import of geometries with energies from files of others into a label store: every one becomes a row or a reason."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from virialff.elements import ATOMIC_ENERGIES, BINDING_RANGE
from virialff.engines.dft import QMUGS_ATOMIC_ENERGIES
from virialff.errors import ConfigError, DatasetError, MoleculeError
from virialff.labels.check import SMALLEST_FORCE_DISPLACED, row_problems
from virialff.labels.formats.entry import (
    BUDGET,
    KIND,
    LEVEL,
    USUAL,
    Budget,
    Entry,
    Fields,
    FloatArray,
    energy_unit,
    format_of,
)
from virialff.labels.schema import KINDS, Label
from virialff.labels.store import LabelStore
from virialff.labels.structure import structure_fields
from virialff.molecules.changes import connectivity_changes
from virialff.molecules.molecule import Molecule
from virialff.units import ENERGY_UNITS, HARTREE_IN_KCAL_MOL

#: Problems that a report keeps in full; all are counted.
SHOWN_PROBLEMS = 50
#: Rows that are written at once: what is lost when an import is killed, and added by the next.
_ROWS_AT_ONCE = 256
#: How far total energies of one atom lie apart between levels, relative.
_LEVEL_SPREAD = 0.01
_NUMBERS = re.compile(r"(?<![\w/.-])[-+]?\d+(\.\d+)?(e[-+]?\d+)?", re.IGNORECASE)
_LEVEL_SIGNS = re.compile(r"[\s_-]")
_KNOWN_LEVELS = ("GFN2-xTB", "GFN1-xTB", "wB97X-D/def2-SVP", "wB97X/6-31G(d)")


@dataclass
class ImportReport:
    """What an import found; records that are in the store from before count as known."""

    n_records: int = 0
    n_new: int = 0
    n_known: int = 0
    refused: Counter[str] = field(default_factory=Counter)  #: records that were not taken, by reason
    problems: list[str] = field(default_factory=list)  #: the first of them, a sentence each

    def refuse(self, where: str, reason: str) -> None:
        """Count what was not taken."""
        self.refused[_NUMBERS.sub("#", reason.split(";")[0])] += 1
        if len(self.problems) < SHOWN_PROBLEMS:
            self.problems.append(f"{where}: {reason}")


@dataclass(frozen=True)
class _Wishes:
    """What the caller says of all records."""

    level: str | None
    program: str | None
    kind: str | None
    source: str | None
    with_forces: bool
    energy_name: str


def import_geometries(
    files: Sequence[Path],
    store: LabelStore,
    *,
    fields: Fields = USUAL,
    level_of_theory: str | None = None,
    program: str | None = None,
    kind: str | None = None,
    source: str | None = None,
    with_forces: bool = True,
    budget: Budget = BUDGET,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Append a row for every geometry with all hydrogens and a total energy.

    Formats are told by the suffix (`labels.formats.entry.FORMATS`). Each record is a task of its own, named by its
    content, so that importing a file again adds what is missing. What `labels.check` finds wrong in a row is refused:
    an energy that cannot be that of the level, or bonds that are not those of the geometry. A record of another level
    than the one named is refused too.

    Parameters
    ----------
    files : sequence of Path
        Extended XYZ, databases of ASE, HDF5, QCSchema, Parquet or SDF.
    store : LabelStore
        To add to; it need not be there.
    fields : Fields, optional
        What the files call what is taken, and its units where they do not say.
    level_of_theory : str, optional
        Of all records; without it those that name none are refused.
    program : str, optional
        That computed the energies, where the files do not say.
    kind : str, optional
        One of `labels.schema.KINDS`. By default what the record says, else "complex" for several molecules, else
        "displaced" where a force is larger than 0.5 kcal/mol/Angstrom, and "minimum".
    source : str, optional
        Name of the set, kept with every row; by default what the record says, or the name of the file.
    with_forces : bool, optional
        Whether to take forces, where there are any.
    budget : Budget, optional
        How much is read.
    progress : callable, optional
        Called with the number of records so far.

    Returns
    -------
    ImportReport

    Raises
    ------
    ConfigError
        For an unknown unit or kind, an empty name or an unknown format.
    DatasetError
        Where a file cannot be read as what its suffix says, or none of its records has the energy named.
    StoreError
        Of `LabelStore.writer`.
    """
    if kind is not None and kind not in KINDS:
        raise ConfigError(f"there is no kind {kind!r}; choose from {', '.join(KINDS)}")
    if (level_of_theory is not None and not level_of_theory.strip()) or fields.energy == "":
        raise ConfigError("the data field of the energy and the level of theory must be named")
    energy_unit(fields.unit, "Eh")
    wishes = _Wishes(level_of_theory, program, kind, source, with_forces, fields.energy or "")
    readers = [(file, format_of(file)) for file in files]
    known = store.tasks() if store.path.exists() else set()
    report = ImportReport()
    for file, reader in readers:
        try:
            if file.stat().st_size > budget.file_bytes:
                raise DatasetError(f"The file {file} is larger than {budget.file_bytes / 1e9:g} GB: import its parts.")
            with file.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()[:12]
            entries = reader.read(file, fields, budget)
            # What cannot be opened is told before the store is touched.
            entries = chain([first for first in [next(entries, None)] if first is not None], entries)
            _import_file(file, digest, entries, store, wishes, known, report, budget, progress)
        except OSError as error:
            raise DatasetError(f"The file {file} cannot be read: {error.strerror or error}.") from error
    return report


def _import_file(
    file: Path,
    digest: str,
    entries: Iterator[Entry],
    store: LabelStore,
    wishes: _Wishes,
    known: set[str],
    report: ImportReport,
    budget: Budget,
    progress: Callable[[int], None] | None,
) -> None:
    suffix = next(part for part in reversed(file.suffixes) if part.lower() != ".gz").lower().lstrip(".")
    before, with_energy = report.n_records, False
    waiting: list[list[Label]] = []
    with store.writer(_part_name(store, f"{suffix}_{digest}")) as writer:
        for entry in entries:
            if report.n_records == budget.records:
                report.refuse(file.name, f"it was left at {budget.records} records; raise the limit to import the rest")
                break
            report.n_records += 1
            with_energy = with_energy or entry.energy is not None
            label = _label(entry, wishes, _stem(file))
            if isinstance(label, str):
                report.refuse(entry.where, label)
            elif label.task in known:
                report.n_known += 1
            else:
                known.add(label.task)
                waiting.append([label])
                report.n_new += 1
            if len(waiting) == _ROWS_AT_ONCE:
                writer.append_tasks(waiting)
                waiting = []
            if progress is not None:
                progress(report.n_records)
        if waiting:
            writer.append_tasks(waiting)
        if writer.tasks:
            writer.finish()
    if report.n_records > before and not with_energy and wishes.energy_name:
        raise DatasetError(
            f"No record of {file.name} has the data field {wishes.energy_name!r}: name the field that holds the total "
            "energy."
        )


def _stem(file: Path) -> str:
    return file.name.partition(".")[0] or "imported"


def _part_name(store: LabelStore, name: str) -> str:
    """A part that is not finished yet, for what an earlier import of the same file did not take."""
    number, free = 1, name
    while (store.path / f"{free}.parquet").exists():
        number += 1
        free = f"{name}_{number}"
    return free


def _label(entry: Entry, wishes: _Wishes, stem: str) -> Label | str:
    """The row of a record, or why there is none."""
    level = _level(entry.said.get(LEVEL), wishes.level)
    if isinstance(level, _Refusal):
        return str(level)
    try:
        molecule, positions = entry.molecule()
        forces = entry.forces() if wishes.with_forces else None
    except MoleculeError as error:
        return error.message
    if entry.energy is None:
        return "it lacks the data field of the energy"
    try:
        value = float(entry.energy)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        return f"its energy {str(entry.energy)[:40]!r} is no finite number"
    if forces is not None and forces.shape != positions.shape:
        return f"it has forces on {len(forces)} atoms and {len(positions)} positions"
    kind = wishes.kind or entry.said.get(KIND) or _kind(molecule, forces)
    changes = connectivity_changes(molecule, positions) if kind == "minimum" else ()
    if changes:
        return changes[0]
    energy = value * ENERGY_UNITS[entry.unit].in_kcal_mol
    content = entry.content.encode() if entry.content else _content(molecule, positions, energy)
    name = hashlib.sha256(f"{level}\n{wishes.energy_name}\n".encode() + content).hexdigest()[:16]
    source = wishes.source or entry.said.get("source") or stem
    label = Label(
        identifier=f"{source}/{name}/0",
        task=f"{source}/{name}",
        **_structure(molecule),
        source=source,
        positions=positions,
        kind=kind,
        detail="imported",
        settings="{}",
        level_of_theory=level,
        program=wishes.program or entry.said.get("program") or "not given",
        energy=energy,
        forces=forces,
        seconds=0.0,
    )
    found = next(row_problems(label), None) or _unchecked_energy(label)
    return label if found is None else f"it {found}"


class _Refusal(str):
    """Why a record has no level."""


def _level(said: str | None, wanted: str | None) -> str:
    """The level of a record, in the spelling asked for or usual here; a _Refusal where there is none or another."""
    if said is None:
        return wanted or _Refusal("it does not name its level of theory; name the one of all")
    if wanted is None:
        return next((known for known in _KNOWN_LEVELS if _same_level(known, said)), said)
    return wanted if _same_level(said, wanted) else _Refusal(f"it is at {said} and not at {wanted}")


def _same_level(first: str, second: str) -> bool:
    return _LEVEL_SIGNS.sub("", first).casefold() == _LEVEL_SIGNS.sub("", second).casefold()


def _kind(molecule: Molecule, forces: FloatArray | None) -> str:
    if molecule.n_fragments > 1:
        return "complex"
    return "displaced" if forces is not None and np.abs(forces).max() >= SMALLEST_FORCE_DISPLACED else "minimum"


def _content(molecule: Molecule, positions: FloatArray, energy: float) -> bytes:
    return b"\n".join((molecule.numbers.tobytes(), positions.tobytes(), repr(energy).encode()))


@lru_cache(maxsize=64)
def _structure(molecule: Molecule) -> dict[str, Any]:
    """`structure_fields`, once for a molecule that several records share."""
    return structure_fields(molecule)


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
