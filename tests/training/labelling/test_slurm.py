"""A campaign on a real SLURM: job arrays, a worker killed, a worker cancelled, and the rows of an uninterrupted run."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.slurm_cluster import slurm_cluster
from tests.training.labelling.small_campaign import (
    SLOW_KEY,
    SLOW_MOLECULES,
    assert_same_rows,
    at_slow_molecule,
    campaign,
    compute_here,
    is_running,
    run_command,
    started_command,
    tasks_stored,
    wait_until,
    worker_processes,
    write_config,
    write_pool,
)
from virialff.labels.store import LabelStore

pytestmark = [pytest.mark.program(name) for name in ("munged", "slurmctld", "slurmd", "sbatch")]
PAIRS = {"contact": 1, "relaxed": 1}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Mapping[str, str]]:
    with slurm_cluster() as environment:
        yield os.environ | environment


def jobs(cluster: Mapping[str, str]) -> list[str]:
    listed = subprocess.run(
        ["squeue", "--noheader", "--array", "--format=%i"], env=cluster, capture_output=True, text=True, check=True
    )
    return listed.stdout.split()


def test_killed_and_cancelled_workers_lose_nothing(cluster: Mapping[str, str], tmp_path: Path) -> None:
    uninterrupted = compute_here(campaign(tmp_path, SLOW_MOLECULES, pairs=PAIRS))
    folder = tmp_path / "cluster"
    file = write_config(tmp_path / "slurm.yaml", folder, tmp_path / "pool.smi", pairs=PAIRS, cluster="slurm")

    with started_command(file, "--workers", "2", env=cluster) as command:
        wait_until(lambda: at_slow_molecule(folder), "the slow molecule")
        ids = jobs(cluster)
        assert len({job.partition("_")[0] for job in ids}) == 1, "the workers are not one job array"
        for worker in worker_processes(folder):
            os.kill(worker, signal.SIGKILL)
        # The replacement of the killed worker takes the molecule up again.
        wait_until(lambda: set(jobs(cluster)) - set(ids) and at_slow_molecule(folder), "the slow molecule again")
        workers = worker_processes(folder)
        assert workers
        subprocess.run(["scancel", *jobs(cluster)], env=cluster, check=True)
        output, errors = command.communicate(timeout=300)
    assert command.returncode == 1, errors
    assert f"at {SLOW_KEY}" in output
    assert "was cancelled and is not replaced" in output
    assert "run the same command again" in output
    assert not jobs(cluster)
    assert not any(map(is_running, workers))
    assert SLOW_KEY not in tasks_stored(folder)

    again = run_command(file, "--workers", "2", env=cluster)
    assert again.returncode == 0, again.stderr
    assert_same_rows(folder, uninterrupted)
    # The kill is held against the molecule, the cancelling is not.
    assert (folder / "deaths.jsonl").read_text().count(SLOW_KEY) == 1


def test_stopping_the_command_cancels_its_jobs(cluster: Mapping[str, str], tmp_path: Path) -> None:
    pool = write_pool(tmp_path / "pool.smi", SLOW_MOLECULES)
    folder = tmp_path / "cluster"
    file = write_config(tmp_path / "slurm.yaml", folder, pool, pairs=PAIRS, cluster="slurm")
    with started_command(file, env=cluster) as command:
        wait_until(lambda: at_slow_molecule(folder), "the slow molecule")
        command.send_signal(signal.SIGTERM)
        _, errors = command.communicate(timeout=180)
    assert command.returncode == 130
    assert "interrupted" in errors
    assert not jobs(cluster)
    assert not worker_processes(folder)


def test_a_worker_near_its_time_limit_is_followed_by_another(cluster: Mapping[str, str], tmp_path: Path) -> None:
    pool = write_pool(tmp_path / "pool.smi", SLOW_MOLECULES)
    folder = tmp_path / "cluster"
    file = write_config(tmp_path / "slurm.yaml", folder, pool, pairs=PAIRS, cluster="slurm")
    with started_command(file, env=cluster) as command:
        wait_until(lambda: at_slow_molecule(folder), "the slow molecule")
        # What SLURM sends ahead of the end of a job's time.
        subprocess.run(["scancel", "--signal=USR2", *jobs(cluster)], env=cluster, check=True)
        output, errors = command.communicate(timeout=300)
    assert command.returncode == 0, errors
    assert "came to the end of its time and is followed by another" in output
    assert "died" not in output
    rows = list(LabelStore(folder).labels())
    assert SLOW_KEY in {row.task for row in rows}
    assert len({row.identifier for row in rows}) == len(rows)
    assert not (folder / "deaths.jsonl").exists()


def test_a_job_that_slurm_refuses_is_one_sentence(cluster: Mapping[str, str], tmp_path: Path) -> None:
    pool = write_pool(tmp_path / "pool.smi", ("CO",))
    slurm = {"partition": "nowhere"}
    file = write_config(tmp_path / "slurm.yaml", tmp_path / "cluster", pool, cluster="slurm", slurm=slurm)
    refused = run_command(file, env=cluster)
    assert refused.returncode == 3
    # sbatch has said its own words before.
    sentence = refused.stderr.splitlines()[-1].lower()
    assert sentence.startswith("virialff: the workers could not be submitted: ")
    assert "invalid partition" in sentence
