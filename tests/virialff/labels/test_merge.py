"""A merge holds every row once, cuts no task, appears whole or not at all, and keeps to the digits it promises."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.virialff.labels.sample_labels import assert_same_label, sample_label, sample_task
from virialff.errors import StoreError
from virialff.labels.merge import SCALES, merge
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore


def store_of(folder, *tasks: str, finish: bool = True) -> LabelStore:
    store = LabelStore(folder)
    with store.writer("-".join(tasks)) as writer:
        for task in tasks:
            writer.append(sample_task(task))
        if finish:
            writer.finish()
    return store


def labels_of(*tasks: str) -> list[Label]:
    return [label for task in tasks for label in sample_task(task)]


def test_rows_of_all_sources_are_there_once_and_in_order(tmp_path):
    store_of(tmp_path / "one", "a", "b")
    store_of(tmp_path / "one", "c", finish=False)
    store_of(tmp_path / "two", "b", "d")
    result = merge([tmp_path / "one", tmp_path / "two", tmp_path / "one" / "a-b.parquet"], tmp_path / "all")
    assert (result.rows, result.repeated) == (12, 9)
    assert result.files == (tmp_path / "all" / "labels_00000.parquet",)
    assert result.n_bytes == result.files[0].stat().st_size
    for label, other in zip(labels_of("a", "b", "c", "d"), LabelStore(tmp_path / "all").labels(), strict=True):
        assert_same_label(label, other)


@pytest.mark.parametrize("rows", [1, 3, 4, 7, 100])
def test_files_end_where_a_task_ends(tmp_path, rows):
    store_of(tmp_path / "one", *"abcd")
    store_of(tmp_path / "two", *"efg")
    result = merge([tmp_path / "one", tmp_path / "two"], tmp_path / "all", rows_per_file=rows)
    sizes = [pq.ParquetFile(path).metadata.num_rows for path in result.files]
    whole = 3 * -(-rows // 3)
    assert sizes == [whole] * (21 // whole) + ([21 % whole] if 21 % whole else [])
    for label, other in zip(labels_of(*"abcdefg"), LabelStore(tmp_path / "all").labels(), strict=True):
        assert_same_label(label, other)


def test_the_quantised_form_keeps_its_digits_and_all_else(tmp_path):
    store_of(tmp_path / "one", "a", "b")
    merge([tmp_path / "one"], tmp_path / "small.parquet", quantise=True)
    for label, other in zip(labels_of("a", "b"), LabelStore(tmp_path / "small.parquet").labels(), strict=True):
        rounded = {}
        for name, digits in (("positions", 3), ("forces", 1), ("interaction_forces", 1)):
            value = getattr(label, name)
            if value is not None:
                rounded[name] = np.round(value, digits)
                np.testing.assert_allclose(getattr(other, name), rounded[name], atol=1e-6)
                rounded[name] = getattr(other, name)
        assert_same_label(dataclasses.replace(label, **rounded), other)
    merge([tmp_path / "small.parquet"], tmp_path / "again.parquet", quantise=True)
    assert (tmp_path / "again.parquet").read_bytes() == (tmp_path / "small.parquet").read_bytes()
    types = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "small.parquet")}
    assert {types[name] for name in SCALES} == {"list<element: int32>"}


def test_a_quantised_row_takes_two_bytes_a_coordinate(tmp_path):
    """40 MB for 120,000 conformers of 22 atoms with forces are 330 bytes a row, or 2.5 bytes a number."""
    with LabelStore(tmp_path / "one").writer("a") as writer:
        for task in range(40):
            writer.append([sample_label(f"t{task}", row) for row in range(10)])
    result = merge([tmp_path / "one"], tmp_path / "small.parquet", quantise=True)
    table = pq.ParquetFile(tmp_path / "small.parquet").metadata.row_group(0)
    sizes = {table.column(i).path_in_schema.split(".")[0]: table.column(i) for i in range(table.num_columns)}
    for name in ("positions_angstrom", "forces_kcal_mol_angstrom"):
        assert sizes[name].total_compressed_size < 2.0 * 18 * result.rows
        assert "BYTE_STREAM_SPLIT" in sizes[name].encodings


def test_different_rows_of_one_identifier_are_an_error(tmp_path):
    store_of(tmp_path / "one", "a", "b")
    with LabelStore(tmp_path / "two").writer("x") as writer:
        first, *rest = sample_task("b")
        writer.append([dataclasses.replace(first, energy=-1.0), *rest])
    for target in ("all", "all.parquet"):
        with pytest.raises(StoreError, match=r"different rows of the identifier 'b/0', one of them in .*two"):
            merge([tmp_path / "one", tmp_path / "two"], tmp_path / target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_a_row_that_only_took_another_time_is_the_same(tmp_path):
    store_of(tmp_path / "one", "a")
    with LabelStore(tmp_path / "two").writer("x") as writer:
        writer.append([dataclasses.replace(label, seconds=9.0) for label in sample_task("a")])
    assert merge([tmp_path / "one", tmp_path / "two"], tmp_path / "all").repeated == 3
    assert [label.seconds for label in LabelStore(tmp_path / "all").labels()] == [0.5, 1.5, 2.5]


def test_a_target_that_exists_is_kept(tmp_path):
    store = store_of(tmp_path / "one", "a")
    for target in (store.path, store.path / "a.parquet"):
        with pytest.raises(StoreError, match="exists already"):
            merge([store.path], target)
    assert len(list(store.labels())) == 3
