"""What one user's jobs may take, by the administrator's settings: how many there are, disk, and of each its hours and
memory. The jobs of the machine's owner have no limits."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from training.jobs.record import Request, look, requests
from virialff.administrator import administration
from virialff.children import processes_below
from virialff.errors import QuotaError
from virialff.text import counted

_GB = 1e9


def require_room(request: Request) -> None:
    """Raise QuotaError where the owner of this request has as many jobs, or as much on the disk, as he may."""
    if not request.owner:
        return
    quota = administration().quota
    own = [folder for folder, other in requests() if other.owner == request.owner]
    at_work = sum(not look(folder).is_over for folder in own)
    if quota.jobs_waiting and at_work >= quota.jobs_at_once + quota.jobs_waiting:
        raise QuotaError(
            f"{request.owner} has {counted(at_work, 'job')} at work or waiting, as many as the administrator allows: "
            "wait for one, or stop one."
        )
    if request.cluster == "slurm" and quota.hours and request.slurm.time_minutes > 60 * quota.hours:
        raise QuotaError(f"A job may take {quota.hours:g} h here: ask for {60 * quota.hours:.0f} minutes or less.")
    if request.cluster == "slurm" and quota.memory_gb and request.slurm.memory_gb > quota.memory_gb:
        raise QuotaError(f"A job may take {quota.memory_gb:g} GB here: ask for that much or less.")
    if (problem := disk_problem(request.owner)) is not None:
        raise QuotaError(problem)


def disk_problem(owner: str) -> str | None:
    """Why the jobs of this user may write no more, as a sentence, or None."""
    quota = administration().quota
    if not owner or not quota.disk_gb:
        return None
    used = disk_used(owner) / _GB
    if used < quota.disk_gb:
        return None
    wrote = f"The jobs of {owner} have written {used:.1f} GB"
    return f"{wrote}, and a user's may write {quota.disk_gb:g} GB: remove runs or label stores."


def disk_used(owner: str) -> int:
    """Bytes of what the jobs of a user wrote: run folders, label stores, their own records."""
    places: set[Path] = set()
    for folder, request in requests():
        if request.owner == owner:
            places |= {folder.path, Path(request.subject)}
    return sum(size for place in places for size in _sizes(place))


def _sizes(place: Path) -> Iterator[int]:
    # What a job writes or removes meanwhile is counted next time.
    with suppress(OSError):
        if place.is_file():
            yield place.stat().st_size
            return
    for folder, _, names in os.walk(place):
        for name in names:
            with suppress(OSError):
                yield os.lstat(Path(folder, name)).st_size


def hours_over(owner: str, seconds: float) -> str | None:
    """Why a job of this user must end that has run so long, or None."""
    hours = administration().quota.hours if owner else 0
    return f"the {hours:g} h that a user's job may take here are over" if hours and seconds > 3600 * hours else None


def memory_over(owner: str, process: int) -> str | None:
    """Why a job of this user, and all that its process started, must end at once, or None."""
    allowed = administration().quota.memory_gb if owner else 0
    if not allowed or (used := memory_used(process) / _GB) <= allowed:
        return None
    return f"it took {used:.1f} GB of memory, and a user's job may take {allowed:g} GB here"


def memory_used(process: int) -> int:
    """Bytes of memory of a process and of its descendants that are not files."""
    total = 0
    for number in processes_below(process):
        # A process that has just ended takes nothing.
        with suppress(OSError, ValueError):
            for line in Path(f"/proc/{number}/status").read_text().splitlines():
                if line.startswith(("RssAnon:", "RssShmem:")):
                    total += 1024 * int(line.split()[1])
    return total
