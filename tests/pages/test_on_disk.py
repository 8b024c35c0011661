"""Large arrays that the server keeps lie in files, and their memory comes back."""

import dataclasses
import gc
import os
import re
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from pages.components.shell.on_disk import on_disk, rest


@dataclasses.dataclass(frozen=True, eq=False)
class _Columns:
    names: tuple[str, ...]
    values: np.ndarray
    pairs: np.ndarray
    few: np.ndarray


def columns(n: int = 4_000_000) -> _Columns:
    random = np.random.default_rng(1)
    values = random.random(n, dtype=np.float32)
    return _Columns(("a", "b"), values, random.integers(0, 200, (n, 2), dtype=np.uint16), np.arange(5))


def resident_files_mib() -> float:
    """What this process has in memory of files; that of its own grows and shrinks by what other tests left."""
    status = Path(f"/proc/{os.getpid()}/status").read_text(encoding="ascii")
    found = re.search(r"RssFile:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) / 1024


def test_values_are_the_same_and_cannot_be_changed():
    given = columns(500_001)
    kept = on_disk(given)
    assert kept.names == given.names
    assert kept.few is given.few
    for name in ("values", "pairs"):
        assert np.array_equal(getattr(kept, name), getattr(given, name))
        assert getattr(kept, name).dtype == getattr(given, name).dtype
        assert not getattr(kept, name).flags.writeable
    rest()
    assert np.array_equal(kept.values, given.values)


def test_what_is_small_stays():
    given = columns(100)
    assert on_disk(given) is given


def test_without_a_place_to_write_the_value_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    given = columns(500_000)
    assert on_disk(given) is given


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_at_rest_it_takes_no_memory_and_no_file_stays_open():
    gc.collect()
    files = len(os.listdir("/proc/self/fd"))
    kept = on_disk(columns())
    rest()
    before = resident_files_mib()
    float(kept.values.sum()) + float(kept.pairs.sum())
    in_use = resident_files_mib()
    rest()
    assert in_use - before > 25
    assert resident_files_mib() - before < 5
    assert kept.values[-1] > 0
    del kept
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == files
