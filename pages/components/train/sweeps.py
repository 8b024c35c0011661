"""Sweeps: what to vary around the recipe of the form, and what the trainings of a sweep came to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.shell import commands as command_view
from pages.components.shell import press
from pages.components.shell.state import KEPT, LINKED
from pages.components.shell.text import one_line, plain, sentence
from pages.components.train import cards, recipe_form
from pages.components.widgets.show import download, show_figure
from training.jobs.control import list_jobs
from training.jobs.estimates import estimate
from training.jobs.offered import SWEEP, sweep
from training.jobs.runs import free_run_name
from training.labelling.campaign.progress import duration
from training.recipes.presets import Setting, check_recipe, recipe_text, recipe_values
from training.studies.sweep import (
    MEASURES,
    MOST_TRIALS,
    MOST_VARIED,
    Trial,
    Varied,
    best_of,
    parse_varied,
    read_request,
    read_trials,
    recipe_with,
    trials_table,
    variable_settings,
)
from virialff.errors import VirialffError
from virialff.figures.training import sweep_figure

#: The part of the page that shows jobs, comparisons or sweeps, and how it calls them.
VIEW = "train_view"
JOBS, COMPARED, SWEEPS = "Jobs", "Compare runs", "Sweeps"
_SHOWN = "sweep"
_START = "start of a sweep"
_POLL_SECONDS = 3.0
_FIRST = ("learning_rate", "force_weight")
#: How far a range reaches at first, as a factor of the recipe's own value; from 0 it goes up to 1.
_REACH = 4
_FIGURES = 6


def new_sweep(text: str, place: Mapping[str, Any], recorded_as: str) -> None:
    """The form of a sweep around a recipe, as YAML text; where it runs is that of the training."""
    values = recipe_values(check_recipe(text))
    if len(values.get("stages") or [0]) > 1:
        st.info("A sweep takes a recipe of one stage.")
        return
    st.markdown(
        "Short trainings with other values of some settings, drawn by what the others came to (Optuna). The first has "
        "the values above; one that lags behind is broken off."
    )
    settings = variable_settings()
    if values.get("initial"):
        settings = {name: entry for name, entry in settings.items() if name not in values["network"]}
    chosen = st.multiselect(
        "Settings to vary",
        list(settings),
        [name for name in _FIRST if name in settings],
        key=recipe_form.key("sweep_settings"),
        max_selections=MOST_VARIED,
        **KEPT,
    )
    varied = [entry for name in chosen if (entry := _range(settings[name], _own(values, name))) is not None]
    with st.container(horizontal=True):
        trials = st.number_input("Trainings", 2, MOST_TRIALS, 12, key="sweep_trials", width=140, **KEPT)
        steps = st.number_input(
            "Steps of each",
            8,
            value=max(8, _steps(values) // 4),
            step=50,
            key=recipe_form.key("sweep_steps"),
            width=140,
            **KEPT,
        )
        measure = st.selectbox(
            "Best is the lowest",
            list(MEASURES),
            format_func=MEASURES.__getitem__,
            key="sweep_measure",
            help="On the validation part of the labels.",
            width=330,
            **KEPT,
        )
        name = free_run_name(f"{values['name']}-sweep")
    found = estimate(values, recorded_as)
    if found is not None:
        seconds = int(trials) * int(steps) / found.steps_per_second
        st.markdown(f":material/schedule: **At most about {plain(duration(seconds))}**, {plain(found.basis)}.")
    asked = {"trials": int(trials), "steps": int(steps), "measure": measure, **place}
    press.button(
        "Start the sweep",
        partial(command_view.attempt, _START, _start, text, name, [str(entry) for entry in varied], **asked),
        icon=":material/travel_explore:",
        disabled=not chosen or len(varied) < len(chosen),
    )
    command_view.refusal(_START, "The sweep was not started")


def _start(text: str, name: str, varied: list[str], *, tensorboard: bool = False, **options: Any) -> None:
    # TensorBoard is for trainings that are kept.
    sweep(text, name, varied, **options)
    st.session_state[VIEW] = SWEEPS
    st.session_state[_SHOWN] = name
    cards.close()


def _own(values: Mapping[str, Any], name: str) -> Any:
    stage = (values.get("stages") or [values["optimization"]])[0]
    return values["network"].get(name, stage.get(name))


def _steps(values: Mapping[str, Any]) -> int:
    return int((values.get("stages") or [values["optimization"]])[0]["steps"])


def _range(setting: Setting, own: Any) -> Varied | None:
    """The fields for the values of one setting; None where they cannot be, which is said below them."""
    name, place = setting.name, recipe_form.key(f"sweep_{setting.name}")
    if setting.kind in ("switch", "choice"):
        choices = setting.choices or ("true", "false")
        picked = st.multiselect(name, choices, choices, key=place, help=setting.meaning, width=420, **KEPT)
        text = f"{name}={','.join(picked)}"
    else:
        low, high = _first_range(setting, own)
        kind: Any = int if setting.kind == "integer" else float
        with st.container(horizontal=True):
            ends = [
                st.number_input(
                    f"{name}, {word}",
                    value=kind(value),
                    step=kind(1) if kind is int else float(f"{max(abs(value), 1e-6) / 10:.0e}"),
                    format=None if kind is int else "%g",
                    key=f"{place}_{word}",
                    help=setting.meaning,
                    width=200,
                    **KEPT,
                )
                for word, value in (("lowest", low), ("highest", high))
            ]
        if None in ends:
            st.error(plain(f"{name} has an empty field: give a value."))
            return None
        text = f"{name}={ends[0]}:{ends[1]}"
    try:
        return parse_varied(text)
    except VirialffError as error:
        st.error(plain(f"{error}."))
        return None


def _first_range(setting: Setting, own: Any) -> tuple[float, float]:
    value = float(own or 0)
    if value <= 0:
        return 0.0, 1.0
    if setting.kind == "integer":
        return max(1, round(value / 2)), max(2, round(2 * value))
    low, high = value / _REACH, value * _REACH
    return low, min(high, 0.9999) if value < 1 <= high and setting.name == "average_decay" else high


def sweeps() -> None:
    """The sweeps that run and have run, the chosen one with its trainings."""
    command_view.refusal(SWEEP)
    jobs = {Path(job.subject).name: job for job in list_jobs(SWEEP)[::-1]}
    if not jobs:
        st.info('There are no sweeps yet: "Look for better settings first" in the form of a training starts one.')
        return
    if st.session_state.get(_SHOWN) not in jobs:
        st.session_state[_SHOWN] = next(iter(jobs))
    name = st.selectbox("Sweep", list(jobs), key=_SHOWN, format_func=one_line, width=360, **LINKED)
    job = jobs[name]
    command_view.show(job, f"sweep {name}")
    st.fragment(_trainings, run_every=None if job.is_over else _POLL_SECONDS)(Path(job.subject))


def _trainings(folder: Path) -> None:
    """Its trainings as figure and table, and what to do with the best of them."""
    try:
        trials = read_trials(folder)
        request = read_request(folder) if trials else None
    except (VirialffError, OSError) as error:
        st.error(sentence(error), title="This sweep cannot be shown")
        return
    if request is None:
        st.info("Its first training has no errors yet.")
        return
    best = best_of(trials)
    if best is not None:
        _offer(best, request.recipe, folder.name)
    table = trials_table(trials)
    settings = list(trials[0].values)
    left, right = st.columns(2, gap="medium")
    with left:
        show_figure(sweep_figure(table), key="sweep_scores", alt="Score by training")
    varied = {entry.name: entry for entry in map(parse_varied, request.varied)}
    for position, name in enumerate(settings[:_FIGURES]):
        with left if position % 2 else right:
            entry = varied.get(name)
            log = entry is not None and not entry.choices and entry.is_logarithmic
            show_figure(sweep_figure(table, name, log=log), key=f"sweep_{name}", alt=f"Score by {name}")
    measure = "geometric mean of the errors on validation" if request.measure == "all" else MEASURES[request.measure]
    st.caption(plain(f"Score: {measure}. The first training has the recipe's own values where the ranges hold them."))
    shown = table.rename(columns=lambda column: column if column in settings else column.replace("_", " "))
    st.dataframe(
        shown,
        hide_index=True,
        column_config={
            str(column): st.column_config.NumberColumn(format="%.4g") for column in shown.select_dtypes("float").columns
        },
    )
    for trial in trials:
        if trial.reason:
            st.caption(plain(f"Training {trial.number + 1}: {trial.reason}"))
    download("Trainings (CSV)", table, f"{folder.name}.csv")


def _offer(best: Trial, recipe: dict[str, Any], name: str) -> None:
    words = ", ".join(
        f"{setting} {value:.4g}" if isinstance(value, float) else f"{setting} {value}"
        for setting, value in best.values.items()
    )
    values = recipe_with(recipe, best.values)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Training {best.number + 1} is the best**: {plain(words)}.", width="content")
        st.button(
            "Set up a training with these",
            icon=":material/edit:",
            key=f"use_{name}",
            on_click=_use,
            args=(values, name),
        )
        download("Recipe (YAML)", recipe_text(values), f"{name}.yaml", key=f"recipe_{name}")


def _use(values: dict[str, Any], name: str) -> None:
    recipe_form.fill(values, f"the sweep {name}")
    cards.open_form()
