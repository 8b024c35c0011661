"""Start a training: a recipe, its data, and where it runs."""

from pathlib import Path
from typing import Any, Literal

import streamlit as st

from pages.components.shell import commands as command_view
from pages.components.shell.text import plain, sentence
from pages.components.train import recipe_form
from training.jobs.devices import Devices, find_devices
from training.jobs.offered import chosen, label_stores, train
from training.jobs.runs import check_run_name, free_run_name
from training.recipes.presets import levels_of
from virialff.administrator import administration
from virialff.errors import VirialffError
from virialff.settings import runs_folder

#: The job that the page shows.
SHOWN_JOB = "training_job"
_START = "start of a training"


@st.cache_data(show_spinner="Looking for GPUs and SLURM…", ttl=15)
def find_devices_cached() -> Devices:
    """GPUs and partitions, as they were some seconds ago at most."""
    return find_devices()


def new_training(devices: Devices) -> None:
    """The form, the data, the place, and the button that starts the job."""
    recipe_form.choose_preset()
    values = recipe_form.base_values()
    suggested = free_run_name(str(values["name"]))
    name = st.text_input(
        "Name of the run",
        suggested,
        key=recipe_form.key(f"name_{suggested}"),
        persist_state="session",
        width=320,
        live=True,
    ).strip()
    named = _named(name)
    st.markdown("**Data**")
    chosen = _data(values)
    if chosen is None:
        return
    data, level = chosen
    st.markdown("**Settings**")
    text = recipe_form.edited_recipe(name, data, level)
    st.markdown("**Where it runs**")
    place = _place(devices)
    if text is not None and named:
        st.button(
            "Start training",
            type="primary",
            icon=":material/play_arrow:",
            on_click=command_view.attempt,
            args=(_START, _start, text),
            kwargs=place,
        )
    command_view.refusal(_START, "The training was not started")


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


def _data(values: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """The section `data` and the level of theory; None where there are no labels to choose from."""
    labels = values["data"]["labels"]
    wanted = [labels] if isinstance(labels, str) else labels
    offered = label_stores()
    missing = [name for name in wanted if name not in offered]
    # Several stores of a preset are one choice.
    several = {", ".join(wanted): wanted} if len(wanted) > 1 and not missing else {}
    options = [*several, *offered]
    if not options:
        st.error("There are no label stores here yet: page Data imports labels or computes them.")
        return None
    if missing:
        st.caption(plain(f"The labels {', '.join(missing)} of {recipe_form.origin()} are not here: choose others."))
    with st.container(horizontal=True):
        index = 0 if missing or several else options.index(wanted[0])
        source = st.selectbox(
            "Labels", options, index, key=recipe_form.key("labels"), persist_state="session", width=360
        )
        stores = several.get(source, [source])
        try:
            paths = [chosen(offered, store, "label store") for store in stores]
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
    return {"labels": several.get(source, source), "split_seed": int(seed), "fractions": shares}, level


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


def _start(text: str, **place: Any) -> None:
    st.session_state[SHOWN_JOB] = train(text, **place).name
