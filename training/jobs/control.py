"""Start, list, follow, stop and resume jobs: `virialff ...` commands that go on when their starter ends, on this
machine or, for trainings, on SLURM."""

import codecs
import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal

from training.jobs.locks import share
from training.jobs.quota import require_room
from training.jobs.record import (
    TRAINING,
    Following,
    Job,
    JobFolder,
    Request,
    all_folders,
    look,
    place_of,
    requests,
    stem_of,
)
from training.jobs.slots import gpus_here, waiting
from training.slurm import SlurmConfig, cancel, require_slurm, submit
from virialff import seals
from virialff.access import acting_user, require_write_access
from virialff.errors import ConfigError, JobError, VirialffError
from virialff.files import disk_problem, replace_file
from virialff.settings import jobs_per_gpu, runs_folder
from virialff.text import counted

#: In an argument of `start_command`, the folder of the job.
FOLDER = "{folder}"


def start(
    recipe: Path,
    *,
    run: Path | None = None,
    cluster: Literal["local", "slurm"] = "local",
    gpus: int | None = None,
    nodes: int = 1,
    processes: int | None = None,
    slurm: SlurmConfig | None = None,
    options: Sequence[str] = (),
    then: Following | None = None,
) -> Job:
    """Start training by a recipe file and return the job, which goes on when the caller ends.

    `run` is the run folder (default: the recipe's name in `runs_folder()`); a run that is there is gone on with. `gpus`
    is the number of GPUs that train together on this machine or on each of the `nodes` of SLURM (default: 1 where there
    is one, and on SLURM), and 0 for none; then `processes` share the work (default: 1). On this machine a job waits
    while the GPUs, or without any the one place for training, are taken. `options` are further arguments of
    `virialff train`. `then` is started once a training of this machine has finished.

    Raises ConfigError for a recipe or a wish that is impossible, JobError if the run has a job already, VirialffError
    with SLURM's words if it refuses, ReadOnlyError where nothing may be started.
    """
    require_write_access("Starting a training job")
    from training.recipes.recipe import load_recipe

    checked = load_recipe(recipe)
    devices = gpus_here() if cluster == "local" else ()
    jobs_per_gpu()
    if gpus is None:
        gpus = 1 if devices or cluster == "slurm" else 0
    _check_gpus(gpus, len(devices) if cluster == "local" else None)
    if nodes < 1 or (nodes > 1 and cluster == "local"):
        raise ConfigError(f"{nodes} machines: several are had on SLURM only.").of("nodes")
    if processes is not None and (gpus or processes < 1):
        raise ConfigError("They are 1 or more without GPUs: with GPUs there is one process a GPU.").of("processes")
    subject = (run or runs_folder() / checked.name).absolute()
    if subject.is_relative_to(runs_folder() / "jobs"):
        raise ConfigError(f"The run folder {subject} is among the records of the jobs: give another one.").of("run")
    arguments = ["train", f"{FOLDER}/recipe.yaml", "--run", str(subject), "--gpus", str(gpus)]
    arguments += ["--nodes", str(nodes)] if nodes > 1 else []
    arguments += ["--processes", str(processes)] if processes is not None else []
    return start_command(
        TRAINING,
        str(subject),
        [*arguments, *options],
        # A copy: later changes of the original do not reach a job that waits.
        files={"recipe.yaml": seals.sealed_text(recipe.read_bytes())},
        cluster=cluster,
        gpus=gpus,
        cores=max(stage.threads for stage in checked.all_stages) * (processes or gpus or 1),
        nodes=nodes,
        slurm=slurm or SlurmConfig(memory_gb=8.0),
        then=then if cluster == "local" else None,
    )


def start_command(
    purpose: str,
    subject: str,
    arguments: Sequence[str],
    *,
    files: Mapping[str, bytes] | None = None,
    gpus: int = 0,
    cores: int = 0,
    **where: Any,
) -> Job:
    """Run `virialff ARGUMENTS` in the folder we are in; it goes on when this process ends.

    files: content by file name, written into the folder of the job, which FOLDER stands for in the arguments; they are
    there until the job is forgotten. On this machine it waits until it has so many GPUs, or processors if it takes no
    GPU. where: `cluster`, `nodes`, `slurm` and `then` of the Request.

    Raises JobError while a command of the same purpose and subject is at work or where it cannot be started,
    ConfigError for GPUs that there are not, VirialffError with SLURM's words if it refuses, ReadOnlyError where nothing
    may be started.
    """
    require_write_access(f"Starting `virialff {arguments[0]}`")
    request = Request(
        purpose=purpose,
        subject=subject,
        arguments=tuple(arguments),
        directory=os.getcwd(),
        gpus=gpus,
        cores=cores,
        host=socket.gethostname(),
        submitted=time.time(),
        owner=acting_user().name,
        **where,
    )
    with _starting():
        require_room(request)
        before = _at_rest(purpose, subject)
        if purpose == TRAINING and (before is not None or Path(subject).exists()):
            # A run without a job was trained in a shell of the machine's owner.
            require_write_access("Going on with a run", owner="" if before is None else _owner(before))
        # A training goes on with what its run has; others begin anew.
        folder = before if before is not None and purpose == TRAINING else _new_folder(request)
        for name, content in (files or {}).items():
            replace_file(folder.path / Path(name).name, content)
        arguments = tuple(argument.replace(FOLDER, str(folder.path)) for argument in arguments)
        _begin(folder, request.model_copy(update={"arguments": arguments}))
    return find(folder.name)


def list_jobs(purpose: str | None = TRAINING) -> list[Job]:
    """Every job of a purpose, or all there are, oldest first, with its position in the queue of its machine."""
    folders = [folder for folder in all_folders() if purpose is None or folder.path.parent == place_of(purpose)]
    jobs = [job for job in map(look, folders) if purpose is None or stem_of(job.purpose) == stem_of(purpose)]
    return sorted(map(_in_queue, jobs), key=lambda job: (job.submitted, job.name))


def find(name: str) -> Job:
    """The job of this name. Raises JobError if there is none."""
    return _in_queue(look(_folder(name)))


def _in_queue(job: Job) -> Job:
    if job.state != "queued" or not job.waits_for:
        return job
    names = [other.name for other in waiting(job.host, job.waits_for, job.owner)]
    return job.model_copy(update={"position": names.index(job.name) + 1 if job.name in names else None})


def follow(name: str, interval: float = 0.5) -> Iterator[str]:
    """The lines that the job's command prints, as they come, from the first of this attempt until the job is over."""
    job = find(name)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    unfinished = ""
    position = 0
    while True:
        over = find(name).is_over
        if job.log.exists():
            with job.log.open("rb") as file:
                file.seek(position)
                content = file.read()
            position += len(content)
            *lines, unfinished = (unfinished + decoder.decode(content)).split("\n")
            yield from lines
        if over:
            if unfinished:
                yield unfinished
            return
        time.sleep(interval)


def stop(name: str, *, wait_seconds: float = 60.0) -> Job:
    """Ask a job to save and end, and wait for it up to `wait_seconds`; returns the job as it is then.

    Raises JobError if it is over already, ReadOnlyError where nothing may be stopped.
    """
    job = _to_change("Stopping a job", name)
    if job.is_over:
        raise JobError(f"The job {name} is over already ({job.state}{job.reason and ': '}{job.reason}).")
    with _written():
        _folder(name).ask_to_stop(job.attempt)
    if job.cluster == "slurm" and job.state == "queued" and job.scheduler_id is not None:
        cancel([job.scheduler_id])
    deadline = time.monotonic() + wait_seconds
    while not job.is_over and time.monotonic() < deadline:
        time.sleep(0.1 if job.cluster == "local" else 0.5)
        job = find(name)
    return job


def resume(name: str) -> Job:
    """Start a job again that was stopped, died or failed; a training goes on from its last checkpoint, a label campaign
    with what it has not computed.

    Raises JobError if it is not over or finished, ReadOnlyError where nothing may be started.
    """
    _to_change("Resuming a job", name)
    with _starting():
        job, folder = find(name), _folder(name)
        if not job.is_over:
            raise JobError(f"The job {name} is {job.state}: stop it before it is resumed.")
        if job.state == "finished":
            steps = f" its {counted(job.steps, 'step')}" if job.steps is not None else ""
            raise JobError(f"The job {name} has finished{steps}: there is nothing to resume.")
        request = folder.request()
        assert request is not None
        require_room(request)
        arguments = tuple(argument for argument in request.arguments if argument != "--repack")
        now = {"submitted": time.time(), "arguments": arguments, "host": socket.gethostname()}
        _begin(folder, request.model_copy(update=now))
    return find(name)


def forget(name: str) -> None:
    """Remove what is kept of a job that is over. Raises JobError while it is at work, ReadOnlyError."""
    if not _to_change("Removing the record of a job", name).is_over:
        raise JobError(f"The job {name} is at work: stop it first.")
    with _written():
        shutil.rmtree(_folder(name).path)


def _to_change(action: str, name: str) -> Job:
    """The job of this name, which only its owner and administrators change."""
    require_write_access(action)
    job = find(name)
    require_write_access(action, owner=job.owner)
    return job


def _owner(folder: JobFolder) -> str:
    request = folder.request()
    return request.owner if request is not None else ""


def _folder(name: str) -> JobFolder:
    for folder in all_folders():
        if folder.name == name:
            return folder
    raise JobError(f"There is no job {name!r} in {runs_folder()}: `virialff jobs list` names those there are.")


def _check_gpus(gpus: int, here: int | None) -> None:
    if gpus < 0:
        raise ConfigError(f"{gpus}: give the number of GPUs that train together, or 0 for none.").of("gpus")
    if here is not None and gpus > here:
        has = counted(here, "NVIDIA GPU") if here else "no NVIDIA GPU"
        raise ConfigError(f"{gpus}: this machine has {has}: ask for fewer, or train on SLURM.").of("gpus")


def _at_rest(purpose: str, subject: str) -> JobFolder | None:
    """The latest job of this purpose and subject, if there is one; raises JobError while one of them is not over."""
    found = None
    for folder, request in requests():
        if (request.purpose, request.subject) != (purpose, subject):
            continue
        job = look(folder)
        if not job.is_over and purpose == TRAINING:
            raise JobError(
                f"The run {subject} has a job already, {job.name}, which is {job.state}: follow it with "
                f"`virialff jobs follow {job.name}`, or give another folder."
            ).of("run")
        if not job.is_over:
            raise JobError(f"`virialff {' '.join(job.arguments)}` is at work already: wait for it, or stop it.")
        found = folder
    return found


def _new_folder(request: Request) -> JobFolder:
    """A folder with a name that no job has: of the run, or of the purpose with a number."""
    taken = {folder.name for folder in all_folders()} | {"slots"}
    names = (f"{stem_of(request.purpose)}-{number}" for number in count(1))
    if request.purpose == TRAINING:
        wanted = re.sub(r"[^\w.+-]+", "_", Path(request.subject).name).strip(".") or "job"
        names = (wanted if number == 1 else f"{wanted}-{number}" for number in count(1))
    folder = JobFolder(place_of(request.purpose) / next(name for name in names if name not in taken))
    folder.path.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _starting() -> Iterator[None]:
    """Only one process at a time begins attempts. Raises JobError where the records cannot be written."""
    place = runs_folder() / "jobs"
    with _written():
        place.mkdir(parents=True, exist_ok=True)
        with (place / "starting.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@contextmanager
def _written() -> Iterator[None]:
    """What the system says of a file of a job is a JobError."""
    try:
        yield
    except OSError as error:
        raise JobError(f"The records of the jobs cannot be written: {disk_problem(error)}.") from error


def _begin(folder: JobFolder, request: Request) -> None:
    """Begin the next attempt of a job. Where it cannot begin, all is as before."""
    if request.cluster == "local":
        _check_gpus(request.gpus, len(gpus_here()))
    else:
        require_slurm("The job")
    before = folder.request()
    attempt = {"attempt": 1 if before is None else before.attempt + 1, "devices": gpus_here()}
    request = request.model_copy(update=attempt)
    # Until the job's own process holds it too, this is why the job counts as alive.
    alive = share(folder.lock)
    try:
        folder.write_request(request)
        if request.cluster == "slurm":
            _submit(folder, request)
        else:
            _launch(folder, request, alive)
    except (VirialffError, OSError):
        if before is None:
            (folder.path / "job.json").unlink(missing_ok=True)
        else:
            folder.write_request(before)
        raise
    finally:
        os.close(alive)


def _submit(folder: JobFolder, request: Request) -> None:
    number = submit(
        _work(folder, request),
        request.slurm,
        what="The job",
        name=f"virialff-{folder.name}",
        output=folder.path / f"slurm_{request.attempt}.log",
        threads=request.cores,
        gpus=request.gpus,
        nodes=request.nodes,
    )
    folder.write_scheduler_id(request.attempt, number)


def _launch(folder: JobFolder, request: Request, alive: int) -> None:
    with (folder.path / "launch.log").open("wb") as output:
        launched = subprocess.run(
            _work(folder, request),
            cwd=request.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # No Ctrl-C and no closed terminal of whoever starts a job reaches it.
            start_new_session=True,
            pass_fds=[alive],
            check=False,
        )
    if launched.returncode:
        raise JobError(f"The job {folder.name} could not be started: see {folder.path / 'launch.log'}.")


def _work(folder: JobFolder, request: Request) -> list[str]:
    return [sys.executable, "-m", "training.jobs.work", str(folder.path), str(request.attempt)]
