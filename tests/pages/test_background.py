"""Work in worker processes: results, progress, stopping, the queue, and what sessions see of each other."""

import contextlib
import gc
import importlib
import os
import pickle
import signal
import time
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.components.shell import background
from pages.components.shell.worker_pool import UNEXPECTED, Job, WorkerPool
from tests.pages.conftest import finish
from virialff.conformers.display import display_geometry
from virialff.errors import VirialffError
from virialff.io.identifier import molecule_from_text
from virialff.io.smiles import smiles_in_order
from virialff.molecules.molecule import Molecule

SECONDS = 30


@pytest.fixture(scope="module", autouse=True)
def importable_work():
    """Workers started from here on find the module background_tasks, as this process does."""
    folder = str(Path(__file__).parent)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", folder)
        for pool in background._POOLS.values():
            pool.close()
        yield
        for pool in background._POOLS.values():
            pool.close()


@pytest.fixture(scope="module")
def pool(importable_work):
    pool = WorkerPool(1)
    yield pool
    pool.close()


def job(name, *arguments, keep=None):
    function = getattr(importlib.import_module("background_tasks"), name)
    return Job("Counting", pickle.dumps((function, arguments)), keep)


def run(pool, name, *arguments, keep=None):
    started = job(name, *arguments, keep=keep)
    pool.submit(started)
    assert started.ended.wait(SECONDS)
    return started


def wait_for(condition):
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_result_partial_results_and_progress(pool):
    kept: list[object] = []
    done = run(pool, "add", 2, 3, keep=kept.append)
    assert done.result == 5
    assert kept == ["halfway", 5]
    assert (done.fraction, done.text, done.error) == (0.5, "adding", "")


def test_process_is_another_one_and_is_kept(pool):
    first, second = run(pool, "where"), run(pool, "where")
    assert first.result == second.result
    assert first.result != os.getpid()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("refuse", "the <molecule> has no atoms; give another one"),
        ("fail", UNEXPECTED),
        ("unpicklable", UNEXPECTED),
        ("crash", "its process crashed or was killed, perhaps for want of memory; try something smaller"),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_the_next_job_runs(pool, name, sentence):
    failed = run(pool, name)
    assert failed.error == sentence
    assert failed.result is None
    assert run(pool, "add", 1, 1).result == 2


def test_worker_that_ended_while_idle_is_replaced(pool):
    first = run(pool, "where").result
    os.kill(first, signal.SIGKILL)
    assert run(pool, "where").result != first


def test_stop_reaches_work_that_reports(pool, tmp_path):
    before = run(pool, "where").result
    started = job("count", tmp_path)
    pool.submit(started)
    wait_for(lambda: started.done > 10)
    assert started.seconds_left > 1
    pool.stop(started)
    assert started.ended.wait(SECONDS)
    assert (tmp_path / "stopped").exists()
    assert started.result is None
    assert run(pool, "where").result == before


def test_stop_kills_work_that_does_not_report(pool, tmp_path):
    started = job("silent", tmp_path, 60)
    pool.submit(started)
    wait_for((tmp_path / "began").exists)
    begin = time.monotonic()
    pool.stop(started)
    assert started.ended.wait(SECONDS)
    assert time.monotonic() - begin < 10
    assert not (tmp_path / "went on").exists()


def test_queue_is_in_order_and_a_waiting_job_can_be_stopped(pool, tmp_path):
    jobs = [job("count", tmp_path), job("where"), job("where")]
    for one in jobs:
        pool.submit(one)
    wait_for(lambda: jobs[0].started)
    assert [pool.position(one) for one in jobs] == [0, 1, 2]
    pool.stop(jobs[1])
    assert jobs[1].ended.is_set()
    assert pool.position(jobs[2]) == 1
    pool.stop(jobs[0])
    assert jobs[2].ended.wait(SECONDS)
    assert jobs[1].result is None
    assert jobs[2].result is not None


def script():
    import importlib

    import streamlit as st

    from pages.components.shell import background

    background_tasks = importlib.import_module("background_tasks")

    def begin() -> None:
        background.start("work", background_tasks.silent, st.session_state.folder, 0.4, title="Waiting")

    st.button("Begin", on_click=begin)
    st.button("Refuse", on_click=lambda: background.start("work", background_tasks.refuse, title="Refusing"))
    if st.toggle("Unasked", value=False):
        background.begin("work", "Begin again", begin)
    if st.toggle("Open", value=True):
        result = background.show("work")
        st.text(f"result: {result}")


@pytest.fixture
def app(tmp_path):
    session = AppTest.from_function(script, default_timeout=SECONDS)
    session.session_state["folder"] = str(tmp_path)
    return session.run()


def click(app, label):
    return next(button for button in app.button if button.label == label).click().run()


def labels(app):
    return [button.label for button in app.button]


def test_page_shows_progress_then_the_result(app):
    click(app, "Begin")
    assert "Stop" in labels(app)
    assert app.text[0].value == "result: None"
    finish(app)
    assert "Stop" not in labels(app)
    assert app.text[0].value == "result: done"
    assert not app.exception


def test_work_goes_on_while_the_page_is_left(app):
    click(app, "Begin")
    app.toggle[1].set_value(False).run()
    assert not app.text
    finish(app)
    app.toggle[1].set_value(True).run()
    assert app.text[0].value == "result: done"


def test_stop_button_forgets_the_work(app, tmp_path):
    click(app, "Begin")
    click(app, "Stop")
    assert app.text[0].value == "result: None"
    assert "Stop" not in labels(app)
    assert "Begin" in labels(app)
    assert not app.exception


def test_work_that_begins_unasked_stays_stopped(app):
    app.toggle[0].set_value(True).run()
    click(app, "Stop")
    assert app.run().text[0].value == "result: None"
    click(app, "Begin again")
    assert "Stop" in labels(app)
    finish(app)
    assert app.text[0].value == "result: done"
    assert "Begin again" not in labels(app)


def test_refusal_is_shown_escaped(app):
    click(app, "Refuse")
    finish(app)
    assert app.error[0].value == r"The \<molecule\> has no atoms; give another one\."
    assert not app.exception


def test_another_session_sees_nothing(app, tmp_path):
    click(app, "Begin")
    finish(app)
    other = AppTest.from_function(script, default_timeout=SECONDS).run()
    assert other.text[0].value == "result: None"


def test_work_of_a_session_that_is_gone_is_stopped(app):
    click(app, "Begin")
    (handle,) = app.session_state["background_jobs"].values()
    running = handle.job
    del handle
    app.session_state["background_jobs"].clear()
    gc.collect()
    assert running.stop_asked.is_set()


def test_users_take_turns_in_the_pool(pool, tmp_path):
    """Five pieces of work of one user came before one of another, which is next."""
    first = job("count", tmp_path)
    first.owner = "ada"
    many = [job("where") for _ in range(4)]
    for one in many:
        one.owner = "ada"
    other = job("where")
    other.owner = "will"
    for one in (first, *many, other):
        pool.submit(one)
    wait_for(lambda: first.started)
    assert pool.position(other) == 2
    pool.stop(first)
    assert other.ended.wait(SECONDS)
    assert all(one.ended.wait(SECONDS) for one in many)
    assert other.started < min(one.started for one in many)


def test_clearing_the_caches_leaves_the_pools():
    before = dict(background._POOLS)
    st.cache_resource.clear()
    kept = {lane: pool is before[lane] for lane, pool in background._POOLS.items()}
    assert kept == {"short": True, "long": True, "reading": True}


def test_a_long_text_is_read_in_another_process():
    background_tasks = importlib.import_module("background_tasks")
    assert background.read_text(background_tasks.process_of, "C" * background.SHORT_LINE) == os.getpid()
    assert background.read_text(background_tasks.process_of, "C" * (background.SHORT_LINE + 1)) != os.getpid()
    with pytest.raises(VirialffError, match="more than the limit of 300"):
        background.read_text(Molecule.from_smiles, "C" * 500)


#: Of thousands of cages and nets that were drawn at random those that took longest; what is larger goes elsewhere.
WORST_LINES = [
    "S123S45S16S17S28S29S%10%11S8%12S8%13S%14%15S%16%17S4%18S84S32S%181S7(S%10%13%16)S%14(S5%15S%116%12)S9%174",
    "S(Cl)" * 24,
    "C#C" * 40,
    "[H][H]." * 16 + "[H][H]",
    "C(C(C)(C)C)(C(C)(C)C)(C(C)(C)C)C(C)(C)C",
    "InChI=1S/" + "C" * 100,
]


@pytest.mark.parametrize("line", WORST_LINES)
def test_what_is_read_in_the_page_takes_less_than_a_second(line):
    assert len(line) <= background.SHORT_LINE
    start = time.thread_time()
    with contextlib.suppress(VirialffError):
        background.read_text(molecule_from_text, line)
    assert time.thread_time() - start < 1.0


#: Of cages and rings at the limits of size and rings.
WORST_MOLECULES = ["C" * 19, "C1CC2CC3CC1CC(C2)C3", "C1CCCCCCCCCCCCCCCCCC1", "c1ccc2cc3cc4ccccc4cc3cc2c1"]


@pytest.mark.parametrize("smiles", WORST_MOLECULES)
def test_a_geometry_that_is_made_in_the_page_takes_less_than_a_second(smiles):
    molecule = Molecule.from_smiles(smiles)
    assert background._is_ordinary(molecule)
    start = time.thread_time()
    background.of_molecule(display_geometry, molecule)
    background.of_molecule(smiles_in_order, molecule)
    assert time.thread_time() - start < 1.0


@pytest.mark.parametrize(
    "smiles", ["C12C3C4C1C5C2C3C45", "C" * 30, "CS(=O)(=O)C", "S1[SH]2S3(C)S(P)(S)[SH](NS)CS23CC1"]
)
def test_molecules_that_may_take_long_go_to_another_process(smiles):
    assert not background._is_ordinary(Molecule.from_smiles(smiles))


def test_reading_has_limits_of_memory_and_time(pool, monkeypatch, tmp_path):
    background_tasks = importlib.import_module("background_tasks")
    with pytest.raises(VirialffError, match="more memory than is allowed"):
        background.read(background_tasks.takes_memory, 4 << 30)
    assert background.read(background_tasks.takes_memory, 1 << 20) == 1 << 20
    monkeypatch.setattr(background, "READING_SECONDS", 0.5)
    with pytest.raises(VirialffError, match="reading it takes more than"):
        background.read(background_tasks.silent, str(tmp_path), 30.0)
