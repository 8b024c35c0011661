"""A journal loses nothing but a torn tail, whatever happened to its writer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.virialff.labels.sample_labels import assert_same_label, sample_label, sample_task
from virialff.errors import LabelError, StoreBusyError, StoreDamagedError, StoreError, StoreSchemaError
from virialff.labels import journal as journal_module
from virialff.labels.journal import Journal, read_journal
from virialff.labels.schema import ARROW_SCHEMA, VERSION_KEY, from_table

ROOT = Path(__file__).resolve().parents[3]


def tasks_of(path: Path) -> list[str]:
    return [label.task for table in read_journal(path) for label in from_table(table) if label.identifier[-2:] == "/0"]


def written(path: Path, *tasks: str) -> list[int]:
    """A journal of some tasks; the sizes of the file before and after each."""
    with Journal.open(path) as journal:
        sizes = [path.stat().st_size]
        for task in tasks:
            journal.append(sample_task(task))
            sizes.append(path.stat().st_size)
    return sizes


def test_what_was_appended_is_read_and_known(tmp_path):
    path = tmp_path / "a.journal"
    written(path, "first", "second")
    with Journal.open(path) as journal:
        assert journal.tasks == {"first", "second"}
        journal.append(sample_task("third", 1))
    labels = [label for table in read_journal(path) for label in from_table(table)]
    expected = [*sample_task("first"), *sample_task("second"), *sample_task("third", 1)]
    for label, other in zip(expected, labels, strict=True):
        assert_same_label(label, other)


def test_every_torn_tail_costs_one_task(tmp_path):
    whole = tmp_path / "whole.journal"
    sizes = written(whole, "first", "second")
    content = whole.read_bytes()
    path = tmp_path / "torn.journal"
    for size in (*range(sizes[1], sizes[2], 97), sizes[2] - 1):
        path.write_bytes(content[:size])
        assert tasks_of(path) == ["first"]
        with Journal.open(path) as journal:
            assert journal.tasks == {"first"}
            journal.append(sample_task("third"))
        assert tasks_of(path) == ["first", "third"]


def test_a_tail_of_zeros_or_noise_is_cut_off(tmp_path):
    path = tmp_path / "a.journal"
    (*_, size) = written(path, "first")
    for tail in (b"\0" * 5000, b"\x89VLJ" + b"\xff" * 300, bytes(range(256))):
        with open(path, "ab") as file:
            file.write(tail)
        assert tasks_of(path) == ["first"]
        with Journal.open(path) as journal:
            assert journal.tasks == {"first"}
        assert path.stat().st_size == size


def test_a_first_record_cut_short_leaves_an_empty_journal(tmp_path):
    path = tmp_path / "a.journal"
    (size,) = written(path)
    content = path.read_bytes()
    for cut in (0, 3, 10, size - 1):
        path.write_bytes(content[:cut])
        assert tasks_of(path) == []
        with Journal.open(path) as journal:
            assert journal.tasks == set()
        assert path.read_bytes() == content


def test_damage_before_whole_rows_is_never_cut_off(tmp_path):
    path = tmp_path / "a.journal"
    sizes = written(path, "first", "second")
    content = bytearray(path.read_bytes())
    for position in (sizes[0] + 2, sizes[0] + 6, sizes[0] + 14, sizes[0] + 200, sizes[1] - 1):
        damaged = content.copy()
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        with pytest.raises(StoreDamagedError, match=r"a\.journal is damaged near byte .* and whole rows follow"):
            tasks_of(path)
        with pytest.raises(StoreDamagedError):
            Journal.open(path)
        assert path.read_bytes() == damaged


def test_a_foreign_file_is_left_alone(tmp_path):
    path = tmp_path / "a.journal"
    path.write_text("dear diary")
    with pytest.raises(StoreDamagedError, match="is no label journal and is left alone"):
        Journal.open(path)
    assert path.read_text() == "dear diary"


def test_a_newer_schema_is_a_sentence(tmp_path, monkeypatch):
    path = tmp_path / "a.journal"
    with monkeypatch.context() as patch:
        patch.setattr(journal_module, "ARROW_SCHEMA", ARROW_SCHEMA.with_metadata({VERSION_KEY: "7"}))
        Journal.open(path).close()
    before = path.read_bytes()
    with pytest.raises(StoreSchemaError, match=r"a\.journal are of schema version 7"):
        Journal.open(path)
    with pytest.raises(StoreSchemaError):
        tasks_of(path)
    assert path.read_bytes() == before


def test_one_writer_at_a_time_here_and_in_another_process(tmp_path):
    path = tmp_path / "a.journal"
    code = (
        "import sys; from pathlib import Path; from virialff.errors import StoreBusyError\n"
        "from virialff.labels.journal import Journal\n"
        "try: Journal.open(Path(sys.argv[1]))\n"
        "except StoreBusyError as error: print(error)\n"
        "else: print('mine')"
    )
    command = [sys.executable, "-c", code, str(path)]
    with Journal.open(path):
        words = rf"part 'a' of the label store .* is being written by process {os.getpid()} of "
        with pytest.raises(StoreBusyError, match=words):
            Journal.open(path)
        assert "is being written" in subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout
    assert subprocess.run(command, capture_output=True, text=True, cwd=ROOT).stdout == "mine\n"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([], "not those of one task numbered from 0"),
        ([sample_label("a", 0), sample_label("b", 1)], "not those of one task numbered from 0"),
        ([sample_label("a", 1)], "not those of one task numbered from 0"),
        (sample_task("first"), "'first' is in .* already"),
    ],
    ids=["none", "two tasks", "wrong number", "task again"],
)
def test_what_is_not_one_new_task_is_refused(tmp_path, labels, words):
    path = tmp_path / "a.journal"
    with Journal.open(path) as journal:
        journal.append(sample_task("first"))
        with pytest.raises(StoreError, match=words):
            journal.append(labels)
        with pytest.raises(LabelError, match="energy that are not finite"):
            journal.append([sample_label("b", 0, energy=float("nan"))])
    assert tasks_of(path) == ["first"]
