"""Garbage of left sessions is collected once in a while, not at each run."""

import gc
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
