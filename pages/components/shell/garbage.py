"""Garbage of left sessions is collected once in a while, and what is kept on disk rests.

After each run of a page, as Streamlit does it (`postScriptGC` in .streamlit/config.toml), it took a quarter of the
server's time beside a large set of molecules.
"""

import ctypes
import gc
import sys
import threading
import time

#: Seconds from one collection to the next.
_EVERY = 30.0
_lock = threading.Lock()
_last = time.monotonic()


def collect() -> None:
    """Do so, and give free memory back to the system, if that was not done lately."""
    global _last
    with _lock:
        if time.monotonic() - _last < _EVERY:
            return
        _last = time.monotonic()
    # Here, because workers give back too, and are not to load NumPy before a task needs it.
    from pages.components.shell.on_disk import rest

    rest()
    give_back()


def give_back() -> None:
    """Collect garbage and give the free memory of this process back to the system."""
    gc.collect()
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
