"""Generating conformers in the background, with an estimate of the time left and a stop."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import streamlit as st

from virialff.conformers import ConformerSearch, search
from virialff.molecule import Molecule

_JOB = "generation_job"
_WORKERS = 2
_POLL_SECONDS = 0.2
_FIRST_POLLS = 0.02
# A search cannot say how far it is; the bar waits here for one that takes longer than estimated.
_ALMOST_DONE = 0.97


@dataclass
class Job:
    """One search: what it is for, when it began, and how long it should take once that is known."""

    structure: str
    seed: int
    started: float = field(default_factory=time.monotonic)
    estimate: float | None = None
    future: Future[ConformerSearch] = field(default_factory=Future)

    def work(self, molecule: Molecule, count: int, relax: bool) -> ConformerSearch:
        """Search one conformer to learn the time of one, then `count` of them."""
        minimize: Literal["mmff"] | None = "mmff" if relax else None
        begin = time.monotonic()
        one = search(molecule, 1, self.seed, minimize)
        if count == 1:
            return one
        self.estimate = (time.monotonic() - begin) * (count + 1)
        return search(molecule, count, self.seed, minimize)


@st.cache_resource(show_spinner=False)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_WORKERS, thread_name_prefix="conformers")


def start(structure: str, molecule: Molecule, count: int, seed: int, relax: bool) -> None:
    """Begin a search for this session; one that runs already is given up."""
    stop()
    job = Job(structure, seed)
    job.future = _pool().submit(job.work, molecule, count, relax)
    st.session_state[_JOB] = job


def stop() -> None:
    """Give up this session's search; a result that comes after all is not used."""
    job: Job | None = st.session_state.pop(_JOB, None)
    if job is not None:
        job.future.cancel()


def finished(structure: str) -> Job | None:
    """Wait for this session's search for the structure, showing its progress and a stop; None when there is none.

    The work goes on when the page is left, and the wait resumes when it is opened again.
    """
    job: Job | None = st.session_state.get(_JOB)
    if job is None or job.structure != structure:
        return None
    place = st.empty()
    polls = 0
    while not job.future.done():
        if polls == 0:
            with place.container():
                bar = st.progress(0.0, text="Generating conformers…")
                # The click reruns the page: Streamlit then breaks off this loop at its next message to the browser.
                st.button("Stop", icon=":material/stop:", on_click=stop, key="stop_generation")
        else:
            bar.progress(*_progress(job))
        time.sleep(_FIRST_POLLS if polls < 10 else _POLL_SECONDS)
        polls += 1
    place.empty()
    st.session_state.pop(_JOB, None)
    return job


def _progress(job: Job) -> tuple[float, str]:
    elapsed = time.monotonic() - job.started
    if job.estimate is None:
        return 0.0, f"Generating conformers: {elapsed:.0f} s so far"
    left = job.estimate - elapsed
    text = f"about {left:.0f} s left" if left >= 1 else f"{elapsed:.0f} s so far, soon ready"
    return min(elapsed / max(job.estimate, 1e-9), _ALMOST_DONE), f"Generating conformers: {text}"
