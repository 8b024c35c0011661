"""What label campaigns and training jobs share of SLURM: what to ask it for, submission, states of jobs."""

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import submitit
from pydantic import BaseModel, ConfigDict, Field

from virialff.errors import ConfigError

#: Variables that the numeric libraries read for their number of threads.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
#: Minutes that stand for "no limit" with submitit's local executor.
NO_LIMIT = 60 * 24 * 3650
#: States of a job that has not ended.
ALIVE = frozenset({"PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED", "STAGE_OUT"})


class SlurmConfig(BaseModel):
    """What to ask SLURM for, per job."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    partition: str | None = None
    account: str | None = None
    time_minutes: int = Field(default=720, ge=1)
    memory_gb: float = Field(default=2.0, gt=0)
    setup: tuple[str, ...] = ()  #: shell lines run before the job, such as `module load ...`
    additional_parameters: dict[str, str | int] = {}  #: further sbatch options


def require_slurm(what: str) -> None:
    """Raise ConfigError unless SLURM's commands are here; `what` begins the sentence ("The campaign")."""
    if shutil.which("sbatch") is None or shutil.which("squeue") is None:
        raise ConfigError(
            f"{what} asks for cluster slurm, and the commands sbatch and squeue are not on the PATH: run it "
            "on a login node of the cluster, or with --cluster local."
        )


def slurm_executor(
    folder: Path, ask: SlurmConfig, *, name: str, threads: int, gpus: int, nodes: int = 1
) -> submitit.SlurmExecutor:
    """An executor with logs and results in `folder` for jobs of one task a node with so many threads and GPUs."""
    options: dict[str, Any] = {
        "job_name": name,
        "partition": ask.partition,
        "account": ask.account,
        "time": ask.time_minutes,
        "mem": f"{round(1024 * ask.memory_gb)}M",
        "cpus_per_task": threads,
        "gpus_per_node": gpus or None,
        "nodes": nodes if nodes > 1 else None,
        "ntasks_per_node": 1 if nodes > 1 else None,
        "setup": [*(f"export {variable}={threads}" for variable in THREAD_VARIABLES), *ask.setup],
        "additional_parameters": dict(ask.additional_parameters),
    }
    executor = submitit.SlurmExecutor(folder)
    executor.update_parameters(**{key: value for key, value in options.items() if value is not None})
    return executor


def refusal(error: Exception) -> str:
    """SLURM's own words about a submission that failed."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1]


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
