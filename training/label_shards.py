"""Label shards: compressed .npz files of finished records, written whole or not at all, and their reader."""

import json
import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from virialff.errors import VirialffError

SCHEMA = "virialff-label-shard/1"
_HEADER = "header"


@dataclass(frozen=True, eq=False)
class MoleculeLabels:
    """One molecule, K labelled geometries of it. Energies are totals of the level, kcal/mol; lengths in Angstrom."""

    inchikey: str
    smiles: str
    source: str
    #: what each geometry is: see training.geometries
    kinds: tuple[str, ...]
    numbers: NDArray[np.int64]  #: (n_atoms,)
    bonds: NDArray[np.int64]  #: (n_bonds, 2)
    orders: NDArray[np.float64]  #: (n_bonds,) as the networks see them
    positions: NDArray[np.float32]  #: (K, n_atoms, 3)
    energies: NDArray[np.float64]  #: (K,)
    forces: NDArray[np.float32]  #: (K, n_atoms, 3), kcal/mol/Angstrom


@dataclass(frozen=True, eq=False)
class ComplexLabels:
    """Two molecules, K arrangements. Interaction energies are vertical, E(A) + E(B) - E(AB): positive is bound."""

    inchikeys: tuple[str, ...]  #: one a fragment
    smiles: str  #: "A.B"
    #: how the arrangements were built: contact, hydrogen_bond, stack or relaxed
    family: str
    #: what each arrangement is: see training.complexes
    kinds: tuple[str, ...]
    numbers: NDArray[np.int64]  #: (n_atoms,)
    bonds: NDArray[np.int64]  #: (n_bonds, 2)
    orders: NDArray[np.float64]  #: (n_bonds,)
    fragments: NDArray[np.int64]  #: (n_atoms,), 0 and 1
    positions: NDArray[np.float32]  #: (K, n_atoms, 3)
    energies: NDArray[np.float64]  #: (K,), total energy of the complex
    forces: NDArray[np.float32]  #: (K, n_atoms, 3)
    interaction_energies: NDArray[np.float64]  #: (K,)
    interaction_forces: NDArray[np.float32]  #: (K, n_atoms, 3), forces in the complex minus those in the monomers


@dataclass(frozen=True)
class Failure:
    """A molecule, a complex or one geometry of it (`kind`) that has no label, and why."""

    key: str
    smiles: str
    kind: str
    reason: str


LabelRecord = MoleculeLabels | ComplexLabels
_RECORD_TYPES: dict[str, type[MoleculeLabels] | type[ComplexLabels]] = {
    "molecule": MoleculeLabels,
    "complex": ComplexLabels,
}


def write_shard(path: Path, records: Iterable[LabelRecord], failures: Iterable[Failure]) -> None:
    """Write a shard beside its final place, then move it there: a reader never sees half of one.

    Raises VirialffError with the system's reason if it cannot be written (a full disk); nothing is left behind.
    """
    arrays: dict[str, NDArray[Any]] = {}
    entries = []
    for index, record in enumerate(records):
        entry: dict[str, Any] = {"type": "molecule" if isinstance(record, MoleculeLabels) else "complex"}
        for field in fields(record):
            value = getattr(record, field.name)
            if isinstance(value, np.ndarray):
                arrays[f"{index}.{field.name}"] = value
            else:
                entry[field.name] = value
        entries.append(entry)
    header = {"schema": SCHEMA, "records": entries, "failures": [asdict(failure) for failure in failures]}
    arrays[_HEADER] = np.array(json.dumps(header))
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise VirialffError(
            f"The shard {path} could not be written ({error.strerror}): make room and start the campaign again."
        ) from error


def read_shard(path: Path) -> tuple[list[LabelRecord], list[Failure]]:
    """The records and failures of one shard. Raises VirialffError for a damaged or foreign file."""
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            header = json.loads(str(archive[_HEADER]))
            if header.get("schema") != SCHEMA:
                raise VirialffError(
                    f"{path} is no label shard of schema {SCHEMA}: read it with the version that wrote it."
                )
            arrays = {name: archive[name] for name in archive.files if name != _HEADER}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise VirialffError(
            f"The shard {path} is damaged ({error}): delete it and start the campaign again."
        ) from error
    records = [_record(index, entry, arrays) for index, entry in enumerate(header["records"])]
    return records, [Failure(**failure) for failure in header["failures"]]


def _record(index: int, entry: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> LabelRecord:
    kind = _RECORD_TYPES[entry.pop("type")]
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    for field in fields(kind):
        if field.name not in values:
            values[field.name] = arrays[f"{index}.{field.name}"]
    return kind(**values)


def shard_paths(folder: Path) -> list[Path]:
    """The finished shards of a campaign folder (or of one of its parts), in order."""
    return sorted(Path(folder).rglob("shard_*.npz"))


def read_shards(folder: Path | str) -> Iterator[LabelRecord]:
    """Every labelled record under `folder`, shard by shard; a campaign may still be writing."""
    for path in shard_paths(Path(folder)):
        yield from read_shard(path)[0]


def read_failures(folder: Path | str) -> Iterator[Failure]:
    """Every recorded failure under `folder`."""
    for path in shard_paths(Path(folder)):
        yield from read_shard(path)[1]
