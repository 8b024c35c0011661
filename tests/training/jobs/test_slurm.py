"""Jobs on a real SLURM: submitted, stopped so that the training saves, resumed, cancelled from outside, refused."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.administration import administer
from tests.slurm_cluster import slurm_cluster
from tests.training.jobs.job_process import at_work, over, parent_of, wait_until
from training.jobs.control import find, list_jobs, resume, start, start_command, stop
from training.slurm import SlurmConfig
from virialff.cli import main
from virialff.errors import ConfigError, VirialffError
from virialff.settings import ASSETS

pytestmark = [pytest.mark.program(name) for name in ("munged", "slurmctld", "slurmd", "sbatch")]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with slurm_cluster() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield


def test_a_job_of_slurm(cluster, recipe, jobs):
    options = ["--cluster", "slurm", "--gpus", "0", "--partition", "test", "--time", "30", "--memory", "2"]
    assert main(["train", str(recipe), *options]) == 0
    job = at_work("tiny")
    assert (job.cluster, job.position) == ("slurm", None)
    stopped = stop("tiny")
    assert (stopped.state, stopped.reason) == ("stopped", "it was asked to stop")

    assert resume("tiny").scheduler_id != stopped.scheduler_id
    wait_until(lambda: find("tiny").step > stopped.step, "a further step")
    number = find("tiny").scheduler_id
    assert number is not None
    # What SLURM sends ahead of the end of a job's time.
    subprocess.run(["scancel", "--signal=USR2", number], env=os.environ, check=True)
    ended = over("tiny")
    assert (ended.state, ended.reason) == ("stopped", "the time that SLURM gave it ran out")
    assert ended.step > stopped.step

    resume("tiny")
    wait_until(lambda: find("tiny").process, "the third attempt")
    process = find("tiny").process
    assert process is not None
    for one in (parent_of(process), process):
        os.kill(one, signal.SIGKILL)
    killed = over("tiny")
    assert (killed.state, killed.reason) == ("died", "SLURM: failed")

    with pytest.raises(VirialffError, match=r"could not be submitted: .*[Ii]nvalid partition"):
        start(recipe, run=jobs / "other", cluster="slurm", gpus=0, slurm=SlurmConfig(partition="nowhere"))
    assert [job.name for job in list_jobs()] == ["tiny"]


def test_the_administrator_says_what_runs_before_a_job(cluster, jobs, tmp_path, monkeypatch):
    done = tmp_path / "was set up"
    line = f"echo $SLURM_JOB_NAME > '{done}'"
    administer(
        monkeypatch, tmp_path, f'[slurm]\nsetup = ["{line}"]\noptions = {{comment = "ours"}}\npartitions = ["test"]\n'
    )
    arguments = ["data", "info", str(ASSETS / "data" / "dft.parquet")]
    with pytest.raises(ConfigError, match="asks for no partition, and the administrator allows test"):
        start_command("count", "a", arguments, cluster="slurm", cores=1)
    job = start_command("count", "a", arguments, cluster="slurm", cores=1, slurm=SlurmConfig(partition="test"))
    wait_until(lambda: find(job.name).is_over, "the end of the job")
    assert find(job.name).state == "finished"
    assert done.read_text().strip() == f"virialff-{job.name}"
