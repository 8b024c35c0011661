"""Labelled molecules and complexes in memory-mapped Arrow files, decoded record by record: torch, numpy, pyarrow.

A pack is read where it lies: opening it reads the sizes of its records, and a record is decoded when it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, overload

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from virialff import seals
from virialff.errors import StoreDamagedError, StoreError, StoreSchemaError
from virialff.files import replacing
from virialff.molecules.topology import RELATIONS
from virialff.networks.graph_tensors import GraphTensors
from virialff.text import reason_of

SPLITS = ("train", "validation", "test")
#: Kinds of geometry: minimum of a classical force field, minimum of GFN2-xTB, minimum with one torsion turned,
#: thermally displaced (also every complex that is not a minimum), strongly distorted.
KINDS = ("classical_minimum", "gfn2_minimum", "torsion", "displaced", "distorted")
#: Positions in KINDS of the minima.
MINIMA = (0, 1)
_INTERMOLECULAR = RELATIONS.index("intermolecular")


class LabelledGraph(NamedTuple):
    """One molecule or complex and its labels."""

    graph: GraphTensors
    positions: Tensor
    """(n_conformers, n_atoms, 3) float32, Angstrom."""
    energies: Tensor
    """(n_conformers,) float64, kcal/mol: total energies; of a complex E(complex) - E(fragments), negative = bound."""
    forces: Tensor
    """(n_conformers, n_atoms, 3) float32, kcal/mol/A: minus the gradient of `energies`; NaN where not computed."""
    kinds: Tensor
    """(n_conformers,) int64, position in KINDS."""
    identifier: str
    kinetic_atoms: Tensor | None = None
    """(n_conformers, n_atoms) float64, kcal/mol, Eq. 11; NaN for a conformer without, None where none has it."""
    kinetic_bonds: Tensor | None = None
    """(n_conformers, n_bonds) float64, kcal/mol, twice Eq. 12, in the order of the first n_bonds of `bond_index`."""
    dipoles: Tensor | None = None
    """(n_conformers, 3) float64, e Angstrom."""
    kinetic_energies: Tensor | None = None
    """(n_conformers,) float64, kcal/mol: all of the kinetic energy, that between atoms without a bond too."""


#: Names of the two packs in a folder.
MOLECULES, COMPLEXES = "molecules.arrow", "complexes.arrow"
#: Version of the layout below, kept in the metadata of a file.
_PACK_VERSION = "3"
_VERSION_KEY = b"virialff_pack"
#: Lists of the numbers of one record, flattened; a nullable one is null where no conformer has the quantity.
_LISTS: dict[str, tuple[pa.DataType, bool]] = {
    "elements": (pa.int8(), False),
    "fragments": (pa.uint8(), False),
    "bond_index": (pa.int16(), False),
    "bond_types": (pa.int8(), False),
    "atom_rings": (pa.int8(), False),
    "pair_types": (pa.int8(), False),
    "pair_relations": (pa.int8(), False),
    "pair_rings": (pa.int8(), False),
    "path_pairs": (pa.int32(), False),
    "path_atoms": (pa.int16(), False),
    "kinds": (pa.int8(), False),
    "energies_kcal_mol": (pa.float64(), False),
    "positions_angstrom": (pa.float32(), False),
    "forces_kcal_mol_angstrom": (pa.float32(), False),
    "kinetic_atoms_kcal_mol": (pa.float64(), True),
    "kinetic_bonds_kcal_mol": (pa.float64(), True),
    "dipoles_e_angstrom": (pa.float64(), True),
    "kinetic_energies_kcal_mol": (pa.float64(), True),
}
_SCHEMA = pa.schema(
    [
        pa.field("identifier", pa.string(), False),
        pa.field("split", pa.int8(), False),
        pa.field("n_pairs", pa.int32(), False),
        pa.field("n_intermolecular_pairs", pa.int32(), False),
        pa.field("n_conformers", pa.int32(), False),
        *(pa.field(name, pa.list_(values), nullable) for name, (values, nullable) in _LISTS.items()),
    ]
)
_RECORDS_PER_BATCH = 256
#: What pyarrow and torch raise of a damaged file.
_UNREADABLE = (pa.ArrowException, OSError, ValueError, RuntimeError, LookupError, TypeError, OverflowError)
_SIZES = ("n_pairs", "n_intermolecular_pairs", "n_conformers")


class Records(Sequence[LabelledGraph]):
    """The records of one split of a pack file. It can be pickled: the copy opens the file again.

    Raises StoreError if there is no file, StoreSchemaError and StoreDamagedError for one that cannot be read.
    """

    def __init__(self, path: Path, split: str, positions: Sequence[int] | None = None) -> None:
        self.path, self.split, self._positions = path, split, positions
        self._file = _open_pack(path)
        self._views: dict[int, dict[str, Any]] = {}
        batches, rows, sizes = [], [], []
        for index in range(self._file.num_record_batches):
            batch = self._batch(index)
            chosen = np.flatnonzero(batch["split"].to_numpy() == SPLITS.index(split))
            batches.append(np.full(len(chosen), index))
            rows.append(chosen)
            columns = [batch[name].to_numpy()[chosen] for name in _SIZES]
            sizes.append(np.stack(columns))
        self._batches = np.concatenate([*batches, np.zeros(0, np.int64)]).astype(np.int64)
        self._rows = np.concatenate([*rows, np.zeros(0, np.int64)]).astype(np.int64)
        joined = np.concatenate([*sizes, np.zeros((3, 0), np.int32)], axis=1)
        #: (n_records,) pairs of atoms, those between fragments, and conformers of each record.
        self.n_pairs, self.n_intermolecular_pairs, self.n_conformers = (row.astype(np.int64) for row in joined)
        if positions is not None:
            kept = np.asarray(positions, dtype=np.int64)
            for name in ("_batches", "_rows", "n_pairs", "n_intermolecular_pairs", "n_conformers"):
                setattr(self, name, getattr(self, name)[kept])

    def subset(self, positions: Sequence[int]) -> Records:
        """Those at these positions."""
        mine = self._positions
        kept = list(positions) if mine is None else [mine[position] for position in positions]
        return Records(self.path, self.split, kept)

    def __len__(self) -> int:
        return len(self._rows)

    def __reduce__(self) -> tuple[type[Records], tuple[Path, str, Sequence[int] | None]]:
        return Records, (self.path, self.split, self._positions)

    @overload
    def __getitem__(self, index: int) -> LabelledGraph: ...
    @overload
    def __getitem__(self, index: slice) -> list[LabelledGraph]: ...
    def __getitem__(self, index: int | slice) -> LabelledGraph | list[LabelledGraph]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        columns, row = self._columns(int(self._batches[index])), int(self._rows[index])
        values = {name: _list_of(columns[name], row) for name in _LISTS}
        identifier = columns["identifier"][row].as_py()
        try:
            return _decode(identifier, values)
        except _UNREADABLE as error:
            raise _damaged(self.path, f"the record {identifier!r} cannot be decoded: {reason_of(error)}") from error

    def _batch(self, index: int) -> pa.RecordBatch:
        try:
            batch = self._file.get_batch(index)
            # Lists of a damaged file may lead outside it.
            batch.validate(full=True)
        except _UNREADABLE as error:
            raise _damaged(self.path, reason_of(error)) from error
        if batch["split"].null_count or any(batch[name].null_count for name in _SIZES):
            raise _damaged(self.path, "a record lacks its sizes")
        return batch

    def _columns(self, batch: int) -> dict[str, Any]:
        # Views on the mapped file cost no memory, and making them anew for each record would take most of the time.
        if batch not in self._views:
            # Looked through when the file was opened.
            content = self._file.get_batch(batch)
            self._views[batch] = {name: _list_view(content[name]) for name in _LISTS}
            self._views[batch]["identifier"] = content["identifier"]
        return self._views[batch]


def _list_view(column: pa.ListArray) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]]:
    """Offsets, values and validity of a column of lists."""
    return (
        column.offsets.to_numpy(),
        column.values.to_numpy(),
        column.is_valid().to_numpy(zero_copy_only=False),
    )


def _list_of(view: tuple[NDArray[Any], NDArray[Any], NDArray[np.bool_]], row: int) -> Tensor | None:
    offsets, values, valid = view
    if not valid[row]:
        return None
    # A copy in any case: the file is mapped for reading only, and a tensor is there to be changed.
    part = values[offsets[row] : offsets[row + 1]]
    return torch.from_numpy(part.astype(np.int64 if values.dtype.kind in "iu" else values.dtype))


@dataclass(frozen=True)
class Pack:
    """The labelled graphs of one kind (molecules or complexes) by split."""

    train: Records
    validation: Records
    test: Records


def load_pack(path: Path) -> Pack:
    """Open a file of `PackWriter`. Raises what `Records` raises."""
    return Pack(*(Records(path, split) for split in SPLITS))


def load_packs(folder: Path) -> tuple[Pack, Pack]:
    """The molecules and the complexes of a folder of packs. Raises what `Records` raises."""
    return load_pack(folder / MOLECULES), load_pack(folder / COMPLEXES)


class PackWriter:
    """Writes a pack that appears at `path` whole, when the context is left without an error, or not at all.

    Only all-pairs graphs of one molecule each can be stored. Raises StoreError if the file cannot be written.
    """

    def __init__(self, path: Path, metadata: dict[str, str] | None = None) -> None:
        self.path = path
        self._schema = _SCHEMA.with_metadata({_VERSION_KEY.decode(): _PACK_VERSION} | (metadata or {}))
        self._waiting: list[dict[str, Any]] = []
        self._open = ExitStack()
        try:
            self._sink = self._open.enter_context(replacing(path))
        except OSError as error:
            raise self._error(error) from error
        self._writer = pa.ipc.new_file(self._sink, self._schema)

    def append(self, record: LabelledGraph, split: str) -> None:
        """Add a record to one of SPLITS."""
        self._waiting.append(_encode(record, split))
        if len(self._waiting) == _RECORDS_PER_BATCH:
            self._flush()

    def _flush(self) -> None:
        columns = {name: [row[name] for row in self._waiting] for name in self._schema.names}
        arrays = [
            _list_array(column, field) if pa.types.is_list(field.type) else pa.array(column, field.type)
            for field, column in zip(self._schema, columns.values(), strict=True)
        ]
        try:
            self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        except OSError as error:
            raise self._error(error) from error
        self._waiting = []

    def _error(self, error: OSError) -> StoreError:
        return StoreError(f"The training pack {self.path} could not be written ({error.strerror or error}): make room.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._open.__exit__(kind, error, trace)
            return
        try:
            with self._open:
                if self._waiting:
                    self._flush()
                self._writer.close()
                seals.seal_footer(self._sink, b"ARROW1")
        except OSError as failed:
            raise self._error(failed) from failed


def _open_pack(path: Path) -> pa.RecordBatchFileReader:
    try:
        file = pa.ipc.open_file(pa.memory_map(str(path)))
        facts = path.stat()
        damage = _damage(path, facts.st_ino, facts.st_mtime_ns, facts.st_size)
    except FileNotFoundError as error:
        raise StoreError(f"There is no training pack {path}: make it with `virialff data pack`.") from error
    except _UNREADABLE as error:
        raise _damaged(path, reason_of(error)) from error
    if (file.schema.metadata or {}).get(_VERSION_KEY) != _PACK_VERSION.encode():
        raise StoreSchemaError(f"{path} is no training pack of version {_PACK_VERSION}: make it anew from the labels.")
    if not file.schema.equals(_SCHEMA):
        raise _damaged(path, "it has other columns than a pack")
    if damage is not None:
        raise _damaged(path, damage)
    return file


@lru_cache(maxsize=64)
def _damage(path: Path, *version: int) -> str | None:
    """The check of a file, once a version: each split opens it, and so does each copy."""
    return seals.problem(path)


def _damaged(path: Path, reason: str) -> StoreDamagedError:
    return StoreDamagedError(
        f"{path} is no whole training pack ({reason}): make it anew with `virialff data pack`, or that of a run with "
        "`virialff train RECIPE --repack`."
    )


def _encode(record: LabelledGraph, split: str) -> dict[str, Any]:
    graph = record.graph
    return {
        "identifier": record.identifier,
        "split": SPLITS.index(split),
        "n_pairs": graph.n_pairs,
        "n_intermolecular_pairs": int((graph.pair_relations == _INTERMOLECULAR).sum()),
        "n_conformers": len(record.energies),
        "elements": graph.elements,
        "fragments": graph.atom_fragments,
        "bond_index": graph.bond_index,
        "bond_types": graph.bond_types,
        "atom_rings": graph.atom_rings,
        "pair_types": graph.pair_types,
        "pair_relations": graph.pair_relations,
        "pair_rings": graph.pair_rings,
        "path_pairs": graph.path_pairs,
        "path_atoms": graph.path_atoms,
        "kinds": record.kinds,
        "energies_kcal_mol": record.energies,
        "positions_angstrom": record.positions,
        "forces_kcal_mol_angstrom": record.forces,
        "kinetic_atoms_kcal_mol": record.kinetic_atoms,
        "kinetic_bonds_kcal_mol": record.kinetic_bonds,
        "dipoles_e_angstrom": record.dipoles,
        "kinetic_energies_kcal_mol": record.kinetic_energies,
    }


def _list_array(tensors: list[Tensor | None], field: pa.Field) -> pa.ListArray:
    dtype = field.type.value_type.to_pandas_dtype()
    flat = [np.zeros(0, dtype) if tensor is None else tensor.numpy().reshape(-1).astype(dtype) for tensor in tensors]
    offsets = np.cumsum([0, *(len(part) for part in flat)]).astype(np.int32)
    mask = pa.array([tensor is None for tensor in tensors]) if field.nullable else None
    return pa.ListArray.from_arrays(offsets, pa.array(np.concatenate(flat)), type=field.type, mask=mask)


def _decode(identifier: str, values: dict[str, Tensor | None]) -> LabelledGraph:
    def numbers(name: str) -> Tensor:
        value = values[name]
        if value is None:
            raise ValueError(f"it lacks {name}")
        return value

    elements, fragments = numbers("elements"), numbers("fragments")
    energies, pair_types = numbers("energies_kcal_mol"), numbers("pair_types")
    n, k = len(elements), len(energies)
    bond_index = numbers("bond_index").view(2, -1)
    graph = GraphTensors(
        elements=elements,
        atom_fragments=fragments,
        fragment_molecules=torch.zeros(int(fragments.max()) + 1, dtype=torch.int64),
        atom_rings=numbers("atom_rings").view(n, -1),
        bond_index=bond_index,
        bond_types=numbers("bond_types"),
        pair_index=torch.triu_indices(n, n, offset=1),
        pair_types=pair_types,
        pair_relations=numbers("pair_relations"),
        pair_rings=numbers("pair_rings"),
        pair_molecules=torch.zeros(len(pair_types), dtype=torch.int64),
        path_pairs=numbers("path_pairs"),
        path_atoms=numbers("path_atoms"),
        n_molecules=1,
    )
    atoms, bonds = values["kinetic_atoms_kcal_mol"], values["kinetic_bonds_kcal_mol"]
    dipoles = values["dipoles_e_angstrom"]
    return LabelledGraph(
        graph=graph,
        positions=numbers("positions_angstrom").view(k, n, 3),
        energies=energies,
        forces=numbers("forces_kcal_mol_angstrom").view(k, n, 3),
        kinds=numbers("kinds"),
        identifier=identifier,
        kinetic_atoms=None if atoms is None else atoms.view(k, n),
        kinetic_bonds=None if bonds is None else bonds.view(k, bond_index.shape[1] // 2),
        dipoles=None if dipoles is None else dipoles.view(k, 3),
        kinetic_energies=values["kinetic_energies_kcal_mol"],
    )


def intermolecular(record: LabelledGraph) -> LabelledGraph:
    """The same complex with only the pairs between fragments: all that a vertical interaction energy needs."""
    graph = record.graph.select_pairs(record.graph.pair_relations == _INTERMOLECULAR)
    return record._replace(graph=graph)
