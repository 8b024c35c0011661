"""Start, list, follow, stop and resume training jobs, on this machine or on SLURM."""

import codecs
import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from submitit.core.utils import FailedJobError

from training.jobs.locks import share
from training.jobs.record import Job, JobFolder, Request, all_folders, look, runs_folder
from training.jobs.slots import gpus_here, jobs_per_gpu, waiting
from training.jobs.work import work
from training.slurm import SlurmConfig, cancel, refusal, require_slurm, slurm_executor
from virialff.errors import ConfigError, JobError, VirialffError
from virialff.settings import require_write_access


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
) -> Job:
    """Start training by a recipe file and return the job, which goes on when the caller ends.

    `run` is the run folder (default: the recipe's name in `runs_folder()`); a run that is there is gone on with. `gpus`
    is the number of GPUs that train together on this machine or on each of the `nodes` of SLURM (default: 1 where there
    is one, and on SLURM), and 0 for none; then `processes` share the work (default: 1). On this machine a job waits
    while the GPUs, or without any the one place for training, are taken. `options` are further arguments of
    `virialff train`.

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
        raise ConfigError(f"--nodes {nodes}: several machines are had with --cluster slurm only.")
    if processes is not None and (gpus or processes < 1):
        raise ConfigError("--processes is 1 or more and goes with --gpus 0: with GPUs there is one process a GPU.")
    if cluster == "slurm":
        require_slurm("The job")
    folder = (run or runs_folder() / checked.name).absolute()
    if folder.is_relative_to(runs_folder() / "jobs"):
        raise ConfigError(f"The run folder {folder} is among the records of the jobs: give another one with --run.")
    with _starting():
        job = _folder_for(folder)
        job.path.mkdir(parents=True, exist_ok=True)
        before = job.request()
        if recipe.resolve() != job.recipe.resolve():
            shutil.copyfile(recipe, job.recipe)
        request = Request(
            name=job.path.name,
            recipe=str(job.recipe),
            run=str(folder),
            directory=os.getcwd(),
            cluster=cluster,
            gpus=gpus,
            threads=_threads(checked.model_dump(mode="json")),
            options=tuple(options),
            slurm=(slurm or SlurmConfig(memory_gb=8.0)).model_dump(mode="json"),
            devices=devices,
            host=socket.gethostname(),
            submitted=time.time(),
            attempt=1 if before is None else before.attempt + 1,
            nodes=nodes,
            processes=processes,
        )
        _submit(job, request)
    return find(request.name)


def list_jobs() -> list[Job]:
    """Every job in `runs_folder()`, oldest first, with its position in the queue of its machine."""
    jobs = sorted((look(folder) for folder in all_folders()), key=lambda job: (job.submitted, job.name))
    queues: dict[tuple[str, bool], int] = {}
    for index, job in enumerate(jobs):
        if job.state == "queued" and job.cluster == "local":
            queue = (job.host, job.gpus > 0)
            queues[queue] = queues.get(queue, 0) + 1
            jobs[index] = replace(job, position=queues[queue])
    return jobs


def find(name: str) -> Job:
    """The job of this name. Raises JobError if there is none."""
    folder = next((folder for folder in all_folders() if folder.path.name == name), None)
    request = folder.request() if folder is not None else None
    if folder is None or request is None:
        raise JobError(f"There is no job {name!r} in {runs_folder()}: `virialff jobs list` names those there are.")
    job = look(folder)
    if job.state == "queued" and job.cluster == "local":
        names = [other.name for other in waiting(request)]
        return replace(job, position=names.index(name) + 1 if name in names else None)
    return job


def follow(name: str, interval: float = 0.5) -> Iterator[str]:
    """The lines that the job's training prints, as they come, from the first of this attempt until the job is over."""
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
    require_write_access("Stopping a training job")
    job = find(name)
    if job.is_over:
        raise JobError(f"The job {name} is over already ({_words(job)}).")
    _folder(name).ask_to_stop(job.attempt)
    if job.cluster == "slurm" and job.state == "queued" and job.scheduler_id is not None:
        cancel([job.scheduler_id])
    deadline = time.monotonic() + wait_seconds
    while not job.is_over and time.monotonic() < deadline:
        time.sleep(0.1 if job.cluster == "local" else 0.5)
        job = find(name)
    return job


def resume(name: str) -> Job:
    """Start a job again that was stopped, died or failed; it goes on from its last checkpoint.

    Raises JobError if it is not over or finished, ReadOnlyError where nothing may be started.
    """
    require_write_access("Resuming a training job")
    with _starting():
        job = find(name)
        if not job.is_over:
            raise JobError(f"The job {name} is {job.state}: stop it before it is resumed.")
        if job.state == "finished":
            raise JobError(f"The job {name} has finished its {job.steps} steps: there is nothing to resume.")
        folder = _folder(name)
        request = folder.request()
        assert request is not None
        here = {"host": socket.gethostname(), "devices": gpus_here()} if request.cluster == "local" else {}
        if request.cluster == "local":
            _check_gpus(request.gpus, len(gpus_here()))
        else:
            require_slurm("The job")
        options = tuple(option for option in request.options if option != "--repack")
        changes: dict[str, Any] = {"attempt": request.attempt + 1, "submitted": time.time(), "options": options, **here}
        _submit(folder, replace(request, **changes))
    return find(name)


def _words(job: Job) -> str:
    return f"{job.state}: {job.reason}" if job.reason else job.state


def _folder(name: str) -> JobFolder:
    return JobFolder(runs_folder() / "jobs" / name)


def _threads(recipe: dict[str, Any]) -> int:
    stages = recipe.get("stages") or [recipe["optimization"]]
    return max(int(stage["threads"]) for stage in stages)


def _check_gpus(gpus: int, here: int | None) -> None:
    if gpus < 0:
        raise ConfigError(f"--gpus {gpus}: give the number of GPUs that train together, or 0 for none.")
    if here is not None and gpus > here:
        has = f"{here} NVIDIA GPU{'s' * (here > 1)}" if here else "no NVIDIA GPU"
        raise ConfigError(f"--gpus {gpus}: this machine has {has}: ask for fewer, or use --cluster slurm.")


def _folder_for(run: Path) -> JobFolder:
    """The job folder of a run; raises JobError while the run has a job that is not over."""
    for folder in all_folders():
        request = folder.request()
        if request is not None and Path(request.run) == run:
            job = look(folder)
            if not job.is_over:
                raise JobError(
                    f"The run {run} has a job already, {job.name}, which is {job.state}: follow it with "
                    f"`virialff jobs follow {job.name}`, or give another folder with --run."
                )
            return folder
    wanted = re.sub(r"[^\w.+-]+", "_", run.name).strip(".") or "job"
    taken = {folder.path.name for folder in all_folders()} | {"slots"}
    names = (wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 2)))
    return _folder(next(name for name in names if name not in taken))


@contextmanager
def _starting() -> Iterator[None]:
    """Only one process at a time begins attempts."""
    place = runs_folder() / "jobs"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "starting.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _submit(folder: JobFolder, request: Request) -> None:
    # Until the job's own process holds it too, this is why the job counts as alive.
    alive = share(folder.lock)
    before = folder.request()
    try:
        folder.write_request(request)
        if request.cluster == "slurm":
            _submit_to_slurm(folder, request)
        else:
            _launch(folder, request, alive)
    except VirialffError:
        # What did not begin leaves no trace among the jobs.
        if before is None:
            (folder.path / "job.json").unlink()
        else:
            folder.write_request(before)
        raise
    finally:
        os.close(alive)


def _submit_to_slurm(folder: JobFolder, request: Request) -> None:
    ask = SlurmConfig.model_validate(request.slurm)
    try:
        executor = slurm_executor(
            folder.submission(request.attempt),
            ask,
            name=f"virialff-{request.name}",
            threads=request.threads * (request.processes or request.gpus or 1),
            gpus=request.gpus,
            nodes=request.nodes,
        )
        job = executor.submit(work, folder.path, request.attempt)
    except (FailedJobError, OSError, subprocess.SubprocessError) as error:
        raise VirialffError(f"The job could not be submitted: {refusal(error)}") from error
    folder.write_scheduler_id(request.attempt, job.job_id)


def _launch(folder: JobFolder, request: Request, alive: int) -> None:
    with (folder.path / "launch.log").open("wb") as output:
        launched = subprocess.run(
            [sys.executable, "-m", "training.jobs.launch", str(folder.path), str(request.attempt)],
            cwd=request.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=[alive],
            check=False,
        )
    if launched.returncode:
        raise JobError(f"The job {request.name} could not be started: see {folder.path / 'launch.log'}.")
