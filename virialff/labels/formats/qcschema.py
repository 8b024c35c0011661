"""JSON of QCSchema: single points, optimizations with their trajectory, and records of QCArchive.

A file is one document, a list of them, an object whose values are them ("records", an entry's name), or, as .jsonl, a
document a line. Energies are in Hartree, lengths in Bohr.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import virialff
from virialff.elements import NUMBER_OF, SYMBOL_OF
from virialff.errors import DatasetError, NetChargeError, RadicalError, UnreadableRecordError
from virialff.io.inflate import Inflated
from virialff.io.xyz import Perceiver
from virialff.labels.formats.entry import (
    ENERGY,
    LEVEL,
    MAX_ATOMS,
    Budget,
    Entry,
    Fields,
    bad_entry,
    damaged,
    entry_of,
    mapped,
    said_in,
    said_of,
    text_file,
)
from virialff.labels.schema import Label
from virialff.units import BOHR_IN_ANGSTROM, HARTREE_IN_KCAL_MOL

PACKED = True
#: Name of a SMILES that numbers the atoms, in `identifiers` or `extras` of a molecule.
_MAPPED = "canonical_isomeric_explicit_hydrogen_mapped_smiles"
_OURS = "virialff"
#: Objects within objects in which records are looked for.
_DEPTH = 4


def read(path: Path, fields: Fields, budget: Budget) -> Iterator[Entry]:
    """The single points of a file. Raises OSError and DatasetError."""
    perceiver = Perceiver(MAX_ATOMS)
    for where, document in _documents(path, budget):
        if document is None:
            yield bad_entry(where, "it is no JSON document; write it again")
            continue
        found = False
        for place, record in _records(document, where, _DEPTH):
            found = True
            yield _entry(place, record, fields, perceiver)
        if not found:
            yield bad_entry(where, "it has no molecule with a result; give records of QCSchema or QCArchive")


def _documents(path: Path, budget: Budget) -> Iterator[tuple[str, Any]]:
    """Each document of a file with its place; None for one that is no JSON."""
    with ExitStack() as stack:
        file: BinaryIO = stack.enter_context(path.open("rb"))
        if path.suffix.lower() == ".gz":
            file = stack.enter_context(io.BufferedReader(Inflated(file)))
        lines = ".jsonl" in [suffix.lower() for suffix in path.suffixes]
        try:
            for number in count(1):
                text = file.readline(budget.piece_bytes + 1) if lines else file.read(budget.piece_bytes + 1)
                if len(text) > budget.piece_bytes:
                    raise DatasetError(
                        f"The file {path} has a JSON document of more than {budget.piece_bytes // 1_000_000} MB: write "
                        "a document a line, as .jsonl."
                    )
                if not text.strip():
                    if text and lines:
                        continue
                    return
                try:
                    document = json.loads(text)
                except (ValueError, RecursionError) as error:
                    if not lines:
                        raise damaged(path, "JSON document", error) from error
                    document = None
                yield f"line {number}" if lines else "document", document
        except UnreadableRecordError as error:
            raise damaged(path, "compressed JSON document", error) from error


def _records(document: Any, where: str, depth: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Single points anywhere in a document, each with its place."""
    if isinstance(document, list):
        for number, item in enumerate(document, start=1):
            yield from _records(item, f"record {number}" if where == "document" else f"{where}, {number}", depth)
    elif isinstance(document, dict):
        if "trajectory" in document or "final_molecule" in document:
            steps = document.get("trajectory") or []
            for number, item in enumerate(steps if isinstance(steps, list) else [], start=1):
                yield from _records(item, f"{where}, step {number}", depth - 1)
        elif isinstance(document.get("molecule"), dict):
            yield where, document
        elif depth > 0:
            for key, item in document.items():
                if isinstance(item, list | dict):
                    yield from _records(item, str(key) if where == "document" else f"{where}, {key}", depth - 1)


def _entry(where: str, record: dict[str, Any], fields: Fields, perceiver: Perceiver) -> Entry:
    molecule = record["molecule"]
    status = record.get("status", "complete")
    if record.get("success") is False or str(getattr(status, "value", status)).lower() not in ("complete", "completed"):
        return bad_entry(where, "its calculation failed or did not end")
    properties = _object(record.get("properties"))
    ours = _object(_object(record.get("extras")).get(_OURS))
    use_ours = fields.energy is None and ENERGY in ours
    driver = str(record.get("driver") or _object(record.get("specification")).get("driver") or "").lower()
    result = record.get("return_result")
    if use_ours:
        energy = ours[ENERGY]
    elif fields.energy is not None:
        energy = properties.get(fields.energy)
    else:
        energy = properties.get("return_energy", result if driver == "energy" else None)
    gradient = result if driver == "gradient" else properties.get("return_gradient")
    names = {**_object(molecule.get("extras")), **_object(molecule.get("identifiers"))}
    return entry_of(
        where,
        perceiver,
        partial(_atoms, molecule),
        energy=energy,
        unit="kcal/mol" if use_ours else "Eh",
        length=BOHR_IN_ANGSTROM,
        forces=lambda: gradient,
        force_scale=-HARTREE_IN_KCAL_MOL / BOHR_IN_ANGSTROM,
        smiles=mapped(names.get(_MAPPED)),
        said=_said(record) | said_in(ours, fields),
    )


def _said(record: Mapping[str, Any]) -> dict[str, str]:
    specification = _object(record.get("specification"))
    model = _object(record.get("model")) or specification
    method, basis = model.get("method"), model.get("basis")
    provenance = _object(record.get("provenance"))
    said = {}
    if isinstance(method, str) and method:
        said[LEVEL] = f"{method}/{basis}" if isinstance(basis, str) and basis else method
    program = " ".join(str(provenance[key]) for key in ("creator", "version") if provenance.get(key))
    if program:
        said["program"] = program
    return said


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _atoms(molecule: Mapping[str, Any]) -> tuple[Any, Any]:
    if molecule.get("molecular_charge"):
        raise NetChargeError(
            f"it has the charge {molecule['molecular_charge']}, and only neutral molecules are covered"
        )
    if molecule.get("molecular_multiplicity", 1) not in (1, None):
        raise RadicalError(f"it has the multiplicity {molecule['molecular_multiplicity']}; only singlets are covered")
    real = molecule.get("real")
    if isinstance(real, list) and not all(real):
        raise UnreadableRecordError("it has ghost atoms, so that its energy is not of its molecule alone")
    symbols, positions = molecule.get("symbols"), molecule.get("geometry")
    if not isinstance(symbols, list) or positions is None:
        raise UnreadableRecordError("its molecule lacks symbols or geometry; write it again")
    unknown = next((symbol for symbol in symbols if symbol not in NUMBER_OF), None)
    if unknown is not None:
        raise UnreadableRecordError(f"its symbol {str(unknown)[:20]!r} is no element; correct it")
    return [NUMBER_OF[symbol] for symbol in symbols], positions


def write(path: Path, labels: Iterable[Label]) -> None:
    """Write labels as a list of QCSchema results, or one a line as .jsonl.

    `extras.virialff` has the energy exactly as the store has it, and what QCSchema has no place for.
    """
    lines = ".jsonl" in path.suffixes
    with text_file(path) as file:
        before = "" if lines else "[\n"
        for label in labels:
            file.write(before + json.dumps(_result(label)))
            before = "\n" if lines else ",\n"
        file.write("\n" if lines or before != "[\n" else before)
        file.write("" if lines else "]\n")


def _result(label: Label) -> dict[str, Any]:
    assert label.positions is not None
    assert label.energy is not None
    method, _, basis = label.level_of_theory.rpartition("/")
    hartree = label.energy / HARTREE_IN_KCAL_MOL
    result: Any = hartree
    if label.forces is not None:
        result = (-label.forces * BOHR_IN_ANGSTROM / HARTREE_IN_KCAL_MOL).ravel().tolist()
    bonds = zip(label.bonds.tolist(), label.orders.tolist(), strict=True)
    return {
        "schema_name": "qcschema_output",
        "schema_version": 1,
        "molecule": {
            "schema_name": "qcschema_molecule",
            "schema_version": 2,
            "symbols": [SYMBOL_OF[number] for number in label.numbers.tolist()],
            "geometry": (label.positions / BOHR_IN_ANGSTROM).ravel().tolist(),
            "molecular_charge": 0,
            "molecular_multiplicity": 1,
            "connectivity": [[i, j, order] for (i, j), order in bonds],
            "fragments": [np.flatnonzero(label.fragments == k).tolist() for k in range(len(label.inchikeys))],
            "identifiers": {_MAPPED: label.smiles},
            "fix_com": True,
            "fix_orientation": True,
        },
        "driver": "energy" if label.forces is None else "gradient",
        "model": {"method": method, "basis": basis} if method else {"method": basis},
        "keywords": {},
        "return_result": result,
        "properties": {"return_energy": hartree},
        "provenance": {"creator": _OURS, "version": virialff.__version__, "routine": "data export"},
        "extras": {_OURS: {ENERGY: float(label.energy), **said_of(label)}},
        "success": True,
    }
