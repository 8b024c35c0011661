"""2,000 generated inputs at all boundaries, those that once failed, and that the harness sees what it looks for."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import strategies as st

from tests.fuzz import seeds
from tests.fuzz.boundaries import SHARES, Boundary, NotNamed
from tests.fuzz.run import Report, found_again, plan, try_inputs
from virialff.errors import ConfigError

COUNT = 2000


@pytest.mark.slow
def test_generated_inputs_are_accepted_or_refused_by_errors_of_ours(tmp_path: Path) -> None:
    samples = seeds.make_samples(tmp_path / "samples")
    report = Report()
    try_inputs(
        [*found_again(), *plan(SHARES, COUNT, seed=20)],
        report,
        factory="tests.fuzz.run:make_boundaries",
        samples=samples.folder,
        folder=tmp_path,
        saved=tmp_path / "saved",
    )
    assert {name: (fault.count, fault.text) for name, fault in report.faults.items()} == {}
    assert set(report.kinds) == set(SHARES)
    assert report.inputs >= 0.95 * COUNT
    assert all(counts.refused for name, counts in report.kinds.items() if name not in {"metrics", "address"})


def wrong_boundaries(samples: Path, folder: Path) -> dict[str, Boundary]:
    """Boundaries that do what none of ours may."""

    def lets_out(data: bytes) -> bool:
        raise KeyError("x")

    def says_nothing(data: bytes) -> bool:
        raise ConfigError("\x1b[31m")

    def hangs(data: bytes) -> bool:
        start = time.thread_time()
        while time.thread_time() - start < 60:
            pass
        return True

    def fills_memory(data: bytes) -> bool:
        return bool(bytearray(3 * 2**30))

    def ends(data: bytes) -> bool:
        os.abort()

    def refuses(data: bytes) -> bool:
        raise ConfigError("this is a sentence")

    def not_named(data: bytes) -> bool:
        raise NotNamed("exit code 70")

    kinds = (lets_out, says_nothing, hangs, fills_memory, ends, refuses, not_named)
    return {kind.__name__: Boundary(st.binary(max_size=4), kind) for kind in kinds}


@pytest.mark.slow
def test_the_harness_sees_what_it_looks_for(tmp_path: Path) -> None:
    kinds = wrong_boundaries(tmp_path, tmp_path)
    report = Report()
    try_inputs(
        list(plan(dict.fromkeys(kinds, 1), len(kinds), seed=1)),
        report,
        factory="tests.fuzz.test_fuzz:wrong_boundaries",
        samples=tmp_path,
        folder=tmp_path,
        saved=tmp_path / "saved",
        hang_seconds=1.0,
    )
    found = {fault.kind: name.partition(": ")[2] for name, fault in report.faults.items()}
    assert found == {
        "lets_out": "KeyError x",
        "says_nothing": "ConfigError that is no sentence",
        "hangs": "more than 1 s of work on one input",
        "fills_memory": "MemoryError",
        "ends": "the process ends with signal 6",
        "not_named": "NotNamed exit code 70",
    }
    assert report.kinds["refuses"].refused == 1
    for fault in report.faults.values():
        (file,) = fault.files
        assert Path(file).parent == tmp_path / "saved" / fault.kind
    assert "refuses" in report.table()


def test_a_run_goes_on_where_it_was(tmp_path: Path) -> None:
    batches = list(plan({"a": 3, "b": 1}, 400, seed=2))
    assert sum(batch.count for batch in batches if batch.kind == "a") == 300
    assert len({batch.key for batch in batches}) == len(batches)
    assert batches == list(plan({"a": 3, "b": 1}, 400, seed=2))
    report = Report(done=[batch.key for batch in batches], seconds=3.0)
    report.write(tmp_path / "report.json")
    again = Report.read(tmp_path / "report.json")
    assert again == report
    # Nothing is left to do, so that no process is started.
    try_inputs(batches, again, factory="nothing:there", samples=tmp_path, folder=tmp_path, saved=tmp_path)
    assert again.inputs == 0
