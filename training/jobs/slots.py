"""The queue of a machine: a job holds a slot for each GPU it uses, or the one slot for training without a GPU."""

import fcntl
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import NamedTuple

from training.jobs.locks import take
from training.jobs.record import Job, JobFolder, Request, all_folders, look, runs_folder
from virialff.errors import ConfigError

#: How many jobs may share a GPU, or the processors of a machine without one.
SHARE_VARIABLE = "VIRIALFF_JOBS_PER_GPU"


class Slots(NamedTuple):
    """What a job holds while it trains."""

    devices: tuple[str, ...]
    descriptors: tuple[int, ...]


def gpus_here() -> tuple[str, ...]:
    """The NVIDIA GPUs that may be used here, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return tuple(name.strip() for name in visible.split(",") if name.strip() not in ("", "-1"))
    if shutil.which("nvidia-smi") is None:
        return ()
    listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False)
    return tuple(str(index) for index, line in enumerate(listed.stdout.splitlines()) if line.startswith("GPU "))


def jobs_per_gpu() -> int:
    """VIRIALFF_JOBS_PER_GPU, 1 by default. Raises ConfigError if it is no positive whole number."""
    text = os.environ.get(SHARE_VARIABLE) or "1"
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{SHARE_VARIABLE} is {text!r}: it takes the number of jobs that may share a GPU, 1 or more.")
    return int(text)


def waiting(request: Request) -> list[Job]:
    """The jobs that wait on the machine of this one for slots of the same kind, first come first."""
    found = []
    for folder in all_folders():
        other = folder.request()
        if other is not None and _queue(other) == _queue(request):
            job = look(folder)
            if job.state == "queued":
                found.append(job)
    return sorted(found, key=lambda job: (job.submitted, job.name))


def _queue(request: Request) -> tuple[str, str, bool]:
    return request.cluster, request.host, request.gpus > 0


def take_slots(folder: JobFolder, request: Request) -> Slots | None:
    """The slots for a job, or None while others have them or were here before.

    They are let go when the last process that has the descriptors ends.
    """
    place = runs_folder() / "jobs" / "slots" / socket.gethostname()
    place.mkdir(parents=True, exist_ok=True)
    with (place / "queue.lock").open("w") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        first = waiting(request)[:1]
        if first and first[0].name != request.name:
            return None
        wanted = request.gpus or 1
        found: dict[str, int] = {}
        for device in request.devices if request.gpus else ("cpu",):
            descriptor = _take_one(place, device)
            if descriptor is not None:
                found[device] = descriptor
            if len(found) == wanted:
                devices = tuple(found) if request.gpus else ()
                return Slots(devices, tuple(found.values()))
        for descriptor in found.values():
            os.close(descriptor)
    return None


def _take_one(place: Path, device: str) -> int | None:
    for share in range(jobs_per_gpu()):
        descriptor = take(place / f"{device.replace('/', '_')}.{share}.lock")
        if descriptor is not None:
            return descriptor
    return None
