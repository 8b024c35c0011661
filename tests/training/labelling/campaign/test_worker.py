"""Campaigns on this machine: whatever is killed, the rows are in the end those of an uninterrupted one."""

import json
import os
import resource
import signal
from pathlib import Path
from typing import Any

import pytest

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
from training.labelling.campaign.run import run_campaign
from training.labelling.campaign.worker import MAX_ATTEMPTS, CurrentTask, Deaths, compute_chunk, rows_of, tasks_done
from training.labelling.plan.draws import MoleculeTask
from training.labelling.plan.plan import stored_plan
from virialff.cli import main
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore
from virialff.molecules.molecule import Molecule

PAIRS = {"contact": 1, "hydrogen_bond": 1}


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("pool")
    return write_pool(folder / "pool.smi", SLOW_MOLECULES)


@pytest.fixture(scope="module")
def uninterrupted(pool: Path) -> list[Label]:
    config = campaign(pool.parent, SLOW_MOLECULES, pairs=PAIRS)
    return compute_here(config)


@pytest.fixture
def config_file(pool: Path, tmp_path: Path) -> Path:
    return write_config(tmp_path / "campaign.yaml", tmp_path / "labels", pool, pairs=PAIRS)


def slow_task() -> MoleculeTask:
    smiles = SLOW_MOLECULES[-1]
    return MoleculeTask(Molecule.from_smiles(smiles).inchikey, smiles, "test", relaxed=True)


def test_a_killed_worker_is_replaced_and_nothing_is_lost(config_file: Path, uninterrupted: list[Label]) -> None:
    folder = config_file.parent / "labels"
    with started_command(config_file) as command:
        wait_until(lambda: at_slow_molecule(folder), "the slow molecule")
        (worker,) = worker_processes(folder)
        stored = tasks_stored(folder)
        os.kill(worker, signal.SIGKILL)
        output, errors = command.communicate(timeout=300)
    assert command.returncode == 0, errors
    assert f"died (killed) at {SLOW_KEY}" in output
    assert stored < tasks_stored(folder)
    assert_same_rows(folder, uninterrupted)
    assert not worker_processes(folder)
    deaths = [json.loads(line) for line in (folder / "deaths.jsonl").read_text().splitlines()]
    assert [entry["task"] for entry in deaths] == [SLOW_KEY]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_workers_end_with_the_command(config_file: Path, uninterrupted: list[Label], how: signal.Signals) -> None:
    folder = config_file.parent / "labels"
    with started_command(config_file, "--workers", "2", start_new_session=True) as command:
        wait_until(lambda: at_slow_molecule(folder), "the slow molecule")
        workers = worker_processes(folder)
        assert workers
        if how == signal.SIGINT:
            # A terminal sends it to all of them.
            os.killpg(command.pid, how)
        else:
            command.send_signal(how)
        _, errors = command.communicate(timeout=180)
    assert command.returncode == (-9 if how == signal.SIGKILL else 130)
    assert errors == ("" if how == signal.SIGKILL else "virialff: interrupted\n")
    wait_until(lambda: not any(map(is_running, workers)), "the end of the workers", 30.0)
    stored = tasks_stored(folder)
    assert SLOW_KEY not in stored

    again = run_command(config_file)
    assert again.returncode == 0, again.stderr
    assert_same_rows(folder, uninterrupted)
    # What the command itself takes with it is not held against the molecules.
    assert not (folder / "deaths.jsonl").exists()


def test_two_commands_share_the_work(config_file: Path, uninterrupted: list[Label]) -> None:
    folder = config_file.parent / "labels"
    with started_command(config_file) as one, started_command(config_file) as other:
        for command in (one, other):
            _, errors = command.communicate(timeout=300)
            assert command.returncode == 0, errors
    assert_same_rows(folder, uninterrupted)
    written = {path: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}
    again = run_command(config_file)
    assert again.returncode == 0
    assert "finished: 3 chunks" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.parquet")} == written
    assert not list((folder / "jobs").iterdir())


def test_a_full_disk_is_one_sentence_and_nothing_is_lost(config_file: Path, uninterrupted: list[Label]) -> None:
    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    stopped = run_command(config_file, preexec_fn=small_files_only)
    assert stopped.returncode == 3
    assert "could not be written" in stopped.stderr
    assert "make room" in stopped.stderr
    assert len(stopped.stderr.splitlines()) == 1
    folder = config_file.parent / "labels"
    stored = tasks_stored(folder)
    assert stored
    again = run_command(config_file)
    assert again.returncode == 0, again.stderr
    assert_same_rows(folder, uninterrupted)


def test_a_task_at_which_workers_died_is_given_up(tmp_path: Path) -> None:
    config = campaign(tmp_path, ("CO", "CS"))
    (chunk,) = stored_plan(config, lambda line: None).chunks
    victim = chunk.tasks[0]
    for _ in range(MAX_ATTEMPTS):
        Deaths(config.folder).record(victim.key, "killed")
    assert compute_chunk(chunk, config, CurrentTask(tmp_path / "test.current"))
    rows = list(LabelStore(config.folder).labels())
    (failure,) = [row.failure for row in rows if row.failure]
    assert failure == "the worker process died 3 times while computing it (killed)"
    assert [row.task for row in rows if row.failure] == [victim.key]
    assert {row.task for row in rows} == {task.key for task in chunk.tasks}


def test_a_task_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    config = campaign(tmp_path, seconds_per_task=0.2)
    current = CurrentTask(tmp_path / "test.current")
    (row,) = rows_of(slow_task(), config, current, [])
    assert row.failure == "it took longer than the 0.2 s that a task may take"
    assert row.energy is None
    assert current.read() is None
    # The limit is that of one task: the next has its own, and nothing goes off later.
    quick = MoleculeTask(Molecule.from_smiles("CO").inchikey, "CO", "test", relaxed=False)
    rows = rows_of(quick, config.model_copy(update={"seconds_per_task": 60.0}), current, [])
    assert all(row.failure is None for row in rows)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_chunk_in_other_hands_is_left_alone(tmp_path: Path) -> None:
    config = campaign(tmp_path, ("CS",))
    plan = stored_plan(config, lambda line: None)
    current = CurrentTask(tmp_path / "test.current")
    with LabelStore(config.folder).writer(plan.chunks[0].name):
        assert not compute_chunk(plan.chunks[0], config, current)
        assert tasks_done(config.folder, plan.chunks) == 0
        outcome = run_campaign(config, interval=0.2, say=lambda line: None)
        assert (outcome.finished, outcome.elsewhere, outcome.open) == (0, 1, 0)
    assert compute_chunk(plan.chunks[0], config, current)
    assert tasks_done(config.folder, plan.chunks) == 1
    assert not compute_chunk(plan.chunks[0], config, current)


@pytest.mark.parametrize(
    ("entries", "options", "code", "words"),
    [
        ({}, ("--workers", "0"), 2, "at least one worker"),
        ({}, ("--interval", "0"), 2, "must be positive"),
        ({"cluster": "slurm"}, (), 2, "sbatch and squeue are not on the PATH"),
        ({"rounds": [{"pools": {"nowhere": 3}}]}, (), 2, "There is no pool 'nowhere'"),
        ({"tpyo": 1}, (), 2, "tpyo: unknown key"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    entries: dict[str, Any],
    options: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    pool = write_pool(tmp_path / "pool.smi", ("CO",))
    file = write_config(tmp_path / "campaign.yaml", tmp_path / "labels", pool, **entries)
    assert main(["label", str(file), *options]) == code
    error = capsys.readouterr().err
    assert words in error
    assert len(error.splitlines()) == 1


def test_a_read_only_installation_starts_no_campaign(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VIRIALFF_READ_ONLY", "1")
    file = write_config(tmp_path / "campaign.yaml", tmp_path / "labels", write_pool(tmp_path / "pool.smi", ("CO",)))
    assert main(["label", str(file)]) == 4
    assert "Starting a label campaign is refused" in capsys.readouterr().err
    assert not (tmp_path / "labels").exists()
