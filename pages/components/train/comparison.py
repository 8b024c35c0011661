"""Runs side by side: their losses, the settings in which they differ, their errors."""

from pathlib import Path

import pandas as pd
import streamlit as st

from pages.components.shell.state import LINKED
from pages.components.shell.text import one_line, sentence
from pages.components.widgets.show import download, show_figure
from training.jobs.comparison import differing_settings, errors_table
from training.jobs.control import list_jobs
from training.jobs.runs import metrics_table, runs_with_metrics
from training.labelling.campaign.progress import duration
from virialff.errors import VirialffError
from virialff.figures.training import loss_figure, losses_in

_POLL_SECONDS = 5.0
_MOST = 7
#: Of the address too.
_RUNS = "compared_runs"


def compare() -> None:
    """Two runs or more, those of trainings in a shell too; while one of them trains the curves go on by themselves."""
    found = {one_line(run.name): run for run in runs_with_metrics()}
    if len(found) < 2:
        st.info("There is nothing to compare yet: it takes two runs that have losses.")
        return
    jobs = {job.run.name: job for job in list_jobs()}
    latest = sorted(found, key=lambda name: jobs[name].submitted if name in jobs else 0.0, reverse=True)
    if _RUNS not in st.session_state and _RUNS not in st.query_params:
        st.session_state[_RUNS] = latest[:2]
    chosen = st.multiselect("Runs", list(found), key=_RUNS, max_selections=_MOST, **LINKED)
    if len(chosen) < 2:
        st.info("Choose two runs or more.")
        return
    runs = [found[name] for name in chosen]
    live = any(not jobs[run.name].is_over for run in runs if run.name in jobs)
    st.fragment(_side_by_side, run_every=_POLL_SECONDS if live else None)(runs)


def _side_by_side(runs: list[Path]) -> None:
    try:
        _tables(errors_table(runs), runs)
    except VirialffError as error:
        st.error(sentence(error), title="These runs cannot be compared")
    losses(runs, key="compared", file="compared_losses.csv")


def _tables(errors: pd.DataFrame, runs: list[Path]) -> None:
    """Errors at the last step, and the settings that differ."""
    st.markdown("**Errors on validation at the last step**; the smallest of each is bold.")
    names = [name for name in errors.columns if name not in ("run", "step", "seconds")]
    shown = errors.assign(run=errors["run"].map(one_line), seconds=[_time(value) for value in errors["seconds"]])
    titles = {"seconds": "time"} | {name: name.replace("_", " ") for name in names}
    styled = shown.rename(columns=titles).style.highlight_min(
        subset=[titles[name] for name in names], props="font-weight: bold"
    )
    st.dataframe(styled.format(precision=3, na_rep="", thousands=","), hide_index=True)
    st.caption("mae: mean absolute error, rmse: root mean square error; kcal/mol, forces in kcal/mol/Å.")
    different = differing_settings(runs)
    if different.empty:
        st.markdown("**Settings**: all are the same.")
    else:
        st.markdown("**Settings in which they differ**")
        st.dataframe(different.rename(columns=one_line).map(one_line), hide_index=True)
    with st.container(horizontal=True):
        download("Errors (CSV)", errors, "compared_errors.csv")
        download("Settings (CSV)", different, "compared_settings.csv")


def _time(seconds: float | None) -> str:
    return "" if seconds is None or pd.isna(seconds) else duration(float(seconds))


def losses(runs: list[Path], *, key: str, file: str) -> None:
    """A figure a loss, every run that has it in a colour."""
    tables: dict[str, pd.DataFrame] = {}
    for run in runs:
        name = one_line(run.name)
        try:
            table = metrics_table(run)
        except VirialffError as error:
            st.error(sentence(error), title=f"The losses of {name} cannot be read")
            continue
        if len(table):
            tables[name] = table
    if not tables:
        st.info("No losses yet: the first line of metrics comes after `validate_every` steps.")
        return
    logarithmic = st.segmented_control(
        "Loss axes",
        ["automatic", "logarithmic", "linear"],
        default="automatic",
        required=True,
        key=f"{key}_axes",
        persist_state="session",
    )
    log = {"logarithmic": True, "linear": False}.get(logarithmic or "automatic")
    columns = st.columns(2, gap="medium")
    for position, loss in enumerate(losses_in(tables.values())):
        with columns[position % 2]:
            show_figure(loss_figure(tables, loss, log=log), key=f"{key}_{loss}", alt=f"Loss by step: {loss}")
    st.caption(
        "Mean absolute errors, training as a mean since the line before. Where it says RMSE, it is the root mean "
        "square of a molecule's conformers against the lowest."
    )
    everything = pd.concat([table.assign(run=name) for name, table in tables.items()], ignore_index=True)
    download("Losses (CSV)", everything, file, key=f"{key}_csv")
