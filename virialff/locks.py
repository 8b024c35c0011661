"""Who holds a file: the words of refusals, and how the system's own table of locks names a process."""

from __future__ import annotations

import os
import pwd
import socket
import time
from contextlib import suppress
from pathlib import Path


def this_process() -> str:
    """The words for this process, for whoever finds what it holds: number, user, machine, and since when (now)."""
    return _words(os.getpid(), os.geteuid(), time.time())


def holder_of(path: Path) -> str | None:
    """The words for the process of this machine that has a lock on a file by flock; None where it is not known."""
    try:
        inode = str(path.stat().st_ino)
        table = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    for line in table:
        # "1: FLOCK ADVISORY WRITE 7053 08:01:1837 0 EOF"; those that wait have an arrow in the second place.
        fields = line.split()
        if len(fields) >= 6 and fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode:
            with suppress(OSError, ValueError):
                process = Path("/proc") / str(int(fields[4]))
                return _words(int(fields[4]), process.stat().st_uid, _started(process))
    return None


def _started(process: Path) -> float:
    """When a process began, in seconds since the epoch."""
    # The name, in brackets, may hold spaces.
    ticks = int((process / "stat").read_text(errors="replace").rpartition(")")[2].split()[19])
    up = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    return time.time() - up + ticks / os.sysconf("SC_CLK_TCK")


def _words(process: int, user: int, since: float) -> str:
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:
        name = str(user)
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(since))
    return f"process {process} of {name} on {socket.gethostname()}, since {when}"
