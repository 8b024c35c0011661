"""Garbage of left sessions is collected once in a while, not at each run."""

import gc
import subprocess
import sys
import weakref

import pytest

from pages.components.shell import garbage


class _Left:
    """Refers to itself, as what a session leaves does."""

    def __init__(self) -> None:
        self.itself = self


def test_garbage_is_collected_once_in_a_while(monkeypatch: pytest.MonkeyPatch):
    now = 1000.0
    monkeypatch.setattr(garbage.time, "monotonic", lambda: now)
    monkeypatch.setattr(garbage, "_last", now - 60.0)
    gc.disable()
    try:
        left = weakref.ref(_Left())
        garbage.collect()
        assert left() is None
        left = weakref.ref(_Left())
        now += 10.0
        garbage.collect()
        assert left() is not None
        now += 30.0
        garbage.collect()
        assert left() is None
    finally:
        gc.enable()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_threads_take_memory_from_one_place():
    script = """
import ctypes, threading
from pages.components.shell import garbage
garbage.share_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
together = threading.Barrier(8)
def take():
    libc.malloc(1000)
    together.wait()
threads = [threading.Thread(target=take) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.count("<heap ") == 1
