"""Commands that run on without the page: their progress, a stop, what they print."""

import re

import streamlit as st

from pages.components.shell.text import plain, sentence
from training.jobs.command_runs import (
    CommandRun,
    find_command,
    forget_command,
    last_lines,
    restart_command,
    start_command,
    stop_command,
)
from training.labelling.campaign.progress import Progress, duration
from virialff.errors import VirialffError

_POLL_SECONDS = 1.0
_LINES = 12
_STATES = {
    "finished": ("finished", "green", ":material/check_circle:"),
    "stopped": ("stopped", "gray", ":material/stop_circle:"),
    "failed": ("failed", "red", ":material/error:"),
    "died": ("died", "red", ":material/error:"),
}
_REFUSED = "command_refused"
_SAYS_TIME_LEFT = re.compile(r"\d (s|min|h|d) left")


def start(purpose: str, subject: str, arguments: list[str], files: dict[str, bytes] | None = None) -> None:
    """For on_click: start a command; why it could not is shown by `refusal`."""
    try:
        start_command(purpose, subject, arguments, files=files)
    except VirialffError as error:
        st.session_state[_REFUSED] = (purpose, str(error))


def refusal(purpose: str) -> None:
    """Show once why a command of this purpose could not be started or stopped."""
    refused = st.session_state.get(_REFUSED)
    if refused is not None and refused[0] == purpose:
        del st.session_state[_REFUSED]
        st.error(sentence(refused[1]))


def show(run: CommandRun, title: str, *, result_lines: int = 0) -> None:
    """One command: while it runs the browser asks again by itself, and the page runs once when it has ended.

    The last `result_lines` lines of one that has finished are shown with it.
    """
    if run.is_over:
        _ended(run, title, result_lines)
    else:
        st.fragment(_running, run_every=_POLL_SECONDS)(run.name, title)


def _running(name: str, title: str) -> None:
    run = find_command(name)
    if run.is_over:
        st.rerun()
    lines = last_lines(run.output, _LINES)
    said = one_word(lines[-1]) if lines else "starting"
    share = run.share_done or 0.0
    when = "stopping" if run.reason else "" if _SAYS_TIME_LEFT.search(said) else _time_left(name, share)
    so_far = f"{duration(run.seconds)} so far{f', {when}' if when else ''}"
    st.progress(share, text=f"{plain(title)}: {so_far}. {plain(said)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Stop", icon=":material/stop:", key=f"stop_{name}", on_click=_stop, args=(run,), disabled=bool(run.reason)
        )
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


def _stop(run: CommandRun) -> None:
    try:
        stop_command(run.name)
    except VirialffError as error:
        st.session_state[_REFUSED] = (run.purpose, str(error))


def _restart(run: CommandRun) -> None:
    try:
        restart_command(run.name)
    except VirialffError as error:
        st.session_state[_REFUSED] = (run.purpose, str(error))


def _forget(run: CommandRun) -> None:
    try:
        forget_command(run.name)
    except VirialffError as error:
        st.session_state[_REFUSED] = (run.purpose, str(error))


def _ended(run: CommandRun, title: str, result_lines: int) -> None:
    word, color, icon = _STATES[run.state]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(word, color=color, icon=icon)  # type: ignore[arg-type]
        st.markdown(f"{plain(title)}, after {duration(run.seconds)}", width="content")
        with st.popover("Output"):
            st.code("\n".join(last_lines(run.output, 200)) or "nothing", language=None)
        if run.state != "finished":
            st.button("Go on", key=f"restart_{run.name}", on_click=_restart, args=(run,), icon=":material/play_arrow:")
        st.button("Forget", key=f"forget_{run.name}", on_click=_forget, args=(run,), icon=":material/close:")
    if run.state == "finished" and result_lines:
        st.code("\n".join(last_lines(run.output, result_lines)), language=None)
    if run.state in ("failed", "died"):
        st.error(sentence(run.reason))
