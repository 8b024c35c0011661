"""Jobs, which run on without the page: their state, progress, a stop, what they print."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from pages.components.shell.text import plain, sentence
from training.jobs.control import find, forget, resume, stop
from training.jobs.record import Job, last_lines
from training.labelling.campaign.progress import Progress, duration
from virialff.errors import VirialffError
from virialff.files import disk_problem

_POLL_SECONDS = 1.0
_LINES = 12
_ICONS = {
    "queued": ("gray", ":material/hourglass_empty:"),
    "running": ("blue", ":material/play_circle:"),
    "finished": ("green", ":material/check_circle:"),
    "stopped": ("orange", ":material/stop_circle:"),
    "failed": ("red", ":material/error:"),
    "died": ("red", ":material/error:"),
    "damaged": ("red", ":material/error:"),
}
_REFUSED = "job_refused"
_SAYS_TIME_LEFT = re.compile(r"\d (s|min|h|d) left")


def attempt(purpose: str, act: Callable[..., object], *arguments: Any, **options: Any) -> None:
    """For on_click: do something with jobs of this purpose; why it could not be done is shown by `refusal`."""
    try:
        act(*arguments, **options)
    except VirialffError as error:
        st.session_state[_REFUSED] = (purpose, str(error))
    except OSError as error:
        st.session_state[_REFUSED] = (purpose, disk_problem(error))


def refusal(purpose: str, title: str | None = None) -> None:
    """Show once why something could not be done with the jobs of this purpose."""
    refused = st.session_state.get(_REFUSED)
    if refused is not None and refused[0] == purpose:
        del st.session_state[_REFUSED]
        st.error(sentence(refused[1]), title=title)


def badge(job: Job) -> None:
    """The state of a job."""
    color, icon = _ICONS[job.state]
    st.badge(job.state, color=color, icon=icon)  # type: ignore[arg-type]


def queue_words(job: Job) -> str:
    """What a job waits for; "" for one that does not wait."""
    if job.position is None:
        return ""
    return f"number {job.position} in the queue of this machine for {job.waits_for}"


def show(job: Job, title: str, *, result_lines: int = 0) -> None:
    """One command: while it runs the browser asks again by itself, and the page runs once when it has ended.

    The last `result_lines` lines of one that has finished are shown with it.
    """
    if job.is_over:
        _ended(job, title, result_lines)
    else:
        st.fragment(_running, run_every=_POLL_SECONDS)(job.name, title)


def _running(name: str, title: str) -> None:
    job = find(name)
    if job.is_over:
        st.rerun()
    lines = last_lines(job.log, _LINES)
    said = queue_words(job) or (one_word(lines[-1]) if lines else "starting")
    share = job.share_done or 0.0
    when = "stopping" if job.reason else "" if _SAYS_TIME_LEFT.search(said) else _time_left(name, share)
    so_far = f"{duration(job.seconds)} so far{f', {when}' if when else ''}"
    st.progress(share, text=f"{plain(title)}: {so_far}. {plain(said)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        stop_button(job)
        with st.popover("Output"):
            st.code("\n".join(lines) or "nothing yet", language=None)


def _time_left(name: str, share: float) -> str:
    """By the rate since this session first looked: a command that goes on begins with what is done already."""
    progress: Progress = st.session_state.setdefault(f"command_progress_{name}", Progress(1.0, share))
    left = progress.seconds_left(share)
    return "" if left is None else f"about {duration(left)} left"


def one_word(line: str) -> str:
    """A line of output without the name of the program before it."""
    return line.removeprefix("virialff: ")


def button(
    label: str, icon: str, job: Job, act: Callable[..., object], *, kind: Any = "secondary", disabled: bool = False
) -> None:
    """Do something with a job; why it could not be done is shown by `refusal`."""
    st.button(
        label,
        icon=icon,
        key=f"{label}_{job.name}",
        on_click=attempt,
        args=(job.purpose, act, job.name),
        type=kind,
        disabled=disabled,
    )


def stop_button(job: Job, *, kind: Any = "secondary") -> None:
    """Ask a job to stop. It saves first, which the page shows; nobody waits for it here."""
    button(
        "Stop",
        ":material/stop:",
        job,
        partial(stop, wait_seconds=0.0),
        kind=kind,
        disabled="asked to stop" in job.reason,
    )


def _ended(job: Job, title: str, result_lines: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        badge(job)
        text = job.name if job.state == "damaged" else f"{title}, after {duration(job.seconds)}"
        st.markdown(plain(text), width="content")
        with st.popover("Output"):
            st.code("\n".join(last_lines(job.log, 200)) or "nothing", language=None)
        if job.state not in ("finished", "damaged"):
            button("Go on", ":material/play_arrow:", job, resume)
        if job.state != "damaged":
            button("Forget", ":material/close:", job, forget)
    if job.state == "finished" and result_lines:
        st.code("\n".join(last_lines(job.log, result_lines)), language=None)
    if job.state in ("failed", "died", "damaged"):
        st.error(sentence(job.reason))
