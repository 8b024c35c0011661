"""Garbage of left sessions is collected once in a while, free memory goes back, and what is kept on disk rests.

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
#: Names of settings of glibc's `mallopt` (malloc.h).
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
#: Bytes from which an array has pages of its own, which go back as soon as it is free.
_OWN_PAGES = 2**18
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


def share_memory() -> None:
    """Let all threads of this process take their memory from one place, and large arrays have pages of their own.

    Each session runs in threads, and glibc gives every thread a place of its own, of which little goes back while
    anything in it is in use.
    """
    if (libc := _glibc()) is not None:
        libc.mallopt(_ARENA_MAX, 1)
        libc.mallopt(_MMAP_THRESHOLD, _OWN_PAGES)


def give_back() -> None:
    """Collect garbage and give the free memory of this process back to the system."""
    gc.collect()
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    return libc if hasattr(libc, "malloc_trim") else None
