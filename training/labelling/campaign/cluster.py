"""Where the workers of a campaign run: processes of this machine or jobs of SLURM, both through submitit."""

import os
import pickle
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import submitit
from submitit.core.utils import FailedJobError

from training.labelling.campaign.worker import CurrentTask, Lifeline, Result, work
from training.labelling.config import CampaignConfig
from training.slurm import ALIVE, NO_LIMIT, THREAD_VARIABLES, cancel, job_states, refusal, require_slurm, slurm_executor
from virialff.errors import VirialffError

#: Seconds that stopped workers get to put down what they have.
_STOP_SECONDS = 40.0


@dataclass(frozen=True)
class Worker:
    """A worker that was submitted."""

    job: submitit.Job[Result]
    current: CurrentTask


class End(NamedTuple):
    """How a worker ended: as its Result says, or without one."""

    state: Literal["finished", "stopped", "time_limit", "failed", "died", "cancelled"]
    message: str = ""


class Cluster(ABC):
    """Starts workers, tells which have ended, and stops them."""

    #: seconds between two looks at the workers
    tick: float

    def __init__(self, config: CampaignConfig, folder: Path) -> None:
        self._config = config
        self._folder = folder
        self._submitted = 0

    @abstractmethod
    def _executor(self) -> submitit.Executor: ...

    @abstractmethod
    def _gone(self, workers: Sequence[Worker]) -> dict[str, End]:
        """By job id, the workers that are no longer there, and how it looks from outside."""

    @abstractmethod
    def _cancel(self, workers: Sequence[Worker]) -> None:
        """Ask the workers to stop."""

    def _lifeline(self) -> Lifeline | None:
        return None

    def start(self, count: int) -> list[Worker]:
        """Submit `count` workers. Raises VirialffError with the cluster's own words if it refuses them."""
        files = [self._folder / f"worker_{self._submitted + index:04d}.current" for index in range(count)]
        self._submitted += count
        configs, lifelines = [self._config] * count, [self._lifeline()] * count
        try:
            jobs = self._executor().map_array(work, configs, files, lifelines)
        except (FailedJobError, OSError, subprocess.SubprocessError) as error:
            raise VirialffError(f"The workers could not be submitted: {refusal(error)}") from error
        return [Worker(job, CurrentTask(file)) for job, file in zip(jobs, files, strict=True)]

    def ended(self, workers: Sequence[Worker]) -> dict[str, End]:
        """By job id, how those of the workers ended that have ended."""
        gone = self._gone(workers)
        return {
            worker.job.job_id: _result(worker.job) or gone[worker.job.job_id]
            for worker in workers
            if worker.job.job_id in gone
        }

    def stop(self, workers: Sequence[Worker]) -> list[Worker]:
        """Stop the workers and wait until they have ended; returns those that have not after some time."""
        self._cancel(workers)
        deadline = time.monotonic() + _STOP_SECONDS
        left = list(workers)
        while left and time.monotonic() < deadline:
            gone = self._gone(left)
            left = [worker for worker in left if worker.job.job_id not in gone]
            time.sleep(0.05)
        return left


def _result(job: submitit.Job[Result]) -> End | None:
    path = job.paths.result_pickle
    if not path.exists():
        return None
    try:
        outcome, result = pickle.loads(path.read_bytes())  # noqa: S301  written by our own worker
    except EOFError:
        # Not all of it is visible yet on a shared file system.
        return None
    if outcome == "success":
        return End(*result)
    return End("died", str(result).strip().splitlines()[-1])


class LocalCluster(Cluster):
    """Worker processes on this machine. They end with the command, also when it is killed."""

    tick = 0.2

    def __init__(self, config: CampaignConfig, folder: Path) -> None:
        super().__init__(config, folder)
        # Held open until this process ends: see `end_with_command`.
        self._pipe = os.pipe()

    def _lifeline(self) -> Lifeline:
        return Lifeline(os.getpid(), self._pipe[0])

    def _executor(self) -> submitit.LocalExecutor:
        executor = submitit.LocalExecutor(self._folder)
        executor.update_parameters(timeout_min=NO_LIMIT, gpus_per_node=self._config.gpus)
        return executor

    def start(self, count: int) -> list[Worker]:
        # submitit's process between us and the worker must not die, with a traceback, of a Ctrl-C that is meant for us.
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(self._config.threads)))
        try:
            return super().start(count)
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
            signal.signal(signal.SIGINT, interrupt)

    def _gone(self, workers: Sequence[Worker]) -> dict[str, End]:
        return {worker.job.job_id: End("died", "killed") for worker in workers if worker.job.state != "RUNNING"}

    def _cancel(self, workers: Sequence[Worker]) -> None:
        for worker in workers:
            # SIGTERM goes on to the worker; `cancel` would kill it after a second. The state reaps the process, so
            # its number cannot have passed to another.
            if worker.job.state == "RUNNING":
                os.kill(int(worker.job.job_id), signal.SIGTERM)


class SlurmCluster(Cluster):
    """Workers as a SLURM job array. They go on when the command is killed."""

    tick = 2.0
    _ENDS: dict[str, End] = {  # noqa: RUF012
        "COMPLETED": End("finished"),
        "CANCELLED": End("cancelled"),
        "TIMEOUT": End("time_limit"),
        "PREEMPTED": End("time_limit"),
        "DEADLINE": End("time_limit"),
    }

    def __init__(self, config: CampaignConfig, folder: Path) -> None:
        super().__init__(config, folder)
        require_slurm("The campaign")

    def _executor(self) -> submitit.SlurmExecutor:
        config = self._config
        return slurm_executor(
            self._folder, config.slurm, name="virialff-label", threads=config.threads, gpus=config.gpus
        )

    def _gone(self, workers: Sequence[Worker]) -> dict[str, End]:
        states, unknown = job_states(worker.job.job_id.split("_")[0] for worker in workers)
        ends = {}
        for worker in workers:
            job = worker.job.job_id
            if job.split("_")[0] in unknown or states.get(job) in ALIVE:
                continue
            state = states.get(job, "")
            ends[job] = self._ENDS.get(state, End("died", f"SLURM: {state.lower() or 'the job is gone'}"))
        return ends

    def _cancel(self, workers: Sequence[Worker]) -> None:
        cancel([worker.job.job_id for worker in workers])


def make_cluster(config: CampaignConfig, folder: Path) -> Cluster:
    """The cluster of the configuration; `folder` takes logs and results of its workers."""
    folder.mkdir(parents=True, exist_ok=True)
    return SlurmCluster(config, folder) if config.cluster == "slurm" else LocalCluster(config, folder)
