"""HDF5 with a group for each molecule: the layout of SPICE, and those of ANI-1x, QM7-X and their like.

A group has data sets of atomic numbers (n_atoms,), positions (n_conformers, n_atoms, 3) and energies (n_conformers,),
of a single geometry without the first axis. Links to other files are not followed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from virialff.elements import NUMBER_OF
from virialff.errors import ConfigError, UnreadableRecordError
from virialff.io.xyz import Perceiver
from virialff.labels.formats.entry import (
    ENERGY,
    KIND,
    LEVEL,
    MAX_ATOMS,
    SMILES,
    Budget,
    Entry,
    Fields,
    bad_entry,
    damaged,
    energy_unit,
    entry_of,
    length_unit,
    mapped,
    said_in,
    said_of,
)
from virialff.labels.schema import Label
from virialff.units import BOHR_IN_ANGSTROM, ENERGY_UNITS, HARTREE_IN_KCAL_MOL

PACKED = False
_NUMBERS = ("atomic_numbers", "species", "numbers", "atNUM")
_POSITIONS = ("conformations", "coordinates", "positions", "geometries", "atXYZ")
#: Energies and the forces or gradients that go with them, the usual names first.
_ENERGIES = {
    ENERGY: ("dft_total_gradient",),
    "dft_total_energy": ("dft_total_gradient",),
    "wb97x_dz.energy": ("wb97x_dz.forces",),
    "wB97x_6-31G(d).energy": ("wB97x_6-31G(d).forces",),
    "energies": ("forces",),
    "energy": ("forces", "gradient"),
}
_UNITS = "units"
#: Groups within groups, and conformers that are in memory at once.
_DEPTH, _ROWS = 6, 256
#: Rows that are gathered by molecule before they are written.
_WRITTEN_AT_ONCE = 2000


class _Group(NamedTuple):
    """The data sets of one molecule."""

    name: str
    numbers: Any
    positions: Any
    energies: Any
    forces: Any
    energy_unit: str
    length: float
    force_scale: float
    smiles: str | None
    said: dict[str, str]


def read(path: Path, fields: Fields, budget: Budget) -> Iterator[Entry]:
    """The geometries of a file. Raises OSError and DatasetError."""
    perceiver = Perceiver(MAX_ATOMS)
    if not h5py.is_hdf5(path):
        raise damaged(path, "HDF5 file")
    try:
        with h5py.File(path, "r") as opened:
            for name, sets in _groups(opened, "", _DEPTH):
                found = _group(name, sets, fields, budget)
                if isinstance(found, _Group):
                    yield from _conformers(found, perceiver)
                elif found is not None:
                    yield found
    except (OSError, RuntimeError, KeyError, ValueError) as error:  # of h5py, for what is damaged inside
        raise damaged(path, "HDF5 file", error) from error


def _groups(group: Any, name: str, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """The data sets of each group by name; what lies in another file or further down is not looked at."""
    sets: dict[str, Any] = {}
    below: list[str] = []
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            continue
        item = group.get(key)
        if isinstance(item, h5py.Dataset):
            sets[key] = item
        elif isinstance(item, h5py.Group) and depth:
            below.append(key)
    if sets:
        yield name, sets
    for key in below:
        yield from _groups(group[key], f"{name}/{key}".lstrip("/"), depth - 1)


def _group(name: str, sets: Mapping[str, Any], fields: Fields, budget: Budget) -> _Group | Entry | None:
    where = f"group {name or '/'}"
    numbers = _first(sets, fields.numbers, _NUMBERS)
    positions = _first(sets, fields.positions, _POSITIONS)
    if numbers is None and positions is None:
        return None
    if numbers is None or positions is None:
        what = "atomic numbers" if numbers is None else "positions"
        return bad_entry(where, f"it has no data set of {what}; name it (numbers=, positions=)")
    energy_name = fields.energy or next((known for known in _ENERGIES if known in sets), "")
    energies = sets.get(energy_name)
    wanted = (fields.forces,) if fields.forces else _ENERGIES.get(energy_name, (_beside(energy_name),))
    forces = next((sets[known] for known in wanted if known in sets), None)
    for found in (numbers, positions, energies, forces):
        problem = None if found is None else _storage_problem(found, budget)
        if problem is not None:
            return bad_entry(where, problem)
    try:
        ours = energy_name == ENERGY
        unit = energy_unit(None if energies is None else _attribute(energies, _UNITS), fields.unit or "Eh")
        usual = "bohr" if positions.name.endswith("/conformations") else "angstrom"
        length = length_unit(_attribute(positions, _UNITS), fields.length or usual)
        scale = _force_scale(forces, "Eh" if ours else unit, length)
    except ConfigError as error:
        return bad_entry(where, f"{error}; give it with the file")
    said = said_in({key: _text(sets[key]) for key in sets if key in (LEVEL, KIND, "source", "program")}, fields)
    smiles = sets.get(fields.smiles or SMILES)
    drawn = None if smiles is None else mapped(_text(smiles))
    return _Group(where, numbers, positions, energies, forces, unit, length, scale, drawn, said)


def _first(sets: Mapping[str, Any], named: str | None, usual: tuple[str, ...]) -> Any:
    return sets.get(named) if named else next((sets[name] for name in usual if name in sets), None)


def _beside(energy: str) -> str:
    """The forces that go with an energy: "wb97x_tz.forces" of "wb97x_tz.energy"."""
    return energy.replace("energy", "forces") if "energy" in energy else ""


def _storage_problem(data: Any, budget: Budget) -> str | None:
    """Why a data set is not read, whatever it holds."""
    short = data.name.rpartition("/")[2]
    if data.external or data.is_virtual:
        return f"its data set {short} lies in other files; write it into this one"
    if data.chunks and np.prod(data.chunks, dtype=float) * data.dtype.itemsize > budget.piece_bytes:
        return f"its data set {short} has chunks of more than {budget.piece_bytes // 1_000_000} MB; write smaller ones"
    return None


def _force_scale(forces: Any, energy: str, length: float) -> float:
    """What makes forces or gradients of a data set forces in kcal/mol/Angstrom."""
    if forces is None:
        return 1.0
    text = _attribute(forces, _UNITS)
    sign = -1.0 if forces.name.rpartition("/")[2].lower().endswith(("gradient", "gradients")) else 1.0
    if text is None:
        return sign * ENERGY_UNITS[energy].in_kcal_mol / length
    of_energy, _, of_length = text.rpartition("/")
    return sign * ENERGY_UNITS[energy_unit(of_energy, "")].in_kcal_mol / length_unit(of_length, "")


def _attribute(data: Any, name: str) -> str | None:
    value = data.attrs.get(name)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else None


def _text(data: Any) -> str:
    """A text, or the first of a data set of texts."""
    if data.dtype.kind not in "OSU" or data.size == 0 or data.ndim > 1:
        return ""
    value = data[()] if data.ndim == 0 else data[0]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _conformers(group: _Group, perceiver: Perceiver) -> Iterator[Entry]:
    shape = group.positions.shape
    single = len(shape) == 2
    n_conformers = 1 if single else shape[0]
    n_atoms = shape[-2] if len(shape) in (2, 3) else 0
    if n_atoms > MAX_ATOMS or len(shape) not in (2, 3) or shape[-1] != 3 or group.numbers.size > n_conformers * n_atoms:
        yield bad_entry(group.name, f"it has positions of the shape {shape}, not (conformers, atoms, 3); correct it")
        return
    whole = group.numbers[()] if group.numbers.ndim < 2 else None
    for start in range(0, n_conformers, _ROWS):
        rows = slice(start, min(start + _ROWS, n_conformers))
        positions = group.positions[()][None] if single else group.positions[rows]
        energies = _rows(group.energies, rows, single)
        forces = _rows(group.forces, rows, single)
        numbers = None if whole is not None else group.numbers[rows]
        for index in range(len(positions)):
            of_row = whole if numbers is None else numbers[index]
            yield entry_of(
                group.name if single else f"{group.name}, conformer {start + index + 1}",
                perceiver,
                partial(_atoms, of_row, positions[index]),
                energy=None if energies is None or index >= len(energies) else energies[index],
                unit=group.energy_unit,
                length=group.length,
                forces=partial(_row, forces, index),
                force_scale=group.force_scale,
                smiles=group.smiles,
                said=group.said,
            )


def _rows(data: Any, rows: slice, single: bool) -> Any:
    if data is None:
        return None
    if data.ndim == 0 or (single and data.ndim == 2):
        return np.asarray(data[()])[None]
    return data[rows]


def _row(values: Any, index: int) -> Any:
    return None if values is None or index >= len(values) else values[index]


def _atoms(numbers: Any, positions: Any) -> tuple[Any, Any]:
    if np.asarray(numbers).dtype.kind in "OSU":
        with contextlib.suppress(KeyError):
            symbols = [text.decode() if isinstance(text, bytes) else str(text) for text in np.ravel(numbers)]
            return [NUMBER_OF[symbol] for symbol in symbols], positions
        raise UnreadableRecordError("it has symbols of atoms that are no elements; correct them")
    return numbers, positions


def write(path: Path, labels: Iterable[Label]) -> None:
    """Write labels in the layout of SPICE: a group a molecule and level, Hartree and Bohr.

    `energy_kcal_mol` has the energies exactly as the store has them; `level_of_theory`, `kind` and `source` are texts.
    """
    names: dict[tuple[str, ...], str] = {}
    with h5py.File(path, "w") as file:
        waiting: dict[tuple[str, ...], list[Label]] = {}
        n_waiting = 0
        for label in labels:
            key = (label.smiles, label.level_of_theory, label.kind, label.source, str(label.forces is None))
            waiting.setdefault(key, []).append(label)
            n_waiting += 1
            if n_waiting == _WRITTEN_AT_ONCE:
                _append(file, waiting, names)
                waiting, n_waiting = {}, 0
        _append(file, waiting, names)


def _append(file: Any, waiting: Mapping[tuple[str, ...], list[Label]], names: dict[tuple[str, ...], str]) -> None:
    for key, rows in waiting.items():
        first = rows[0]
        if key not in names:
            names[key] = f"{'+'.join(first.inchikeys)}_{len(names) + 1}"
            group = file.create_group(names[key])
            group["atomic_numbers"] = first.numbers.astype(np.uint8)
            for name, value in said_of(first).items():
                if name != "identifier":
                    group.create_dataset(name, data=[value], dtype=h5py.string_dtype())
        group = file[names[key]]
        energies = np.array([row.energy for row in rows])
        positions = np.array([row.positions for row in rows])
        _extend(group, "conformations", positions / BOHR_IN_ANGSTROM, "bohr")
        _extend(group, "dft_total_energy", energies / HARTREE_IN_KCAL_MOL, "hartree")
        _extend(group, ENERGY, energies, "kcal/mol")
        if first.forces is not None:
            gradient = -np.array([row.forces for row in rows]) * BOHR_IN_ANGSTROM / HARTREE_IN_KCAL_MOL
            _extend(group, "dft_total_gradient", gradient, "hartree/bohr")


def _extend(group: Any, name: str, rows: np.ndarray, unit: str) -> None:
    if name in group:
        data = group[name]
        start = len(data)
        data.resize(start + len(rows), axis=0)
        data[start:] = rows
        return
    chunks = (min(max(len(rows), 4), 64), *rows.shape[1:])
    data = group.create_dataset(name, data=rows, maxshape=(None, *rows.shape[1:]), chunks=chunks)
    data.attrs[_UNITS] = unit
