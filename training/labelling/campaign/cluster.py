"""Where the workers of a campaign run: processes of this machine or jobs of SLURM."""

import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from training.jobs.slots import gpus_here
from training.labelling.campaign.worker import CONFIG, End, WorkerFiles
from training.labelling.config import CampaignConfig
from training.slurm import ALIVE, THREAD_VARIABLES, cancel, job_states, require_slurm, submit
from virialff import children
from virialff.documents import json_lines
from virialff.files import replace_file

#: Seconds that stopped workers get to put down what they have.
_STOP_SECONDS = 40.0


class Worker(NamedTuple):
    """A worker that was started: the number of its process, or of its job on SLURM."""

    job: str
    files: WorkerFiles


class Cluster(ABC):
    """Starts workers, tells which have ended, and stops them. `folder` takes their files."""

    #: seconds between two looks at the workers
    tick: float

    def __init__(self, config: CampaignConfig, folder: Path) -> None:
        self._config = config
        self._folder = folder
        self._started = 0
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / CONFIG, json_lines(config.model_dump(mode="json")))

    @abstractmethod
    def _start(self, files: Sequence[WorkerFiles], first: int) -> list[str]:
        """Start workers with numbers from the first on; their jobs."""

    @abstractmethod
    def _gone(self, workers: Sequence[Worker]) -> dict[str, End]:
        """By job, the workers that are no longer there, and how it looks from outside."""

    @abstractmethod
    def _cancel(self, workers: Sequence[Worker]) -> None:
        """Ask the workers to stop."""

    def start(self, count: int) -> list[Worker]:
        """Start `count` workers. Raises VirialffError with the cluster's own words if it refuses them."""
        first, self._started = self._started, self._started + count
        files = [WorkerFiles(self._folder, first + index) for index in range(count)]
        return [Worker(job, own) for job, own in zip(self._start(files, first), files, strict=True)]

    def _command(self, number: int) -> list[str]:
        return [sys.executable, "-m", "training.labelling.campaign.worker", str(self._folder), str(number)]

    def ended(self, workers: Sequence[Worker]) -> dict[str, End]:
        """By job, how those of the workers ended that have ended."""
        gone = self._gone(workers)
        return {worker.job: worker.files.told() or gone[worker.job] for worker in workers if worker.job in gone}

    def stop(self, workers: Sequence[Worker]) -> list[Worker]:
        """Stop the workers and wait until they have ended; returns those that have not after some time."""
        self._cancel(workers)
        deadline = time.monotonic() + _STOP_SECONDS
        left = list(workers)
        while left and time.monotonic() < deadline:
            gone = self._gone(left)
            left = [worker for worker in left if worker.job not in gone]
            time.sleep(0.05)
        return left


class LocalCluster(Cluster):
    """Worker processes on this machine. They end with the command, also when it is killed."""

    tick = 0.2

    def __init__(self, config: CampaignConfig, folder: Path) -> None:
        super().__init__(config, folder)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def _start(self, files: Sequence[WorkerFiles], first: int) -> list[str]:
        environment = os.environ | dict.fromkeys(THREAD_VARIABLES, str(self._config.threads))
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(gpus_here()[: self._config.gpus])
        # Where this command itself is part of an array of SLURM, its workers are not.
        environment.pop("SLURM_ARRAY_TASK_ID", None)
        jobs = []
        for number, own in enumerate(files, first):
            with own.log.open("wb") as output:
                process = children.start(
                    self._command(number),
                    by=signal.SIGKILL,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            jobs.append(str(process.pid))
            self._processes[jobs[-1]] = process
        return jobs

    def _gone(self, workers: Sequence[Worker]) -> dict[str, End]:
        codes = {worker.job: self._processes[worker.job].poll() for worker in workers}
        return {
            job: End("died", "killed" if code < 0 else f"exit code {code}")
            for job, code in codes.items()
            if code is not None
        }

    def _cancel(self, workers: Sequence[Worker]) -> None:
        for worker in workers:
            self._processes[worker.job].terminate()


class SlurmCluster(Cluster):
    """Workers as a SLURM job array. They go on when the command is killed."""

    tick = 2.0
    _ENDS: dict[str, End] = {  # noqa: RUF012
        "COMPLETED": End("finished"),
        "CANCELLED": End("cancelled"),
        "TIMEOUT": End("time_limit"),
        "PREEMPTED": End("time_limit"),
        "DEADLINE": End("time_limit"),
        # What happens to a machine says nothing of the molecule that it worked at.
        "NODE_FAIL": End("time_limit", "was lost with its machine"),
        "BOOT_FAIL": End("time_limit", "was lost with its machine"),
    }

    def __init__(self, config: CampaignConfig, folder: Path) -> None:
        require_slurm("The campaign")
        super().__init__(config, folder)

    def _start(self, files: Sequence[WorkerFiles], first: int) -> list[str]:
        number = submit(
            self._command(first),
            self._config.slurm,
            what="The workers",
            name="virialff-label",
            output=self._folder / "slurm_%A_%a.log",
            threads=self._config.threads,
            gpus=self._config.gpus,
            tasks=len(files),
        )
        return [f"{number}_{index}" for index in range(len(files))]

    def _gone(self, workers: Sequence[Worker]) -> dict[str, End]:
        states, unknown = job_states(worker.job.split("_")[0] for worker in workers)
        ends = {}
        for worker in workers:
            job = worker.job
            if job.split("_")[0] in unknown or states.get(job) in ALIVE:
                continue
            state = states.get(job, "")
            ends[job] = self._ENDS.get(state, End("died", f"SLURM: {state.lower() or 'the job is gone'}"))
        return ends

    def _cancel(self, workers: Sequence[Worker]) -> None:
        cancel([worker.job for worker in workers])


def make_cluster(config: CampaignConfig, folder: Path) -> Cluster:
    """The cluster of the configuration; `folder` takes the configuration, logs and ends of its workers."""
    return SlurmCluster(config, folder) if config.cluster == "slurm" else LocalCluster(config, folder)
