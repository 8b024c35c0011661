"""What a browser worked on last, by molecule: a reload, Back and the address bring it back whole.

An address carries a SMILES, but neither coordinates nor files nor ensembles that were generated. They are kept in the
server's memory for the browser that made them, which is known by a cookie that the door gives it: whoever else opens
the same address gets the SMILES alone. Without the cookie they are kept as long as the session.
"""

import pickle
import threading
import time
from collections import OrderedDict
from typing import Any

import streamlit as st

from pages.components.shell import background
from virialff.access import acting_user

#: Name of the cookie that tells browsers apart; nothing but a random number is in it.
COOKIE = "virialff_browser"
_SESSION_STORE = "kept_molecules"
_SIZES = "kept_sizes"
_RESULTS = "results"
_MOST_MOLECULES = 8
_MOST_BROWSERS = 32
_MOST_SECONDS = 12 * 3600.0
#: Bytes of one value; what is larger is not kept.
_MOST_BYTES = 4 * 2**20

_names: set[str] = set()


class _Browsers:
    """The stores of the browsers that came last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stores: OrderedDict[str, tuple[float, OrderedDict[str, dict[str, Any]]]] = OrderedDict()

    def store(self, browser: str) -> "OrderedDict[str, dict[str, Any]]":
        now = time.monotonic()
        with self._lock:
            _, store = self._stores.pop(browser, (now, OrderedDict()))
            self._stores[browser] = (now, store)
            old = [name for name, (last, _) in self._stores.items() if now - last > _MOST_SECONDS]
            for name in old + list(self._stores)[: max(0, len(self._stores) - _MOST_BROWSERS)]:
                self._stores.pop(name, None)
        return store


# Not in a cache of Streamlit, which any browser can clear.
_browsers = _Browsers()


def keep(*names: str) -> None:
    """Keys in the session state that belong to the current molecule and come back with it; called at import."""
    _names.update(names)


def save(smiles: str) -> None:
    """Remember what the session has of the molecule with this address."""
    store = _store()
    store.pop(smiles, None)
    sizes: dict[str, tuple[int, int]] = st.session_state.setdefault(_SIZES, {})
    found = {name: st.session_state[name] for name in _names if name in st.session_state}
    store[smiles] = {name: value for name, value in found.items() if _is_small(name, value, sizes)}
    store[smiles][_RESULTS] = {
        key: job for key, job in background.ended().items() if _is_small(f"{_RESULTS} {key}", job.result, sizes)
    }
    while len(store) > _MOST_MOLECULES:
        store.popitem(last=False)


def restore(smiles: str) -> bool:
    """Put back what was remembered of the molecule with this address; whether there was anything."""
    found = _store().get(smiles)
    if found is None:
        return False
    for name in _names:
        if name in found:
            st.session_state[name] = found[name]
        else:
            st.session_state.pop(name, None)
    background.take_back(found[_RESULTS])
    return True


def all_of(name: str) -> list[Any]:
    """What is remembered under this key of every molecule, that of the last one at the end."""
    return [found[name] for found in _store().values() if name in found]


def _is_small(name: str, value: Any, sizes: dict[str, tuple[int, int]]) -> bool:
    # Measured once for each value, because every run of a page asks.
    if sizes.get(name, (0, 0))[0] != id(value):
        sizes[name] = (id(value), len(pickle.dumps(value)))
    return sizes[name][1] <= _MOST_BYTES


def _store() -> "OrderedDict[str, dict[str, Any]]":
    cookie = st.context.cookies.get(COOKIE, "")
    # The test runner of Streamlit has no browser, and something else in its place.
    if not isinstance(cookie, str) or not cookie:
        store: OrderedDict[str, dict[str, Any]] = st.session_state.setdefault(_SESSION_STORE, OrderedDict())
        return store
    return _browsers.store(f"{acting_user().name}/{cookie}")
