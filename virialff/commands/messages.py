"""What commands say on standard error: notes and progress, which --quiet leaves out, and what failed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from virialff.text import counted

_quiet = False
_SECONDS_BETWEEN_LINES = 5.0


def set_quiet(quiet: bool) -> None:
    """Leave out notes and progress from now on, or say them again."""
    global _quiet
    _quiet = quiet


def is_quiet() -> bool:
    """Whether notes and progress are left out."""
    return _quiet


def say(sentence: str) -> None:
    """Print a note or progress as one line."""
    if not _quiet:
        complain(sentence)


def complain(sentence: str) -> None:
    """Print what failed as one line."""
    print("virialff:", " ".join(sentence.split()), file=sys.stderr)


def say_progress(things: str, what: str, done: int, total: int) -> None:
    """Rewrite a line of progress, "GFN2-xTB: 3 of 20 conformers", where standard error is a terminal."""
    if not _quiet and sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\rvirialff: {what}: {done} of {counted(total, things)}", end=end, file=sys.stderr)


def progress_lines() -> Callable[[str, int, int], None]:
    """A report of progress to standard error, with the time left, every few seconds."""
    began: dict[str, float] = {}
    last = time.monotonic()

    def tell(what: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        start = began.setdefault(what, now)
        if now - last >= _SECONDS_BETWEEN_LINES and done:
            last = now
            left = (now - start) / done * (total - done)
            say(f"{what}: {done} of {total}, {left:.0f} s left")

    return tell
