"""One training job as it goes: state, curves, speed, time left, log, and what can be done with it."""

from functools import partial
from pathlib import Path

import streamlit as st

from pages.components.shell import commands as command_view
from pages.components.shell import model, press
from pages.components.shell.text import plain, sentence
from pages.components.train import cards, recipe_form
from pages.components.train.comparison import losses
from training.jobs.control import find, list_jobs, resume
from training.jobs.devices import find_devices
from training.jobs.offered import MODEL, make_model
from training.jobs.record import TRAINING, Job, last_lines
from training.jobs.runs import speed_of
from training.labelling.campaign.progress import duration
from training.loop.state import steps_done
from training.recipes.presets import recipe_values
from training.recipes.recipe import load_recipe
from virialff.errors import VirialffError
from virialff.models import registry

_POLL_SECONDS = 2.0
_LINES = 15
#: Of a model that is made of a run.
COMPARE = "Measure it beside GFN2-xTB and ANI"
COMPARING = "Its errors are measured on data it was never trained on; beside the other methods that takes minutes."


def show_job(job: Job) -> None:
    """The job; while it is not over the browser asks again by itself."""
    if job.state == "damaged":
        command_view.badge(job)
        st.error(sentence(job.reason))
        return
    if job.is_over:
        _state(job)
        losses([job.run], key="loss", file=f"{job.name}_losses.csv")
        _log(job)
    else:
        st.fragment(_live, run_every=_POLL_SECONDS)(job.name)
    if job.is_over and (job.state == "finished" or _has_weights(job)):
        _make_model(job)


def _has_weights(job: Job) -> bool:
    try:
        return steps_done(job.run) > 0
    except VirialffError as error:
        st.error(sentence(error), title="No model can be made of this run")
        return False


def _live(name: str) -> None:
    job = find(name)
    if job.is_over:
        st.rerun()
    _state(job)
    losses([job.run], key="loss", file=f"{job.name}_losses.csv")
    _log(job)


def _state(job: Job) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        command_view.badge(job)
        st.markdown(_words(job), width="content")
    steps = job.steps or 0
    if steps:
        left = job.remaining_seconds
        text = f"step {job.step:,} of {steps:,}"
        st.progress(min(job.step / steps, 1.0), text=text if left is None else f"{text}, {duration(left)} left")
    with st.container(horizontal=True):
        if job.is_over:
            if job.state != "finished":
                command_view.button("Resume", ":material/play_arrow:", job, resume, kind="primary")
        else:
            command_view.stop_button(job, kind="primary")
        st.button(
            "Clone",
            icon=":material/content_copy:",
            key=f"clone_{job.name}",
            on_click=command_view.attempt,
            args=(TRAINING, _clone, job.recipe, job.name),
            help="Starts the form above from the recipe of this run.",
        )
    command_view.refusal(TRAINING)
    if job.is_over and job.reason:
        (st.error if job.state in ("failed", "died") else st.info)(sentence(job.reason))
    _numbers(job)


def _words(job: Job) -> str:
    where = f"SLURM job {job.scheduler_id or '…'}" if job.cluster == "slurm" else f"on {job.host}"
    parts = [where, f"GPU {', '.join(job.devices)}" if job.devices else "on processors", f"attempt {job.attempt}"]
    parts += [words] if (words := command_view.queue_words(job)) else []
    if job.reason and not job.is_over:
        parts.append(job.reason)
    return plain(", ".join(parts))


def _numbers(job: Job) -> None:
    speed = speed_of(job.run)
    with st.container(horizontal=True, gap="medium"):
        st.metric("Time in training", duration(job.seconds), width="content")
        if speed is not None:
            st.metric("Speed (steps/s)", f"{speed.recent_steps_per_second:.3g}", width="content")
        for gpu in find_devices().gpus if job.devices and not job.is_over else ():
            if gpu.index in job.devices and gpu.load_percent is not None:
                memory = f", {(gpu.memory_used_mib or 0) / 1024:.1f} GiB"
                st.metric(f"GPU {gpu.index}", f"{gpu.load_percent:.0f} %{memory}", width="content")


def _log(job: Job) -> None:
    with st.expander("Log"):
        st.code("\n".join(last_lines(job.log, _LINES)) or "nothing yet", language=None)
        st.caption(plain(f"The last lines of {job.log}"))


def _clone(recipe: Path, name: str) -> None:
    recipe_form.fill(recipe_values(load_recipe(recipe)), f"the run {name}")
    cards.open_form()


def _make_model(job: Job) -> None:
    st.subheader("Make it a model")
    command_view.refusal(MODEL)
    made = [ship for ship in list_jobs(MODEL)[::-1] if ship.subject == str(job.run)]
    for ship in made:
        name = ship.arguments[ship.arguments.index("--name") + 1]
        command_view.show(ship, f"model {name}")
        if ship.state == "finished":
            _choose(name)
    if any(not ship.is_over for ship in made):
        return
    if job.state != "finished" and (steps := job.steps):
        st.caption(f"The training ended at step {job.step:,} of {steps:,}, which the card of the model will say.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        suggested = registry.free_name(job.run.name)
        name = st.text_input(
            "Name of the model",
            suggested,
            key=f"model_name_{job.name}_{suggested}",
            persist_state="session",
            width=320,
            live=True,
        ).strip()
        compare = st.toggle(COMPARE, value=True, key=f"model_compare_{job.name}", persist_state="session")
        problem = _name_problem(name)
        press.button(
            "Make a model",
            partial(command_view.attempt, MODEL, make_model, job.name, name, compare=compare),
            disabled=problem is not None,
            icon=":material/deployed_code:",
        )
    if problem is not None:
        st.error(sentence(problem))
    st.caption(COMPARING)


def _name_problem(name: str) -> str | None:
    try:
        registry.check_new_name(name)
    except VirialffError as error:
        return str(error)
    return None


def _choose(name: str) -> None:
    if name not in [entry.name for entry in registry.registered_models()]:
        return
    if model.chosen_name() == name:
        st.success(plain(f"This session computes with {name}."))
    else:
        press.button(
            f"Use {plain(name)} for a molecule",
            partial(_use, name),
            key=f"choose_{name}",
            type="primary",
            icon=":material/hub:",
            help="This session computes with it from now on; page Force field opens.",
        )


def _use(name: str) -> None:
    model.choose(name)
    st.switch_page("pages/force_field.py")
