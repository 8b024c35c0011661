"""Labels become Arrow tables and come back the same; what must not be stored is refused in a sentence."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pyarrow as pa
import pytest

from tests.virialff.labels.sample_labels import assert_same_label, sample_label, sample_task
from virialff.errors import LabelError, StoreSchemaError
from virialff.labels.schema import ARROW_SCHEMA, COLUMN_OF, SCALE_KEY, VERSION_KEY, Label, from_table, to_table


def test_labels_return_to_the_last_bit():
    labels = [*sample_task("a"), *sample_task("b", 4), sample_label("c", 0, forces=None, dipole=None, charges=None)]
    table = to_table(labels)
    assert table.schema.equals(ARROW_SCHEMA, check_metadata=True)
    table.validate(full=True)
    returned = list(from_table(table))
    assert len(returned) == len(labels)
    for label, other in zip(labels, returned, strict=True):
        assert_same_label(label, other)


def test_a_slice_and_a_batch_of_a_table_decode_alike():
    labels = [label for name in "abc" for label in sample_task(name)]
    table = to_table(labels)
    for label, other in zip(labels[4:8], from_table(table.slice(4, 4)), strict=True):
        assert_same_label(label, other)
    for label, other in zip(labels, from_table(table.to_batches()[0]), strict=True):
        assert_same_label(label, other)


def test_every_field_has_a_column_in_the_same_order():
    assert list(COLUMN_OF) == [field.name for field in fields(Label)]
    assert list(COLUMN_OF.values()) == ARROW_SCHEMA.names


def test_no_labels_are_a_table_without_rows():
    assert to_table([]).num_rows == 0
    assert list(from_table(to_table([]))) == []


def test_a_single_atom_and_a_failure_without_any_atom():
    atom = sample_label(
        "h2",
        0,
        numbers=np.array([1]),
        bonds=np.zeros((0, 2), dtype=np.int64),
        orders=np.zeros(0),
        fragments=np.array([0]),
        positions=np.zeros((1, 3)),
        forces=np.zeros((1, 3)),
        interaction_forces=None,
        kinetic_atoms=np.ones(1),
        kinetic_bonds=np.zeros(0),
        charges=np.zeros(1),
    )
    nothing = sample_label(
        "bad",
        0,
        failure="not a SMILES",
        positions=None,
        numbers=np.zeros(0, dtype=np.int64),
        bonds=np.zeros((0, 2), dtype=np.int64),
        orders=np.zeros(0),
        fragments=np.zeros(0, dtype=np.int64),
    )
    for label, other in zip([atom, nothing], from_table(to_table([atom, nothing])), strict=True):
        assert_same_label(label, other)


def test_quantised_lists_are_decoded():
    labels = sample_task("a", 4)
    table = to_table(labels)
    positions = table["positions_angstrom"].combine_chunks()
    steps = np.rint(positions.values.to_numpy() / 1e-3).astype(np.int16)
    quantised = pa.ListArray.from_arrays(positions.offsets, pa.array(steps), mask=positions.is_null())
    index = table.schema.get_field_index("positions_angstrom")
    field = pa.field("positions_angstrom", quantised.type, True, metadata={SCALE_KEY: "0.001"})
    table = table.set_column(index, field, quantised)
    for label, other in zip(labels[1:], from_table(table.slice(1)), strict=True):
        if label.positions is None:
            assert other.positions is None
            continue
        np.testing.assert_array_equal(other.positions, np.rint(label.positions * 1000) / 1000)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"energy": float("nan")}, "'a/0' has energy that are not finite"),
        ({"forces": np.full((6, 3), np.inf)}, "has forces that are not finite"),
        ({"charges": np.zeros(5)}, r"has charges of shape \(5,\), expected \(6,\)"),
        ({"kinetic_bonds": np.zeros(6)}, r"has kinetic_bonds of shape \(6,\), expected \(5,\)"),
        ({"positions": np.zeros((6, 2))}, r"has positions of shape \(6, 2\), expected \(6, 3\)"),
        ({"kind": "guess"}, "unknown kind 'guess'; the kinds are minimum, displaced, scan, complex"),
        ({"smiles": ""}, "has an empty smiles"),
        ({"energy": None}, "neither a geometry with its energy nor a reason"),
        ({"failure": "it failed", "energy": 1.0}, "has results or no text beside its failure"),
        ({"failure": ""}, "has results or no text beside its failure"),
        ({"bonds": np.array([[0, 1], [0, 2], [0, 3], [1, 4], [1, 6]])}, "has a bond to an atom beyond its 6"),
        ({"numbers": np.array([6, 6, 1, 1, 1, 300])}, "numbers does not fit the store: the largest is 300"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_what_must_not_be_stored_is_refused(changes, words):
    with pytest.raises(LabelError, match=words):
        to_table([sample_label("a", 0, **changes)])


def test_a_newer_schema_is_a_sentence():
    table = to_table(sample_task("a"))
    newer = table.replace_schema_metadata({VERSION_KEY: "2"})
    with pytest.raises(StoreSchemaError, match="schema version 2 and this virialff reads up to 1: update virialff"):
        list(from_table(newer))
    with pytest.raises(StoreSchemaError, match="There are no labels"):
        list(from_table(pa.table({"a": [1]})))
    with pytest.raises(StoreSchemaError, match="lack the column energy_kcal_mol"):
        list(from_table(table.drop_columns(["energy_kcal_mol"])))


def test_files_hold_interaction_energies_with_the_opposite_sign():
    """They always have: E(1) + E(2) - E(12). In memory it is E(12) - E(1) - E(2), as everywhere."""
    label = sample_label("a", 0, interaction_energy=-4.9)
    table = to_table([label, sample_label("b", 0, interaction_energy=None)])
    assert table["interaction_energy_kcal_mol"].to_pylist() == [4.9, None]
    assert [entry.interaction_energy for entry in from_table(table)] == [-4.9, None]
