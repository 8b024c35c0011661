"""Work that takes longer than a second: it runs in a worker process, bound to a key of one browser session.

    background.start("search", tasks.generate, molecule, 50, title="Generating conformers")   # in on_click
    found = background.show("search")      # in the page: progress with a Stop button, or the result, or None

The work is a function of a module that imports no Streamlit (`pages/components/widgets/tasks.py`); it is called as
`work(report, *arguments)` in another process, so that function, arguments and result must be picklable. It calls
`report(done, total, text)` now and then, which raises `Stopped` after the user pressed Stop; work that never reports is
killed. It goes on when the page is left, and the result is there when the page is opened again. Work of a session that
has ended is stopped.
"""

from __future__ import annotations

import os
import pickle
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.components.shell import press
from pages.components.shell.text import plain, sentence
from pages.components.shell.worker import call
from pages.components.shell.worker_pool import Job, WorkerPool
from virialff.access import acting_user, require_write_access
from virialff.administrator import Role
from virialff.errors import VirialffError
from virialff.molecules.molecule import Molecule

#: "long" work (DFT: minutes) has a worker of its own, so that it never makes the short work of others wait; "reading"
#: of files has workers that may take little memory, and a page waits for it.
Lane = Literal["short", "long", "reading"]

_JOBS = "background_jobs"
_STOPPED = "background_stopped"
_ASKED = "background_begun_unasked"
_SIZES: dict[Lane, int] = {"short": max(2, (os.cpu_count() or 2) // 2), "long": 1, "reading": 2}
_MEMORY: dict[Lane, int] = {"reading": 2 << 30}
#: The longest that a page waits for a file to be read.
READING_SECONDS = 60.0
# Of what is shorter or smaller the worst takes less than a second, as tests/pages/test_background.py tries.
SHORT_LINE, SHORT_DRAWING = 120, 2500
_SMALL_ATOMS, _ATOMS_A_RING, _FLUORINE = 60, 4, 9
_POLL_SECONDS = 0.3
# Much work is done by then, and the page shows its result without a flicker.
_PATIENCE_SECONDS = 0.15
# Ended jobs that a session keeps, with their results.
_MOST_KEPT = 8


class _Handle:
    """A session's hold on a job: when the session lets go, the job is stopped."""

    def __init__(self, job: Job, lane: Lane) -> None:
        self.job = job
        self.lane = lane
        self.seen = False
        # Only this flag: a finalizer can run anywhere, also while this thread holds the pool's lock.
        weakref.finalize(self, job.stop_asked.set).atexit = False


# Not in a cache of Streamlit: any browser can clear those, and would get new processes beside the old ones.
_POOLS: dict[Lane, WorkerPool] = {lane: WorkerPool(size, _MEMORY.get(lane, 0)) for lane, size in _SIZES.items()}


def _handles() -> dict[str, _Handle]:
    handles: dict[str, _Handle] = st.session_state.setdefault(_JOBS, {})
    return handles


def start(
    key: str,
    work: Callable[..., Any],
    *arguments: Any,
    title: str,
    lane: Lane = "short",
    keep: Callable[[Any], None] | None = None,
) -> None:
    """Begin this work in place of what the session has under `key`, which is stopped.

    `title` begins the lines about it ("Generating conformers"). `keep` is called with every partial result that the
    work reports and with the result, in a thread of the app without a session: for caches by content. Results belong to
    the arguments they were computed from, so the key must name what decides about them (a molecule's content key).
    """
    stop(key)
    st.session_state.get(_STOPPED, set()).discard(key)
    job = Job(title, pickle.dumps((work, arguments)), keep, owner=acting_user().name or _session())
    handles = _handles()
    handles[key] = _Handle(job, lane)
    if (refused := _refused(lane)) is not None:
        job.error = refused
        job.ended.set()
        return
    ended = [name for name, handle in handles.items() if handle.job.ended.is_set()]
    for name in ended[: max(0, len(ended) - _MOST_KEPT)]:
        del handles[name]
    _POOLS[lane].submit(job)


def _refused(lane: Lane) -> str | None:
    """Why the user may not start work in this lane, as a sentence, or None."""
    if acting_user().role < Role.READER:
        return "nobody may compute here without login"
    try:
        if lane == "long":
            require_write_access("Work of minutes")
    except VirialffError as error:
        return str(error)
    return None


def _session() -> str:
    context = get_script_run_ctx(suppress_warning=True)
    return "" if context is None else context.session_id


def read_text(work: Callable[[str], Any], text: str, short: int = SHORT_LINE) -> Any:
    """`work(text)` of what a user typed or drew: here where it has no more characters than `short`, else by `read`."""
    return work(text) if len(text) <= short else read(call, work, text)


def of_molecule(work: Callable[[Molecule], Any], molecule: Molecule) -> Any:
    """`work(molecule)` where it is small and neither a cage nor hypervalent, which take long; else by `read`."""
    return work(molecule) if _is_ordinary(molecule) else read(call, work, molecule)


def _is_ordinary(molecule: Molecule) -> bool:
    rings = len(molecule.bonds) - molecule.n_atoms + molecule.n_fragments
    neighbours = np.bincount(molecule.bonds.ravel(), minlength=molecule.n_atoms)
    branched = (molecule.numbers > _FLUORINE) & (neighbours > 2)
    return _ATOMS_A_RING * rings <= molecule.n_atoms <= _SMALL_ATOMS and not branched.any()


def read(work: Callable[..., Any], *arguments: Any) -> Any:
    """The result of reading what a user gave, in a worker with limits on memory and time, while the page waits.

    Raises VirialffError where it is refused, and where it comes to those limits.
    """
    if (refused := _refused("reading")) is not None:
        raise VirialffError(refused)
    job = Job("Reading", pickle.dumps((work, arguments)), None, owner=acting_user().name or _session())
    pool = _POOLS["reading"]
    pool.submit(job)
    if not job.ended.wait(READING_SECONDS):
        pool.stop(job)
        raise VirialffError(
            f"reading it takes more than {READING_SECONDS:.0f} s; give something smaller, or a part of it"
        )
    if job.error:
        raise VirialffError(job.error)
    return job.result


def stop(key: str) -> None:
    """Give up the work under this key and forget its result."""
    handle = _handles().pop(key, None)
    if handle is not None:
        _POOLS[handle.lane].stop(handle.job)


def _stop(key: str) -> None:
    st.session_state.setdefault(_STOPPED, set()).add(key)
    stop(key)


def begin(key: str, label: str, start: Callable[[], object]) -> None:
    """Have `start` begin work under this key unasked; where it was stopped, a button with this label does."""
    if was_stopped(key):
        press.button(label, start, key=f"begin_{key}", icon=":material/play_arrow:")
    elif not known(key):
        start()


def is_first_time(key: str) -> bool:
    """Whether the session asks this for the first time: for work that a page begins unasked once, and never again."""
    asked: set[str] = st.session_state.setdefault(_ASKED, set())
    first = key not in asked
    asked.add(key)
    return first


def was_stopped(key: str) -> bool:
    """Whether the user stopped the work under this key and has not begun it again."""
    return key in st.session_state.get(_STOPPED, set())


def known(key: str) -> bool:
    """Whether the session has work under this key, running or ended."""
    return key in _handles()


def has_result(key: str) -> bool:
    """Whether work under this key has ended well."""
    handle = _handles().get(key)
    return handle is not None and handle.job.ended.is_set() and not handle.job.error


def ended() -> dict[str, Job]:
    """The session's short work that has ended well, by key."""
    return {
        key: handle.job
        for key, handle in _handles().items()
        if handle.lane == "short" and handle.job.ended.is_set() and not handle.job.error
    }


def take_back(jobs: Mapping[str, Job]) -> None:
    """Let the session have the results of work that another of the same browser did, where it has none of its own."""
    for key, job in jobs.items():
        if key not in _handles():
            _handles()[key] = _Handle(job, "short")


def running(key: str) -> bool:
    """Whether work under this key waits or runs."""
    handle = _handles().get(key)
    return handle is not None and not handle.job.ended.is_set()


def show(key: str) -> Any:
    """The result of the work under this key, None without one: then its progress or why it failed is shown here.

    While it runs the browser asks again by itself, and the whole page runs once when it has ended.
    """
    handle = _handles().get(key)
    if handle is None:
        return None
    first, handle.seen = not handle.seen, True
    if not handle.job.ended.wait(_PATIENCE_SECONDS if first else 0):
        st.fragment(_follow, run_every=_POLL_SECONDS)(key)
        return None
    if handle.job.error:
        st.error(sentence(handle.job.error), title=f"{handle.job.title}: no result")
    return handle.job.result


def _follow(key: str) -> None:
    handle = _handles().get(key)
    if handle is None or handle.job.ended.is_set():
        st.rerun()
    st.progress(handle.job.fraction, text=plain(_words(handle)))
    st.button("Stop", icon=":material/stop:", key=f"stop_{key}", on_click=_stop, args=(key,))


def _words(handle: _Handle) -> str:
    job = handle.job
    ahead = _POOLS[handle.lane].position(job)
    if ahead:
        return f"{job.title}: waiting, {ahead} other {'jobs' if ahead > 1 else 'job'} first"
    left = job.seconds_left
    if left is None:
        time_left = f"{job.seconds_so_far:.0f} s so far"
    elif left < 90:
        time_left = f"about {max(left, 1):.0f} s left"
    else:
        time_left = f"about {left / 60:.0f} min left"
    return f"{job.title}: {job.text}, {time_left}" if job.text else f"{job.title}: {time_left}"
