"""What SLURM does to a job, on a real SLURM of one node: each must end in a state with a name, and nothing be lost.

    python -m tests.fuzz.slurm

Trainings are requeued, preempted, run into their time limit while they do not answer, lose their node, are cancelled
while they wait, and are refused; they are resumed and must have the losses of one that was never disturbed. Workers of
a label campaign are requeued and lose their node; the rows must be those of an undisturbed campaign, and nothing of it
be held against the molecules.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.fuzz import seeds
from tests.fuzz.kills import SETTINGS, Different, killed, same_losses
from tests.slurm_cluster import slurm_cluster
from tests.training.labelling.small_campaign import (
    SLOW_MOLECULES,
    assert_same_rows,
    at_slow_molecule,
    campaign,
    compute_here,
    started_command,
    worker_processes,
    write_config,
)
from training.jobs import control
from training.jobs.record import Job
from training.loop.run_folder import RunFolder
from training.slurm import SlurmConfig
from virialff.children import processes_below
from virialff.errors import VirialffError
from virialff.settings import RUNS_VARIABLE

#: Jobs of the second partition take the place of those of the first, which end.
PREEMPTION = """\
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
PartitionName=urgent Nodes=ALL PriorityTier=10 MaxTime=INFINITE State=UP
"""
_STEPS = 400
_SECONDS = 300.0
_NODE = socket.gethostname().partition(".")[0]


class Trainings:
    """Trainings on the cluster, with the losses that each must have in the end."""

    def __init__(self, samples: seeds.Samples, folder: Path) -> None:
        settings = dataclasses.asdict(SETTINGS) | {"steps": _STEPS, "checkpoint_seconds": 0.2}
        self.recipe = seeds.recipe(folder / "recipe.yaml", samples.store, settings)
        self.folder = folder
        os.environ |= {RUNS_VARIABLE: str(folder / "runs"), "CUDA_VISIBLE_DEVICES": ""}
        whole = control.start(self.recipe, run=folder / "runs" / "whole")
        job = ended(whole.name)
        if job.state != "finished":
            raise Different(f"the undisturbed training has {job.state}: {job.reason}")
        self.expected = RunFolder(folder / "runs" / "whole").metrics()

    def submit(self, name: str, **ask: Any) -> Job:
        """A job of SLURM with this name."""
        asked = SlurmConfig.model_validate({"partition": "test", "time_minutes": 30, "memory_gb": 2.0} | ask)
        run = self.folder / "runs" / name
        return control.start(self.recipe, run=run, cluster="slurm", gpus=0, slurm=asked)

    def at_work(self, name: str) -> Job:
        """The job once it has saved some steps."""
        wait(lambda: (job := control.find(name)).step > 0 and (job.run / "checkpoint.pt").exists(), f"{name} at work")
        return control.find(name)

    def finish(self, name: str) -> str:
        """Resume the job until it has finished, and hold its losses against the undisturbed ones."""
        for _ in range(5):
            job = ended(name)
            if job.state == "finished":
                same_losses(self.expected, RunFolder(self.folder / "runs" / name).metrics())
                return "finished, same losses"
            control.resume(name)
        raise Different(f"{name} has {control.find(name).state} after five attempts")


def ended(name: str) -> Job:
    """The job once it is over; its state has a reason unless it has finished."""
    wait(lambda: control.find(name).is_over, f"the end of {name}")
    job = control.find(name)
    if job.state != "finished" and not job.reason:
        raise Different(f"{name} is {job.state} without a reason")
    return job


def wait(true: Callable[[], Any], what: str, seconds: float = _SECONDS) -> None:
    """Raises Different after so long."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise Different(f"{what} did not come within {seconds:.0f} s")
        time.sleep(0.1)


def ask(*command: str) -> str:
    """What a command of SLURM prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Different(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def number_of(job: Job) -> str:
    """SLURM's number of a job."""
    if job.scheduler_id is None:
        raise Different(f"{job.name} has no number of SLURM")
    return job.scheduler_id


def requeued(trainings: Trainings) -> str:
    trainings.submit("requeued")
    ask("scontrol", "requeue", number_of(trainings.at_work("requeued")))
    states = _seen("requeued", lambda job: job.state == "finished" or (job.is_over and not _in_queue(job)))
    return f"{states}; {trainings.finish('requeued')}"


def preempted(trainings: Trainings) -> str:
    trainings.submit("preempted")
    trainings.at_work("preempted")
    urgent = ask(
        "sbatch", "--parsable", "--partition=urgent", "--cpus-per-task=2", "--output=/dev/null", "--wrap=sleep 3"
    )
    states = _seen("preempted", lambda job: job.is_over)
    wait(lambda: urgent not in ask("squeue", "--noheader", "--format=%i").split(), "the end of the urgent job")
    return f"{states}; {trainings.finish('preempted')}"


def over_time(trainings: Trainings) -> str:
    """Its processes stand still, so that they hear neither the warning nor the first signal."""
    trainings.submit("over_time", time_minutes=1)
    wait(lambda: control.find("over_time").process, "the process of the training")
    for process in _processes_of(trainings.folder / "runs" / "jobs" / "over_time"):
        os.kill(process, signal.SIGSTOP)
    states = _seen("over_time", lambda job: job.is_over)
    _allow_more_time("over_time", trainings)
    return f"{states}; {trainings.finish('over_time')}"


def _allow_more_time(name: str, trainings: Trainings) -> None:
    """A training of a minute is warned at its start, so that it would never come far."""
    file = trainings.folder / "runs" / "jobs" / name / "job.json"
    content = json.loads(file.read_text())
    content["slurm"]["time_minutes"] = 30
    # It is changed on purpose.
    file.write_text(json.dumps({key: value for key, value in content.items() if key != "crc32"}))


def node_lost(trainings: Trainings) -> str:
    trainings.submit("node_lost")
    trainings.at_work("node_lost")
    _lose_node(_processes_of(trainings.folder / "runs" / "jobs" / "node_lost"))
    states = _seen("node_lost", lambda job: job.state == "finished" or (job.is_over and not _in_queue(job)))
    return f"{states}; {trainings.finish('node_lost')}"


def cancelled_while_waiting(trainings: Trainings) -> str:
    ask("scontrol", "update", "PartitionName=test", "State=DOWN")
    try:
        trainings.submit("waiting")
        ask("scancel", number_of(control.find("waiting")))
        states = _seen("waiting", lambda job: job.is_over)
    finally:
        ask("scontrol", "update", "PartitionName=test", "State=UP")
    return f"{states}; {trainings.finish('waiting')}"


def refused(trainings: Trainings) -> str:
    """A partition that is not there, and more memory than any node has."""
    sentences = []
    asked: tuple[dict[str, Any], ...] = ({"partition": "nowhere"}, {"memory_gb": 900_000.0})
    for more in asked:
        try:
            trainings.submit("refused", **more)
        except VirialffError as error:
            sentences.append(str(error))
        else:
            raise Different(f"SLURM takes {more}")
    if any(job.name == "refused" for job in control.list_jobs()):
        raise Different("a job that was refused is listed")
    return "; ".join(sentences)


def _lose_node(processes: list[int]) -> None:
    """The node is gone with all that ran on it, and comes back."""
    ask("scontrol", "update", f"NodeName={_NODE}", "State=DOWN", "Reason=lost")
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    time.sleep(2.0)
    # It may have come back by itself, as its daemon runs.
    subprocess.run(["scontrol", "update", f"NodeName={_NODE}", "State=RESUME"], capture_output=True, check=False)
    wait(lambda: ask("sinfo", "--noheader", "--format=%t") in ("idle", "mix", "alloc"), "the node")


def _in_queue(job: Job) -> bool:
    """Whether SLURM has not done with the job, so that it goes on by itself."""
    listed = ask("squeue", "--noheader", "--format=%i|%T").splitlines()
    return any(line.startswith(f"{job.scheduler_id}|") and not line.endswith("COMPLETED") for line in listed)


def _seen(name: str, until: Callable[[Job], bool]) -> str:
    """The states that the job goes through, as a user sees them."""
    states: list[str] = []
    deadline = time.monotonic() + _SECONDS
    while True:
        job = control.find(name)
        said = f"{job.state} ({job.reason})" if job.reason else job.state
        if not states or states[-1] != said:
            states.append(said)
        if until(job):
            return ", ".join(states)
        if time.monotonic() > deadline:
            raise Different(f"{name} is still {said}: {', '.join(states)}")
        time.sleep(0.1)


def _processes_of(folder: Path) -> list[int]:
    """What runs of a job, its step of SLURM aside."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdecimal() else []
            if str(folder).encode() in words and b"srun" not in words[0]:
                found += processes_below(int(entry.name))
    return sorted(set(found) - {os.getpid()})


def campaign_disturbed(folder: Path, how: Callable[[Path], None]) -> str:
    """A campaign whose workers are disturbed at the slow molecule; its rows must be those of an undisturbed one."""
    folder.mkdir(parents=True)
    whole = campaign(folder, SLOW_MOLECULES)
    if killed(lambda: compute_here(whole), _SECONDS):
        raise Different("the undisturbed campaign took too long")
    expected = seeds.rows(whole.folder)
    place = folder / "cluster"
    file = write_config(folder / "slurm.yaml", place, folder / "pool.smi", cluster="slurm")
    with started_command(file, "--workers", "2") as command:
        wait(lambda: at_slow_molecule(place) or command.poll() is not None, "the slow molecule")
        how(place)
        output, errors = command.communicate(timeout=_SECONDS)
    said = [line for line in output.splitlines() if ("worker " in line and "followed" in line) or "died" in line]
    if command.returncode != 0:
        raise Different(f"the command ended with {command.returncode}: {errors[-300:]}")
    assert_same_rows(place, expected)
    if (place / "deaths.jsonl").exists():
        raise Different("it is held against a molecule")
    return f"{'; '.join(said) or 'the workers went on by themselves'}; same rows"


def requeue_workers(place: Path) -> None:
    for number in {
        line.partition("_")[0] for line in ask("squeue", "--noheader", "--states=RUNNING", "--format=%i").split()
    }:
        ask("scontrol", "requeue", number)


def lose_node_of_workers(place: Path) -> None:
    _lose_node(worker_processes(place))


TRAININGS: dict[str, Callable[[Trainings], str]] = {
    "refused": refused,
    "cancelled while it waits": cancelled_while_waiting,
    "requeued": requeued,
    "preempted": preempted,
    "node lost": node_lost,
    "time limit": over_time,
}
CAMPAIGNS = {"workers requeued": requeue_workers, "node of workers lost": lose_node_of_workers}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[*TRAININGS, *CAMPAIGNS], default=[*TRAININGS, *CAMPAIGNS])
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = Path(tempfile.mkdtemp(prefix="virialff-slurm-"))
    samples = seeds.make_samples(folder / "samples")
    wrong = 0
    with slurm_cluster(PREEMPTION) as environment:
        os.environ |= environment
        trainings = Trainings(samples, folder) if set(arguments.only) & set(TRAININGS) else None
        for name in arguments.only:
            try:
                if name in CAMPAIGNS:
                    end = campaign_disturbed(folder / name.replace(" ", "_"), CAMPAIGNS[name])
                else:
                    assert trainings is not None
                    end = TRAININGS[name](trainings)
            except (Different, VirialffError, AssertionError, subprocess.TimeoutExpired) as error:
                end, wrong = f"WRONG: {error}", wrong + 1
            print(f"{name}: {end}", flush=True)
    if not wrong:
        shutil.rmtree(folder)
    else:
        print(f"what was found lies in {folder}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
