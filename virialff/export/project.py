"""A project file: molecules with their coordinates, and what was computed of them, to open again elsewhere.

It is JSON (schema `virialff.project`). Coordinates and energies are written to the last digit, so that they come back
as they were: Angstrom and kcal/mol. Each molecule is written as SMILES in the order of its atoms, and each geometry and
each energy with how it came about. What was computed by another model than the one in use says so by its sha256.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from virialff.documents import json_text, parse_json, sealed
from virialff.errors import DocumentError, VirialffError
from virialff.io.smiles import smiles_in_order
from virialff.methods.runs import MethodEnergies
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule

SUFFIX = ".virialff.json"
MOST_BYTES = 64 * 2**20
_KIND = "project"
_MOST_MOLECULES, _MOST_GEOMETRIES = 100, 20_000


@dataclass
class Geometries:
    """Geometries of one molecule, how they came about, and their energies by the key of each method."""

    source: str
    positions: np.ndarray  #: (n, n_atoms, 3), Angstrom
    energies: dict[str, MethodEnergies] = field(default_factory=dict)
    name: str = ""  #: of one that views can be asked to show


@dataclass
class Entry:
    """One molecule of a project: its conformers as given are its own, others are `geometries`."""

    molecule: Molecule
    origin: str
    smiles: str = ""  #: as typed, where it was
    geometries: list[Geometries] = field(default_factory=list)


@dataclass
class Project:
    """What a project file holds."""

    entries: list[Entry]
    model: Mapping[str, str]  #: name, sha256, level_of_theory
    versions: Mapping[str, str]  #: of the programs that computed, by name
    address: Mapping[str, str] = field(default_factory=dict)  #: page and choices


def project_text(project: Project) -> str:
    """The project as the text of its file.

    Raises VirialffError where a molecule cannot be written as SMILES.
    """
    content = {
        "model": dict(project.model),
        "versions": dict(project.versions),
        "address": dict(project.address),
        "units": {"positions": "Angstrom", "energies": "kcal/mol"},
        "molecules": [_written(entry) for entry in project.entries],
    }
    return json.dumps(sealed(json.loads(json_text(_KIND, content))), ensure_ascii=False)


def read_project(data: bytes) -> Project:
    """The project in the bytes of a file.

    Raises DocumentError where it is none, is damaged, or asks for more than a project may hold; its molecules are read
    as others are, with their errors.
    """
    content = parse_json(data, most_bytes=MOST_BYTES)
    if not isinstance(content, dict) or _dict(content, "schema").get("name") != f"virialff.{_KIND}":
        raise DocumentError("this is no project file of virialff")
    if content["schema"].get("version") != 1:
        raise DocumentError("this project file was written by a later version of virialff: update it")
    molecules = _list(content, "molecules")
    if len(molecules) > _MOST_MOLECULES:
        raise DocumentError(f"the project has {len(molecules)} molecules; at most {_MOST_MOLECULES} are opened")
    entries = []
    for number, written in enumerate(molecules, start=1):
        try:
            entries.append(_read(written))
        except VirialffError as error:
            raise DocumentError(f"molecule {number} of the project: {error}") from error
    return Project(entries, *(_texts(content, name) for name in ("model", "versions", "address")))


def _written(entry: Entry) -> dict[str, Any]:
    molecule = entry.molecule
    return {
        "smiles": smiles_in_order(molecule),
        "typed": entry.smiles,
        "name": molecule.name,
        "origin": entry.origin,
        "positions": molecule.positions.tolist(),
        "geometries": [
            {
                "source": each.source,
                "name": each.name,
                "positions": each.positions.tolist(),
                "energies": {key: _energies(run) for key, run in each.energies.items()},
            }
            for each in entry.geometries
        ],
    }


def _energies(run: MethodEnergies) -> dict[str, Any]:
    return {
        "name": run.name,
        "level_of_theory": run.level,
        "values": [value if np.isfinite(value) else None for value in run.values.tolist()],
        "failures": {str(number): reason for number, reason in run.failures.items()},
        "atoms": run.atoms if np.isfinite(run.atoms) else None,
        "left": run.n_left,
    }


def _read(written: Any) -> Entry:
    if not isinstance(written, dict):
        raise DocumentError("it is no object")
    molecule = Molecule.from_smiles(_text(written, "smiles")).with_name(_text(written, "name"))
    positions = _positions(written, molecule)
    if len(positions):
        molecule = molecule.with_positions(positions)
    geometries = []
    for each in _list(written, "geometries"):
        if not isinstance(each, dict):
            raise DocumentError("one of its geometries is no object")
        place = molecule.with_positions(_positions(each, molecule))
        runs = {str(key): _run(value, place.n_conformers) for key, value in _dict(each, "energies").items()}
        geometries.append(Geometries(_text(each, "source"), place.positions, runs, _text(each, "name")))
    return Entry(molecule, _text(written, "origin"), _typed(written, molecule), geometries)


def _typed(written: dict[str, Any], molecule: Molecule) -> str:
    """The SMILES as typed, where it is still that of the molecule: it goes into the address."""
    text = _text(written, "typed")
    return text if text and keys.graph_key(Molecule.from_smiles(text)) == keys.graph_key(molecule) else ""


def _run(written: Any, n: int) -> MethodEnergies:
    if not isinstance(written, dict):
        raise DocumentError("the energies of one of its methods are no object")
    values, left, atoms = _list(written, "values"), written.get("left"), written.get("atoms")
    if len(values) != n or not all(value is None or _is_number(value) for value in values):
        raise DocumentError(f"the energies of one of its methods are not {n} numbers, as it has geometries")
    if not isinstance(left, int) or not 0 <= left <= n or not (atoms is None or _is_number(atoms)):
        raise DocumentError("the energies of one of its methods do not say what is left to compute")
    failures = {}
    for number, reason in _dict(written, "failures").items():
        if not number.isdecimal() or not 1 <= int(number) <= n or not isinstance(reason, str):
            raise DocumentError("a failure among its energies names no geometry")
        failures[int(number)] = reason
    numbers = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    name, level = _text(written, "name"), _text(written, "level_of_theory")
    return MethodEnergies(name, level, numbers, failures, np.nan if atoms is None else float(atoms), left)


def _positions(written: dict[str, Any], molecule: Molecule) -> np.ndarray:
    rows = _list(written, "positions")
    if len(rows) > _MOST_GEOMETRIES:
        raise DocumentError(f"it has {len(rows)} geometries; at most {_MOST_GEOMETRIES} are opened")
    try:
        positions = np.array(rows, dtype=np.float64).reshape(len(rows), molecule.n_atoms, 3)
    except (ValueError, TypeError, OverflowError) as error:
        raise DocumentError(f"its coordinates are not three numbers for each of {molecule.n_atoms} atoms") from error
    return positions


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _dict(written: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = written.get(name)
    if not isinstance(value, dict):
        raise DocumentError(f"its entry {name} is no object")
    return value


def _list(written: Mapping[str, Any], name: str) -> list[Any]:
    value = written.get(name)
    if not isinstance(value, list):
        raise DocumentError(f"its entry {name} is no list")
    return value


def _text(written: Mapping[str, Any], name: str) -> str:
    value = written.get(name)
    if not isinstance(value, str):
        raise DocumentError(f"its entry {name} is no text")
    return value


def _texts(written: Mapping[str, Any], name: str) -> Mapping[str, str]:
    value = _dict(written, name)
    if not all(isinstance(each, str) for each in value.values()):
        raise DocumentError(f"its entry {name} holds something else than texts")
    return value
