"""What a machine has to give to jobs, trainings and label campaigns alike: GPUs, processors, and one place for training
without a GPU. Each has a queue, first come first served; what a job holds it lets go when its last process ends."""

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
from collections import Counter
from typing import NamedTuple

from training.jobs.locks import take
from training.jobs.record import OWN_TURN, Job, JobFolder, Request, look, requests
from virialff.administrator import administration
from virialff.settings import jobs_per_gpu, runs_folder


class Slots(NamedTuple):
    """What a job holds while it is at work."""

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


def waiting(host: str, need: str, owner: str = "") -> list[Job]:
    """The jobs that wait for the same on a machine, in the order in which they get it.

    Who has fewer jobs at work and before this one in the queue comes first, then who came first: so many jobs of one
    user let one of another pass. Of his own turns only those of `owner` are in the queue.
    """
    jobs = [
        look(folder)
        for folder, request in requests()
        if request.host == host and need in request.needs and (need != OWN_TURN or request.owner == owner)
    ]
    before = Counter(job.owner for job in jobs if job.state == "running")
    turns: list[tuple[int, float, str, Job]] = []
    for job in sorted(jobs, key=lambda job: (job.submitted, job.name)):
        if job.state == "queued" and job.waits_for == need:
            turns.append((before[job.owner], job.submitted, job.name, job))
            before[job.owner] += 1
    return [job for *_, job in sorted(turns, key=lambda turn: turn[:3])]


def take_slots(folder: JobFolder, request: Request, need: str) -> Slots | None:
    """One of the `needs` of a job, or None while others have it or were here before."""
    place = runs_folder() / "jobs" / "slots" / socket.gethostname()
    place.mkdir(parents=True, exist_ok=True)
    shares = jobs_per_gpu()
    with (place / "queue.lock").open("w") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        first = waiting(request.host, need, request.owner)[:1]
        if first and first[0].name != folder.name:
            return None
        if need == OWN_TURN:
            at_once = administration().quota.jobs_at_once
            if not at_once:
                return Slots((), ())
            user = hashlib.sha256(request.owner.encode()).hexdigest()[:16]
            turn = take(place / f"user_{user}.lock", places=int(at_once))
            return None if turn is None else Slots((), (turn,))
        if need == "processors":
            places = shares * len(os.sched_getaffinity(0))
            cores = take(place / "processors.lock", wanted=min(request.cores, places), places=places)
            return None if cores is None else Slots((), (cores,))
        found: dict[str, int] = {}
        for device in request.devices if need == "GPUs" else ("cpu",):
            if (descriptor := take(place / f"{device.replace('/', '_')}.lock", places=shares)) is not None:
                found[device] = descriptor
            if len(found) == (request.gpus or 1):
                return Slots(tuple(found) if need == "GPUs" else (), tuple(found.values()))
        for descriptor in found.values():
            os.close(descriptor)
    return None
