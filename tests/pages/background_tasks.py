"""Work for the tests of the background: each in a module that a worker process can import."""

import os
import signal
import time
from pathlib import Path

from virialff.errors import VirialffError


def add(report, first, second):
    report(1, 2, "adding", partial="halfway")
    return first + second


def process_of(text):
    """Which process reads a text; no task, for `read_text`."""
    return os.getpid()


def where(report):
    return os.getpid()


def refuse(report):
    raise VirialffError("the <molecule> has no atoms; give another one")


def fail(report):
    raise ZeroDivisionError("not meant for people")


def crash(report):
    os.kill(os.getpid(), signal.SIGKILL)


def unpicklable(report):
    return lambda: None


def count(report, folder):
    """Report until stopped, and leave a file that says so."""
    try:
        for number in range(10_000):
            report(number, 10_000, "counting")
            time.sleep(0.01)
    finally:
        (Path(folder) / "stopped").touch()


def silent(report, folder, seconds):
    """Work that never reports."""
    (Path(folder) / "began").touch()
    time.sleep(seconds)
    (Path(folder) / "went on").touch()
    return "done"


def takes_memory(report, n_bytes):
    return len(bytearray(n_bytes))
