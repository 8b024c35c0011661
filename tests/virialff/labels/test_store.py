"""A store keeps every row once: with writers killed at any moment, several at once, a full disk, readers meanwhile."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.virialff.labels.sample_labels import assert_same_label, sample_label, sample_task
from virialff.errors import StoreBusyError, StoreDamagedError, StoreError, StoreSchemaError
from virialff.labels import store as store_module
from virialff.labels.schema import ARROW_SCHEMA, VERSION_KEY, to_table
from virialff.labels.store import LabelStore, write_parquet

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]

#: Writes a part of a store; a task is printed once its rows are safe.
WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from sample_labels import sample_task
from virialff.errors import StoreError
from virialff.labels.store import LabelStore
folder, name, n_tasks = sys.argv[2:]
try:
    with LabelStore(folder).writer(name) as writer:
        for index in range(int(n_tasks)):
            task = f"{name}-{index}"
            if task not in writer.tasks:
                writer.append(sample_task(task))
                print(task, flush=True)
        writer.finish()
except StoreError as error:
    sys.exit(str(error))
"""


def identifiers(store: LabelStore) -> list[str]:
    return [value for table in store.tables(["identifier"]) for value in table["identifier"].to_pylist()]


def expected(part: str, n_tasks: int) -> set[str]:
    return {label.identifier for index in range(n_tasks) for label in sample_task(f"{part}-{index}")}


def start(folder: Path, part: str, n_tasks: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(HERE), str(folder), part, str(n_tasks)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_complete(folder: Path, parts: dict[str, int]) -> None:
    store = LabelStore(folder)
    every = identifiers(store)
    assert len(every) == len(set(every))
    assert set(every) == set.union(*(expected(part, n) for part, n in parts.items()))
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{part}.parquet" for part in parts)


def test_rows_are_the_same_before_and_after_a_part_is_finished(tmp_path):
    store = LabelStore(tmp_path / "new" / "store")
    with store.writer("a") as writer:
        writer.append(sample_task("one"))
        writer.append(sample_task("two"))
        assert store.tasks() == {"one", "two"} == writer.tasks
        before = list(store.labels())
        writer.finish()
    assert store.files() == [store.path / "a.parquet"]
    for source in (store, LabelStore(store.path / "a.parquet")):
        for label, other in zip(before, source.labels(), strict=True):
            assert_same_label(label, other)
    (table,) = store.tables()
    assert table.schema.equals(ARROW_SCHEMA, check_metadata=True)


def test_a_part_is_taken_up_again_and_closed_when_finished(tmp_path):
    store = LabelStore(tmp_path)
    with store.writer("a") as writer:
        writer.append(sample_task("one"))
    with store.writer("a") as writer:
        assert writer.tasks == {"one"}
        assert not writer.finished
        writer.append(sample_task("two"))
        writer.finish()
        writer.finish()
    with store.writer("a") as writer:
        assert writer.finished
        assert writer.tasks == {"one", "two"}
        with pytest.raises(StoreError, match=r"a\.parquet is finished"):
            writer.append(sample_task("three"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_part_without_rows_leaves_nothing_behind(tmp_path):
    with LabelStore(tmp_path).writer("a"):
        pass
    assert not list(tmp_path.iterdir())
    assert identifiers(LabelStore(tmp_path)) == []


def test_a_name_in_use_is_refused(tmp_path):
    store = LabelStore(tmp_path)
    with store.writer("a"), store.writer("b"), pytest.raises(StoreBusyError, match="part 'a'"):
        store.writer("a")
    with pytest.raises(StoreError, match=r"'\.\./a' cannot be the name of a part"):
        store.writer("../a")


def test_writers_killed_at_random_moments_lose_and_double_nothing(tmp_path):
    """Each kill may cost the task being appended, which the next run then writes; what was reported stays."""
    generator = random.Random(1)
    parts = {"a": 40, "b": 40}
    safe: set[str] = set()
    kills = 0
    while not tmp_path.joinpath("a.parquet").exists() or not tmp_path.joinpath("b.parquet").exists():
        processes = [start(tmp_path, part, n) for part, n in parts.items()]
        for process in processes:
            for _ in range(generator.randint(2, 14)):
                safe.add(process.stdout.readline().strip())
            time.sleep(generator.uniform(0.0, 0.01))
            process.send_signal(signal.SIGKILL)
            output, errors = process.communicate()
            assert not errors
            safe.update(output.split())
            kills += process.returncode == -signal.SIGKILL
        every = identifiers(LabelStore(tmp_path))
        assert len(every) == len(set(every))
        assert {f"{task}/0" for task in safe if task} <= set(every)
    for part, n in parts.items():
        # A kill after the last rename leaves a journal behind, which the next run removes.
        assert start(tmp_path, part, n).communicate()[1] == ""
    assert kills >= 3
    assert_complete(tmp_path, parts)


def test_killed_between_the_steps_of_finishing(tmp_path):
    """The states in which a kill can leave the end of a part, each built and taken up again."""
    whole, journal = tmp_path / "whole", tmp_path / "journal"
    for folder, last in ((whole, True), (journal, False)):
        with LabelStore(folder).writer("a") as writer:
            for index in range(3):
                writer.append(sample_task(f"a-{index}"))
            if last:
                writer.finish()
    content, parquet = (journal / "a.journal").read_bytes(), (whole / "a.parquet").read_bytes()

    states = {
        "a partial file": {"a.journal": content, "a.parquet.partial": parquet[:1000]},
        "renamed, journal still there": {"a.journal": content, "a.parquet": parquet},
        "an old journal, torn": {"a.journal": content[:-5], "a.parquet": parquet},
    }
    for name, files in states.items():
        folder = tmp_path / name
        folder.mkdir()
        for file, data in files.items():
            (folder / file).write_bytes(data)
        assert set(identifiers(LabelStore(folder))) == expected("a", 3)
        with LabelStore(folder).writer("a") as writer:
            assert writer.tasks == {"a-0", "a-1", "a-2"}
            writer.finish()
        assert_complete(folder, {"a": 3})


def test_several_writers_at_once_and_a_reader_among_them(tmp_path):
    parts = {"a": 60, "b": 60, "c": 60}
    processes = [start(tmp_path, part, n) for part, n in parts.items()]
    rival = None
    seen: set[str] = set()
    while any(process.poll() is None for process in processes):
        if not tmp_path.exists():
            continue
        now = identifiers(LabelStore(tmp_path))
        assert len(now) == len(set(now))
        assert seen <= set(now), "a row that was read once is gone"
        seen = set(now)
        rival = rival or start(tmp_path, "a", 60)
    assert [process.wait() for process in processes] == [0, 0, 0] or rival is not None
    for process in [*processes, rival]:
        _, errors = process.communicate()
        assert process.returncode == 0 or "is being written by process" in errors
    assert_complete(tmp_path, parts)


def test_a_journal_finished_between_listing_and_reading(tmp_path):
    store = LabelStore(tmp_path)
    with store.writer("a") as writer:
        writer.append(sample_task("one"))
        (listed,) = store.files()
        writer.finish()
    assert listed.suffix == ".journal"
    assert sum(len(table) for table in store_module.read_file(listed)) == 3
    assert list(store_module.read_file(tmp_path / "gone.journal")) == []


LIMITED = """
import resource, sys
sys.path.insert(0, sys.argv[1])
from sample_labels import sample_task
from virialff.errors import StoreError
from virialff.labels.store import LabelStore
store = LabelStore(sys.argv[2])
with store.writer("a") as writer:
    limit = lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    limit(int(sys.argv[3]))
    written = 0
    try:
        while written < 100:
            writer.append(sample_task(f"a-{written}"))
            written += 1
        writer.finish()
    except StoreError as error:
        print(error)
    print(written, len(writer.tasks), sum(map(len, store.tables())), *(path.name for path in store.path.iterdir()))
    limit(resource.RLIM_INFINITY)
    for index in range(written, 100):
        writer.append(sample_task(f"a-{index}"))
    writer.finish()
"""


def test_a_full_disk_loses_nothing(tmp_path):
    """The system refuses to let files grow: first in the middle of a journal, then while the part is finished."""
    for size, words in ((100_000, "labels could not be written"), (None, "label file .* could not be written")):
        folder = tmp_path / str(size)
        if size is None:
            # The journal of all rows is there; its Parquet file, smaller than that, must not fit.
            with LabelStore(folder).writer("a") as writer:
                for index in range(100):
                    writer.append(sample_task(f"a-{index}"))
            code, size = LIMITED.replace("written = 0", "written = 100"), 20_000
        else:
            code = LIMITED
        done = subprocess.run(
            [sys.executable, "-c", code, str(HERE), str(folder), str(size)], capture_output=True, text=True, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        sentence, counts = done.stdout.splitlines()
        assert "make room and start again" in sentence
        assert re.search(words, sentence)
        written, known, rows, *names = counts.split()
        assert written == known
        assert int(rows) == 3 * int(written)
        assert names == ["a.journal"]
        assert_complete(folder, {"a": 100})


def test_a_newer_schema_is_named_with_its_file(tmp_path):
    newer = ARROW_SCHEMA.with_metadata({VERSION_KEY: "2"})
    pq.write_table(to_table(sample_task("a")).cast(newer), tmp_path / "new.parquet")
    with pytest.raises(StoreSchemaError, match=r"new\.parquet are of schema version 2 .*: update virialff"):
        list(LabelStore(tmp_path).labels())
    pq.write_table(to_table([]).select(["task"]).replace_schema_metadata(None), tmp_path / "new.parquet")
    with pytest.raises(StoreSchemaError, match=r"There are no labels in .*new\.parquet"):
        LabelStore(tmp_path).tasks()


def test_damage_anywhere_in_a_file_is_found_and_named(tmp_path):
    path = tmp_path / "a.parquet"
    write_parquet(path, [to_table([sample_label("a", row) for row in range(200)])])
    content, expected_labels, sentences = path.read_bytes(), list(LabelStore(tmp_path).labels()), []
    generator = np.random.default_rng(0)
    for position in generator.integers(0, len(content), 40):
        damaged = bytearray(content)
        damaged[position] ^= 0x55
        path.write_bytes(damaged)
        try:
            labels = list(LabelStore(tmp_path).labels())
        except (StoreDamagedError, StoreSchemaError) as error:
            sentences.append(str(error))
            continue
        # Some bytes of the footer mean nothing to a reader (names of encodings, statistics).
        for label, other in zip(expected_labels, labels, strict=True):
            assert_same_label(label, other)
    assert len(sentences) > 30
    assert all(str(path) in sentence for sentence in sentences)
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(StoreDamagedError, match=r"The label file .*a\.parquet is damaged"):
        list(LabelStore(tmp_path).labels())


def test_nothing_there_is_a_sentence(tmp_path):
    with pytest.raises(StoreError, match=r"There is no label store at .*nowhere"):
        list(LabelStore(tmp_path / "nowhere").labels())
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        LabelStore(tmp_path / "file" / "store").writer("a")


def test_a_store_is_read_a_batch_at_a_time(tmp_path):
    """Reading takes the memory of a batch of rows, not of the store."""
    rows = to_table([sample_label("a", row) for row in range(2000)])
    write_parquet(tmp_path / "a.parquet", (rows for _ in range(40)))
    code = """
import resource, sys
from virialff.labels.store import LabelStore
tables = LabelStore(sys.argv[1]).tables()
size = next(tables).nbytes
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = 1 + sum(1 for _ in tables)
print(count, size, 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    count, size, more = (int(word) for word in done.stdout.split())
    assert count == 40
    assert more < 8 * size
