"""Start a training: a recipe, its data, and where it runs."""

import hashlib
from functools import partial
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from pages.components.shell import background, press
from pages.components.shell import commands as command_view
from pages.components.shell.state import stays_open
from pages.components.shell.text import one_line, plain, sentence
from pages.components.train import cards, own_energies, recipe_form, sweeps
from pages.components.train import tasks as training_tasks
from pages.components.train.job import COMPARE, COMPARING
from training.jobs.devices import Devices, find_devices
from training.jobs.estimates import estimate
from training.jobs.offered import chosen as offered_store
from training.jobs.offered import label_stores, own_label_stores, train
from training.jobs.runs import check_run_name, free_run_name
from training.loop.speed import Cost
from training.recipes.presets import check_recipe, levels_of, recipe_values
from virialff.administrator import administration
from virialff.errors import VirialffError
from virialff.models import registry
from virialff.settings import runs_folder

#: The job that the page shows.
SHOWN_JOB = "training_job"
_START = "start of a training"
_SWEEP = "open_sweep"


@st.cache_data(show_spinner="Looking for GPUs and SLURM…", ttl=15)
def find_devices_cached() -> Devices:
    """GPUs and partitions, as they were some seconds ago at most."""
    return find_devices()


def new_training(devices: Devices) -> None:
    """The three cards; under them the form of the chosen one, what it will take, and the button that starts the job."""
    cards.take_request()
    own_energies.imported(cards.cards(devices), partial(cards.choose, cards.FINE_TUNING))
    card = cards.chosen()
    if card is None:
        command_view.refusal(_START, "The training was not started")
        return
    if card == cards.FULL:
        recipe_form.choose_preset()
    values = recipe_form.base_values()
    if card == cards.FINE_TUNING:
        _start_model(values)
    with st.container(horizontal=True):
        suggested = free_run_name(str(values["name"]))
        with st.container(width=320, gap="xsmall"):
            name = st.text_input(
                "Name of the run",
                suggested,
                key=recipe_form.key(f"name_{suggested}"),
                persist_state="session",
                width=320,
                live=True,
            ).strip()
            named = _named(name)
        with st.container(width=220, gap="xsmall"):
            steps, possible = recipe_form.steps_field()
    chosen = _labels(values, own=card == cards.FINE_TUNING)
    place = _place(devices)
    following = _following(name, place, wanted=card != cards.DEMO)
    if chosen is None:
        return
    labels, level = chosen
    with st.expander("Advanced: how the labels are divided, every setting, the recipe as YAML", icon=":material/tune:"):
        split = _split(values)
        place["tensorboard"] = st.toggle(
            "Write the metrics for TensorBoard too",
            key="training_tensorboard",
            persist_state="session",
            help=f"`tensorboard --logdir {plain(str(runs_folder()))}` shows them.",
        )
        text = None if split is None else recipe_form.edited_recipe(name, {"labels": labels, **split}, level, steps)
    if text is None or not named or not possible:
        return
    _what_it_takes(text, cards.RECORDED[card])
    press.button(
        "Start training",
        partial(command_view.attempt, _START, _start, text, **place, **following),
        type="primary",
        icon=":material/play_arrow:",
    )
    command_view.refusal(_START, "The training was not started")
    stays_open(_SWEEP)
    with st.expander(
        "Look for better settings first", icon=":material/travel_explore:", key=_SWEEP, on_change="rerun"
    ) as sweep:
        if sweep.open:
            sweeps.new_sweep(text, place, cards.RECORDED[card])


def _start_model(values: dict[str, Any]) -> None:
    names = [entry.name for entry in registry.registered_models()]
    current = Path(values.get("initial") or "").name
    key = recipe_form.key("start_from")
    st.selectbox(
        "Model to start from",
        names,
        names.index(current) if current in names else None,
        key=key,
        format_func=one_line,
        on_change=lambda: command_view.attempt(_START, cards.start_from, st.session_state[key]),
        help="It keeps its network and begins with its weights; the zero of its energies is moved to that of yours.",
        width=320,
    )


def _what_it_takes(text: str, recorded_as: str) -> None:
    """Time and memory of exactly this recipe, and what they rest on; a click measures them here."""
    key = f"cost_{hashlib.sha256(text.encode()).hexdigest()}"
    measured: Cost | None = background.show(key)
    try:
        found = estimate(recipe_values(check_recipe(text)), recorded_as, measured)
    except VirialffError as error:
        st.error(sentence(error))
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        basis = "" if found is None else f"{found.steps_per_second:.3g} steps a second, {found.basis}. "
        st.markdown(
            f":material/schedule: **{plain(cards.time_words(found))}**, memory {plain(cards.memory_words(found))}.  \n"
            f"{plain(basis + cards.ON_TOP)}"
        )
        if measured is None and not background.running(key):
            press.button(
                "Measure it here",
                lambda: background.start(key, training_tasks.measure, text, title="Measuring some steps", lane="long"),
                icon=":material/speed:",
                help="Some steps on a sample of the labels, on the processors of this machine: less than a minute.",
            )


def _named(name: str) -> bool:
    """Whether a run can have this name; beside the field stands why not, or that there is one."""
    try:
        check_run_name(name)
    except VirialffError as error:
        st.error(sentence(error))
        return False
    if (runs_folder() / name).exists():
        st.info(plain(f"There is a run {name} already: with the same recipe the training goes on with it."))
    return True


def _labels(values: dict[str, Any], *, own: bool) -> tuple[str | list[str], str] | None:
    """The label stores and the level of theory; None where there are none to choose from. own: not those that ship."""
    labels = values["data"]["labels"]
    wanted = [labels] if isinstance(labels, str) else labels
    offered = own_label_stores() if own else label_stores()
    missing = [name for name in wanted if name not in offered]
    # Several stores of a preset are one choice.
    several = {", ".join(wanted): wanted} if len(wanted) > 1 and not missing else {}
    options = [*several, *offered]
    if not options:
        st.error("There are no reference energies here yet: page Data imports or computes them.")
        return None
    if missing:
        st.caption(plain(f"The labels {', '.join(missing)} of {recipe_form.origin()} are not here: choose others."))
    with st.container(horizontal=True):
        index = 0 if missing or several else options.index(wanted[0])
        source = st.selectbox(
            "Reference energies",
            options,
            index,
            key=recipe_form.key("labels"),
            persist_state="session",
            width=360,
            help="Geometries with energies to learn from. Page Data shows what is in each, and imports your own.",
        )
        stores = several.get(source, [source])
        try:
            paths = [offered_store(offered, store, "label store") for store in stores]
            levels = sorted({level for path in paths for level in _levels(str(path), _version(path))})
        except VirialffError as error:
            st.error(sentence(error), title="These labels cannot be used")
            return None
        if not levels:
            st.error(plain(f"{source} holds no labels: choose others."), title="These labels cannot be used")
            return None
        preset = values["level_of_theory"]
        level = st.selectbox(
            "Level of theory",
            levels,
            levels.index(preset) if preset in levels else 0,
            key=recipe_form.key(f"level_{source}"),
            persist_state="session",
            width=260,
        )
    return several.get(source, source), level


def _split(values: dict[str, Any]) -> dict[str, Any] | None:
    """How the labels are divided; None where the shares cannot be, which is said."""
    with st.container(horizontal=True):
        seed = st.number_input(
            "Seed of the split",
            value=int(values["data"]["split_seed"]),
            step=1,
            key=recipe_form.key("split_seed"),
            persist_state="session",
            width=180,
            help="Molecules are split by the first block of the InChIKey and this seed.",
        )
        shares = [
            st.number_input(
                f"Share for {part}",
                0.0,
                1.0,
                float(share),
                0.01,
                format="%g",
                key=recipe_form.key(f"share_{part}"),
                persist_state="session",
                width=180,
            )
            for part, share in zip(("training", "validation", "test"), values["data"]["fractions"], strict=True)
        ]
    if shares[0] == 0:
        st.error("The share for training is 0: it must be above 0.")
        return None
    if abs(sum(shares) - 1.0) > 1e-9:
        st.error(f"The shares add up to {sum(shares):g}: they must add up to 1.")
        return None
    return {"split_seed": int(seed), "fractions": shares}


def _version(path: Path) -> tuple[int, ...]:
    """Changes when a file or the folder of a store does."""
    if not path.exists():
        return ()
    files = [path] if path.is_file() else [path, *path.glob("*.parquet")]
    return tuple(file.stat().st_mtime_ns for file in files)


@st.cache_data(show_spinner="Looking into the labels…", max_entries=32)
def _levels(source: str, version: tuple[int, ...]) -> list[str]:
    return levels_of(Path(source))


def _place(devices: Devices) -> dict[str, Any]:
    """Where it runs, as options of `offered.train`."""
    places: dict[str, Literal["local", "slurm"]] = {"This machine": "local"}
    if devices.partitions:
        places["SLURM"] = "slurm"
    with st.container(horizontal=True):
        place = st.segmented_control(
            "Computer",
            list(places),
            default="This machine",
            required=True,
            key="training_place",
            persist_state="session",
        )
        cluster = places[place or "This machine"]
        gpus = 0
        if cluster == "slurm" or devices.gpus:
            on = st.toggle(
                "Use a GPU",
                bool(devices.gpus) or cluster == "slurm",
                key=f"training_gpu_{cluster}",
                persist_state="session",
            )
            gpus = int(on)
    if cluster == "local":
        if devices.no_gpu:
            st.caption(plain(devices.no_gpu))
        if devices.no_slurm:
            st.caption(plain(devices.no_slurm))
        return {"cluster": cluster, "gpus": gpus}
    allowed = administration().slurm.partitions
    partitions = [partition for partition in devices.partitions if not allowed or partition.name in allowed]
    names = [partition.name for partition in partitions]
    default = next((n for n, partition in enumerate(partitions) if partition.default), 0)
    with st.container(horizontal=True):
        partition = st.selectbox(
            "Partition", names, default, key=f"training_partition_{'_'.join(names)}", persist_state="session", width=200
        )
        minutes = st.number_input(
            "Time limit (minutes)", 1, value=720, key="training_minutes", persist_state="session", width=200
        )
        memory = st.number_input(
            "Memory (GB)", 1.0, value=8.0, key="training_memory", persist_state="session", width=200
        )
    return {
        "cluster": cluster,
        "gpus": gpus,
        "partition": partition,
        "minutes": int(minutes),
        "memory_gb": float(memory),
    }


def _following(run: str, place: dict[str, Any], *, wanted: bool) -> dict[str, Any]:
    """Whether a model is made of the run at its end, as options of `offered.train`; on SLURM later."""
    if place["cluster"] != "local":
        return {}
    with st.container(horizontal=True):
        if not st.toggle(
            "Make a model of it at the end",
            wanted,
            key=recipe_form.key("model_at_end"),
            persist_state="session",
            help="By the name of the run. It can be made later too.",
        ):
            return {}
        compare = st.toggle(COMPARE, True, key="training_compare", persist_state="session", help=COMPARING)
    return {"model": registry.free_name(run), "compare": compare}


def _start(text: str, **place: Any) -> None:
    st.session_state[SHOWN_JOB] = train(text, **place).name
    st.session_state[sweeps.VIEW] = sweeps.JOBS
    cards.close()
