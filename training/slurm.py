"""What label campaigns and training jobs share of SLURM: what to ask it for, submission, states of jobs."""

import shlex
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from virialff.administrator import administration
from virialff.errors import ConfigError, VirialffError

#: Variables that the numeric libraries read for their number of threads.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
#: States of a job that has not ended; those of the second line pass, such as while it gets a signal.
ALIVE = frozenset(
    {"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED", "STAGE_OUT"}
    | {"SIGNALING", "STOPPED", "RESIZING", "POWER_UP_NODE", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD"}
)


class SlurmAsked(BaseModel):
    """What a recipe, a campaign or a page may ask SLURM for, per job. Shell lines and further options of sbatch are
    the administrator's (virialff/administrator.py)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partition: str | None = Field(default=None, description="Partition, by default the cluster's own")
    account: str | None = Field(default=None, description="Account that is charged, where the cluster asks for one")
    time_minutes: int = Field(default=720, ge=1, description="Time limit of a job in minutes")
    memory_gb: float = Field(default=2.0, gt=0, description="Memory of a job in GB")

    @model_validator(mode="before")
    @classmethod
    def _no_commands(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        for name in ("setup", "additional_parameters"):
            if name in cls.model_fields or name not in content:
                continue
            if content[name]:
                raise ValueError(
                    f"{name} is not had from a file like this, which may come from anywhere: shell lines and options "
                    "of sbatch are in the section [slurm] of the administrator's settings (docs/hosting.md)"
                )
            content = {key: value for key, value in content.items() if key != name}
        return content


class SlurmConfig(SlurmAsked):
    """The same with what is typed at the command line."""

    additional_parameters: dict[str, str | int] = Field(default={}, description="Further options of sbatch")


def require_slurm(what: str) -> None:
    """Raise ConfigError unless SLURM's commands are here; `what` begins the sentence ("The campaign")."""
    if shutil.which("sbatch") is None or shutil.which("squeue") is None:
        raise ConfigError(
            f"{what} asks for cluster slurm, and the commands sbatch and squeue are not on the PATH: run it "
            "on a login node of the cluster, or on this machine alone."
        ).of("cluster")


def submit(
    command: Sequence[str],
    ask: SlurmAsked,
    *,
    what: str,
    name: str,
    output: Path,
    threads: int,
    gpus: int,
    nodes: int = 1,
    tasks: int | None = None,
) -> str:
    """Submit a job that runs `command` once on each node with so many threads and GPUs; returns SLURM's number.

    tasks: the number of jobs of an array. `output` is the file of what the command prints, with sbatch's %-patterns.
    SIGUSR2 reaches the command 90 seconds before its time ends. `what` begins the sentence of an error ("The job").
    Shell lines and further options of sbatch are the administrator's.

    Raises ConfigError for a partition that he does not allow, VirialffError with SLURM's own words if it refuses.
    """
    ours = administration().slurm
    if ours.partitions and ask.partition not in ours.partitions:
        raise ConfigError(
            f"{what} asks for {f'the partition {ask.partition}' if ask.partition else 'no partition'}, and the "
            f"administrator allows {', '.join(ours.partitions)}: give one of them."
        ).of("partition")
    further = {**ours.options, **(ask.additional_parameters if isinstance(ask, SlurmConfig) else {})}
    options: dict[str, Any] = {
        "job-name": name,
        "output": output,
        "open-mode": "append",
        "signal": "USR2@90",
        "partition": ask.partition,
        "account": ask.account,
        "time": ask.time_minutes,
        "mem": f"{round(1024 * ask.memory_gb)}M",
        "cpus-per-task": threads,
        "gpus-per-node": gpus or None,
        "nodes": nodes if nodes > 1 else None,
        "ntasks-per-node": 1 if nodes > 1 else None,
        "array": None if tasks is None else f"0-{tasks - 1}",
        **{key.replace("_", "-"): value for key, value in further.items()},
    }
    flags = [f"--{key}={value}" for key, value in options.items() if value is not None]
    exports = [f"export {variable}={threads}" for variable in THREAD_VARIABLES]
    # In a step of its own the command gets the signals; a step takes no number of threads from its job.
    run = shlex.join(["srun", "--unbuffered", f"--cpus-per-task={threads}", *command])
    script = "\n".join(["#!/bin/bash", *exports, *ours.setup, run, ""])
    try:
        done = subprocess.run(
            ["sbatch", "--parsable", *flags], input=script, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise VirialffError(f"{what} could not be submitted: {error}") from error
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"sbatch ended with exit code {done.returncode}"]
        raise VirialffError(f"{what} could not be submitted: {words[-1]}")
    return done.stdout.strip().partition(";")[0]


def job_states(numbers: Iterable[str]) -> tuple[dict[str, str], set[str]]:
    """State by job id of the jobs and arrays with these numbers, and the numbers for which SLURM did not answer.

    A job that SLURM has forgotten is in neither.
    """
    states: dict[str, str] = {}
    unknown = set()
    for number in sorted(set(numbers)):
        # Without accounting sacct has no answer; squeue knows ended jobs for some minutes.
        command = ["squeue", "--noheader", "--array", "--states=all", f"--jobs={number}", "--format=%i|%T"]
        try:
            asked = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            unknown.add(number)
            continue
        if asked.returncode and "Invalid job id" not in asked.stderr:
            unknown.add(number)  # The controller does not answer: look again later.
        for line in asked.stdout.splitlines():
            job, _, state = line.strip().partition("|")
            states[job] = state
    return states, unknown


def cancel(jobs: Sequence[str]) -> None:
    """Ask SLURM to end the jobs: SIGTERM first."""
    subprocess.run(["scancel", *jobs], capture_output=True, check=False)
