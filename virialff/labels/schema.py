"""One labelled conformer at one level of theory, and how it is laid out in Arrow and Parquet: numpy and pyarrow only.

The names of the columns carry their units. A list of floats may be stored quantised: integers whose field metadata
`scale` gives the unit of the last digit. Everything that reads a file decodes both forms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from virialff.errors import LabelError, StoreDamagedError, StoreSchemaError
from virialff.text import reason_of

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

SCHEMA_VERSION = 1
#: Key of the version in the metadata of a schema.
VERSION_KEY = "virialff_labels"
#: Key of the unit of the last digit in the metadata of a quantised column.
SCALE_KEY = "scale"
KINDS = ("minimum", "displaced", "scan", "complex")


@dataclass(frozen=True, eq=False, kw_only=True)
class Label:
    """One conformer of a molecule or complex at one level of theory: Angstrom, kcal/mol, e.

    A quantity that was not computed is None; so is every quantity of a row with a `failure`.
    """

    identifier: str  #: "<task>/<n>", n counted from 0 within the task, failures included
    task: str  #: what a campaign computes in one go; its rows are written together
    inchikeys: tuple[str, ...]  #: of every fragment
    smiles: str  #: canonical, explicit hydrogens, atom maps 1..n_atoms naming the rows of the arrays
    source: str  #: pool or set that the molecule came from
    numbers: IntArray  #: (n_atoms,) atomic numbers
    bonds: IntArray  #: (n_bonds, 2) atoms counted from 0
    orders: FloatArray  #: (n_bonds,) 1, 2, 3, or 1.5 for aromatic
    fragments: IntArray  #: (n_atoms,) counted from 0
    positions: FloatArray | None  #: (n_atoms, 3) Angstrom; None only for a failure before there was a geometry
    kind: str  #: one of KINDS
    detail: str  #: how the geometry was made
    level_of_theory: str
    program: str  #: with its version
    settings: str  #: JSON object with sorted keys
    energy: float | None = None  #: total energy, kcal/mol
    forces: FloatArray | None = None  #: (n_atoms, 3) kcal/mol/Angstrom, kept as 32-bit floats
    interaction_energy: float | None = None  #: E(12) - E(1) - E(2), kcal/mol: negative = bound
    interaction_forces: FloatArray | None = None  #: (n_atoms, 3) forces in the complex minus those in the fragments
    counterpoise: bool | None = None  #: whether the fragments had the basis of the whole complex
    kinetic_atoms: FloatArray | None = None  #: (n_atoms,) kcal/mol, Eq. 11
    kinetic_bonds: FloatArray | None = None  #: (n_bonds,) kcal/mol, twice Eq. 12
    kinetic_nonbonded: float | None = None  #: kcal/mol, the rest of the kinetic energy
    dipole: FloatArray | None = None  #: (3,) e Angstrom
    charges: FloatArray | None = None  #: (n_atoms,) e
    charge_scheme: str | None = None  #: name of the partition that gave `charges`
    seconds: float  #: wall time of this row's calculation
    failure: str | None = None  #: why there is no label

    @property
    def n_atoms(self) -> int:
        return len(self.numbers)


class _Column(NamedTuple):
    name: str
    type: pa.DataType
    nullable: bool = False
    #: Of a list: the shape of an item, and what it has an item for.
    item: tuple[int, ...] = ()
    per: str = ""
    #: Files have always held the value with the opposite sign.
    opposite: bool = False


def _list(name: str, values: pa.DataType, per: str, item: tuple[int, ...] = (), nullable: bool = True) -> _Column:
    return _Column(name, pa.list_(values), nullable, item, per)


_COLUMNS: dict[str, _Column] = {
    "identifier": _Column("identifier", pa.string()),
    "task": _Column("task", pa.string()),
    "inchikeys": _Column("inchikeys", pa.list_(pa.string())),
    "smiles": _Column("smiles", pa.string()),
    "source": _Column("source", pa.string()),
    "numbers": _list("numbers", pa.uint8(), "atoms", nullable=False),
    "bonds": _list("bonds", pa.uint16(), "bonds", (2,), nullable=False),
    "orders": _list("orders", pa.float32(), "bonds", nullable=False),
    "fragments": _list("fragments", pa.uint8(), "atoms", nullable=False),
    "positions": _list("positions_angstrom", pa.float64(), "atoms", (3,)),
    "kind": _Column("kind", pa.string()),
    "detail": _Column("detail", pa.string()),
    "level_of_theory": _Column("level_of_theory", pa.string()),
    "program": _Column("program", pa.string()),
    "settings": _Column("settings", pa.string()),
    "energy": _Column("energy_kcal_mol", pa.float64(), True),
    "forces": _list("forces_kcal_mol_angstrom", pa.float32(), "atoms", (3,)),
    "interaction_energy": _Column("interaction_energy_kcal_mol", pa.float64(), True, opposite=True),
    "interaction_forces": _list("interaction_forces_kcal_mol_angstrom", pa.float32(), "atoms", (3,)),
    "counterpoise": _Column("counterpoise", pa.bool_(), True),
    "kinetic_atoms": _list("kinetic_atoms_kcal_mol", pa.float64(), "atoms"),
    "kinetic_bonds": _list("kinetic_bonds_kcal_mol", pa.float64(), "bonds"),
    "kinetic_nonbonded": _Column("kinetic_nonbonded_kcal_mol", pa.float64(), True),
    "dipole": _list("dipole_e_angstrom", pa.float64(), "axes"),
    "charges": _list("charges_e", pa.float64(), "atoms"),
    "charge_scheme": _Column("charge_scheme", pa.string(), True),
    "seconds": _Column("seconds", pa.float64()),
    "failure": _Column("failure", pa.string(), True),
}
_RESULTS = (
    "energy",
    "forces",
    "interaction_energy",
    "interaction_forces",
    "kinetic_atoms",
    "kinetic_bonds",
    "kinetic_nonbonded",
    "dipole",
    "charges",
)

#: Name of the column of each field of Label.
COLUMN_OF = {field: column.name for field, column in _COLUMNS.items()}
ARROW_SCHEMA = pa.schema(
    [pa.field(column.name, column.type, column.nullable) for column in _COLUMNS.values()],
    metadata={VERSION_KEY: str(SCHEMA_VERSION)},
)


def fault(label: Label) -> str | None:
    """Why a label must not be stored, as the end of a sentence that begins with its name; None if it may be.

    That is for arrays that do not fit together, a number that is not finite, an unknown kind, an empty name, a row
    with neither a result nor a failure, or with both.
    """
    for name, column in _COLUMNS.items():
        if getattr(label, name) is None and not column.nullable:
            return f"lacks {name}"
    if label.kind not in KINDS:
        return f"is of the unknown kind {label.kind!r}; the kinds are {', '.join(KINDS)}"
    for name in ("identifier", "task", "smiles", "level_of_theory", "settings"):
        if not getattr(label, name):
            return f"has an empty {name}"
    counts = {"atoms": len(label.numbers), "bonds": len(label.bonds), "axes": 3}
    for name, column in _COLUMNS.items():
        value = getattr(label, name)
        if value is None:
            continue
        if column.per:
            expected = (counts[column.per], *column.item)
            if np.shape(value) != expected and not (np.size(value) == 0 and expected[0] == 0):
                return f"has {name} of shape {np.shape(value)}, expected {expected}"
        if isinstance(value, float | np.ndarray | np.floating) and not np.isfinite(value).all():
            return f"has {name} that are not finite numbers"
    if len(label.bonds) and (label.bonds.min() < 0 or label.bonds.max() >= counts["atoms"]):
        return f"has a bond to an atom beyond its {counts['atoms']}"
    if label.failure is None:
        if label.positions is None or label.energy is None or not counts["atoms"]:
            return "has neither a geometry with its energy nor a reason of failure"
    elif not label.failure or any(getattr(label, name) is not None for name in _RESULTS):
        return "has results or no text beside its failure; a failed calculation gives a reason and no numbers"
    return None


def check_label(label: Label) -> None:
    """Raise LabelError for a label that must not be stored, for a reason of `fault`."""
    what = fault(label)
    if what is not None:
        raise LabelError(f"The label {label.identifier!r} {what}.")


def to_table(labels: Iterable[Label]) -> pa.Table:
    """Labels as a table of ARROW_SCHEMA. Raises LabelError for a label that `check_label` refuses."""
    rows = list(labels)
    for row in rows:
        check_label(row)
    arrays = [_encode(column, [getattr(row, name) for row in rows]) for name, column in _COLUMNS.items()]
    return pa.Table.from_arrays(arrays, schema=ARROW_SCHEMA)


def _encode(column: _Column, values: list[Any]) -> pa.Array:
    if not column.per:
        return pa.array(_signed(column, values), type=column.type)
    dtype = column.type.value_type.to_pandas_dtype()
    flat = [np.zeros(0, dtype) if value is None else np.asarray(value).reshape(-1) for value in values]
    joined = np.concatenate(flat) if flat else np.zeros(0)
    narrow = joined.astype(dtype)
    if np.issubdtype(dtype, np.integer) and not np.array_equal(narrow, joined):
        raise LabelError(f"A value of {column.name} does not fit the store: the largest is {joined.max()}.")
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in flat])]).astype(np.int32)
    mask = pa.array([value is None for value in values], pa.bool_())
    return pa.ListArray.from_arrays(offsets, pa.array(narrow), type=column.type, mask=mask)


def from_table(table: pa.Table | pa.RecordBatch) -> Iterator[Label]:
    """The labels of a table or record batch that has every column, full or quantised.

    Raises StoreSchemaError for a table of a newer version of the schema, or one that holds no labels, StoreDamagedError
    for a row whose lists do not fit together.
    """
    check_schema(table.schema, "the table")
    for batch in [table] if isinstance(table, pa.RecordBatch) else table.to_batches():
        if (misfit := _misfit(batch)) is not None:
            raise StoreDamagedError(
                f"The row {batch['identifier'][misfit[0]].as_py()!r} cannot be decoded: its lists have impossible "
                f"lengths ({misfit[1]}); `virialff data check` names such rows."
            )
        columns = [_decode(column, batch.schema.field(column.name), batch[column.name]) for column in _COLUMNS.values()]
        for row in zip(*columns, strict=True):
            yield Label(**dict(zip(_COLUMNS, row, strict=True)))


def _misfit(batch: pa.RecordBatch) -> tuple[int, str] | None:
    """The first row whose lists do not have the lengths that its atoms and bonds ask for, and a column of it."""
    lengths = {
        name: pc.list_value_length(batch[column.name]).fill_null(-1).to_numpy(zero_copy_only=False)
        for name, column in _COLUMNS.items()
        if column.per
    }
    counts = {"atoms": lengths["numbers"], "bonds": lengths["bonds"] // 2, "axes": np.full(len(batch), 3)}
    for name, found in lengths.items():
        column = _COLUMNS[name]
        expected = counts[column.per] * int(np.prod(column.item, dtype=int))
        # A failure before there was a geometry may have empty lists.
        wrong = (found != expected) & (found >= 0)
        if wrong.any():
            return int(np.argmax(wrong)), column.name
    return None


def fault_of_table(table: pa.Table) -> str | None:
    """Why a table of columns of ARROW_SCHEMA cannot be of a store, as the end of a sentence, or None."""
    try:
        table.validate(full=True)
    except pa.ArrowException as error:
        return reason_of(error)
    for name in table.schema.names:
        field, column = ARROW_SCHEMA.field(name), table[name]
        if column.type != field.type:
            return f"{name} is {column.type} and should be {field.type}"
        if not field.nullable and column.null_count:
            return f"a row lacks {name}"
        if pa.types.is_list(column.type) and any(chunk.flatten().null_count for chunk in column.chunks):
            return f"a list of {name} has a gap"
    return None


def full_table(table: pa.Table) -> pa.Table:
    """The same rows with the types of ARROW_SCHEMA in its order: quantised columns become floats."""
    names = [name for name in ARROW_SCHEMA.names if name in table.schema.names]
    arrays = [
        pa.chunked_array(
            [full_array(table.schema.field(name), chunk) for chunk in table[name].chunks], ARROW_SCHEMA.field(name).type
        )
        for name in names
    ]
    schema = pa.schema([ARROW_SCHEMA.field(name) for name in names], ARROW_SCHEMA.metadata)
    return pa.Table.from_arrays(arrays, schema=schema)


def _decode(column: _Column, field: pa.Field, array: pa.Array) -> Iterator[Any]:
    if column.name == COLUMN_OF["inchikeys"]:
        return (tuple(value) for value in array.to_pylist())
    if not column.per:
        return iter(_signed(column, array.to_pylist()))
    return _decode_lists(column, full_array(field, array))


def _decode_lists(column: _Column, array: pa.ListArray) -> Iterator[NDArray[Any] | None]:
    values = array.values.to_numpy(zero_copy_only=False)
    wide = values.astype(np.float64 if values.dtype.kind == "f" else np.int64)
    offsets, valid = array.offsets.to_numpy(), array.is_valid().to_numpy(zero_copy_only=False)
    for row in range(len(array)):
        part = wide[offsets[row] : offsets[row + 1]]
        yield part.reshape(-1, *column.item) if valid[row] else None


def _signed(column: _Column, values: list[Any]) -> list[Any]:
    """Values of a file with the sign of Label, or the other way round."""
    return [None if value is None else 0.0 - value for value in values] if column.opposite else values


def plain_values(field: str, array: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The column of a field of Label that holds no lists, its values as Label has them."""
    return _signed(_COLUMNS[field], array.to_pylist())


def full_array(field: pa.Field, array: pa.Array) -> pa.Array:
    """A column in the type that ARROW_SCHEMA gives it: a quantised one is multiplied by its scale."""
    expected = ARROW_SCHEMA.field(field.name).type
    if array.type == expected:
        return array
    scale = (field.metadata or {}).get(SCALE_KEY.encode())
    if scale is None or not pa.types.is_list(array.type):
        return array.cast(expected)
    # Dividing by a whole number gives the float nearest to the decimal fraction; multiplying by the fraction does not.
    steps = round(1.0 / float(scale))
    return map_lists(array, expected, lambda values: values / steps)


def map_lists(array: pa.ListArray, target: pa.DataType, change: Callable[[NDArray[Any]], NDArray[Any]]) -> pa.ListArray:
    """Lists of the type `target` with the same lengths and nulls, their values those that `change` makes of all."""
    offsets = array.offsets.to_numpy()
    values = change(array.values.to_numpy(zero_copy_only=False)[offsets[0] : offsets[-1]])
    flat = pa.array(values.astype(target.value_type.to_pandas_dtype()))
    return pa.ListArray.from_arrays(offsets - offsets[0], flat, type=target, mask=array.is_null())


def check_schema(schema: pa.Schema, place: str) -> None:
    """Raise StoreSchemaError unless `schema` is of labels and of a version that this code can read."""
    text = (schema.metadata or {}).get(VERSION_KEY.encode(), b"")
    if not text.isdigit():
        raise StoreSchemaError(f"There are no labels in {place}: it was not written by a label store.")
    if int(text) > SCHEMA_VERSION:
        raise StoreSchemaError(
            f"The labels in {place} are of schema version {int(text)} and this virialff reads up to {SCHEMA_VERSION}: "
            "update virialff."
        )
    missing = [name for name in ARROW_SCHEMA.names if name not in schema.names]
    if missing:
        raise StoreSchemaError(f"The labels in {place} lack the column {missing[0]}: they are damaged.")
