"""The three ways into a training: each says what it takes before anything is chosen, and fills the form."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components.shell.link_values import say_unusable
from pages.components.shell.state import FINE_TUNE_ON
from pages.components.shell.text import plain, sentence
from pages.components.train import own_energies, recipe_form
from training.jobs.devices import Devices
from training.jobs.estimates import Estimate, estimate
from training.jobs.offered import label_stores, own_label_stores
from training.labelling.campaign.progress import duration
from training.recipes.fine_tuning import fine_tuning
from training.recipes.presets import levels_of, recipe_values
from training.recipes.recipe import PRESETS, load_recipe
from virialff.errors import VirialffError
from virialff.models import registry

DEMO, FINE_TUNING, FULL = "demo", "fine-tuning", "full"
_CARD = "training_card"
#: Of the card, the entry of the recorded figures that is nearest to it.
RECORDED = {DEMO: "demo", FINE_TUNING: "fine-tuning", FULL: "foundation"}
_TITLES = {
    DEMO: ("Demo", "play_circle", "See a training go, from labels to a model. Its model is not for use."),
    FINE_TUNING: ("Fine-tune on my data", "tune", "A model that is there learns your own reference energies too."),
    FULL: ("Full training", "model_training", "A model of its own from all labels that ship, or by another preset."),
}

_BUTTONS = {DEMO: "Set up a demo", FINE_TUNING: "Set up fine-tuning", FULL: "Set up a full training"}


def chosen() -> str | None:
    """The card whose form is open."""
    name: str | None = st.session_state.get(_CARD)
    return name


def close() -> None:
    """Fold the form away, once its training has started."""
    st.session_state[_CARD] = None


def open_form() -> None:
    """Show the form as it was filled, by a run for example."""
    st.session_state[_CARD] = FULL


def choose(name: str, labels: str | None = None) -> None:
    """Open the form of a card with its values; `labels` are those to fine-tune on."""
    recipe_form.fill(_values(name, labels), {DEMO: "demo", FULL: "foundation"}.get(name, "fine-tuning"))
    st.session_state[_CARD] = name


def start_from(model: str) -> None:
    """Fine-tune from this registered model instead: its network and weights, on the labels that are chosen."""
    values = recipe_form.base_values()
    labels = values["data"]["labels"]
    new = fine_tuning(
        registry.find(model).folder,
        [labels] if isinstance(labels, str) else labels,
        values["level_of_theory"],
        name=values["name"],
    )
    recipe_form.fill(new, recipe_form.origin())


def _together(estimates: Collection[Estimate]) -> str:
    """What they rest on, each said once: of two that differ in validation alone that it was partly without."""
    of_source: dict[str, dict[str, None]] = {}
    for found in estimates:
        of_source.setdefault(found.source, {})[found.basis] = None
    return " and ".join(
        next(iter(bases)) if len(bases) == 1 else f"{source}, partly without validation"
        for source, bases in of_source.items()
    )


def take_request() -> None:
    """Open fine-tuning on the labels that another page asked for."""
    labels = st.query_params.pop(FINE_TUNE_ON, None)
    if labels is None:
        return
    if labels in label_stores():
        choose(FINE_TUNING, labels)
    else:
        say_unusable("the reference energies", ": they are not here")


def cards(devices: Devices) -> list[UploadedFile]:
    """The three cards, with what each takes; returns the files with reference energies that were given."""
    own = own_label_stores()
    files: list[UploadedFile] = []
    estimates: list[Estimate] = []
    for column, (name, (title, icon, what)) in zip(st.columns(3, gap="small"), _TITLES.items(), strict=True):
        with column, st.container(border=True, gap="small", height="stretch"):
            st.markdown(f"##### :material/{icon}: {title}\n{what}")
            can_be_set_up = name != FINE_TUNING or bool(own)
            try:
                found = _facts(name, _values(name), devices, own)
                estimates += [] if found is None else [found]
            except VirialffError as error:
                st.error(sentence(error))
                can_be_set_up = False
            if name == FINE_TUNING:
                files = own_energies.field()
            if not can_be_set_up:
                continue
            st.button(
                _BUTTONS[name],
                key=f"card_{name}",
                type="primary" if name == chosen() else "secondary",
                icon=":material/edit:",
                on_click=choose,
                args=(name,),
            )
    st.caption(plain(f"Time and memory {_together(estimates)}. {ON_TOP}" if estimates else ON_TOP, limit=1000))
    return files


#: What no estimate has in it.
ON_TOP = "Reading the labels comes on top."


def _facts(name: str, values: Mapping[str, Any], devices: Devices, own: Mapping[str, Any]) -> Estimate | None:
    """Show what a card takes; returns the estimate of it, None where nothing is known."""
    found = estimate(values, RECORDED[name])
    stores = values["data"]["labels"]
    if name == FINE_TUNING:
        data = f"your own reference energies ({len(own)} imported or computed here)"
    else:
        count = 1 if isinstance(stores, str) else len(stores)
        data = f"{'one set that ships' if count == 1 else f'{count} sets that ship'}, {values['level_of_theory']}"
    where = "this machine's processors"
    if devices.gpus:
        where = f"a GPU of this machine ({devices.gpus[0].name})"
    if devices.partitions:
        where += ", or SLURM"
    lines = {"Data": data, "Time": time_words(found), "Memory": memory_words(found), "Where": where}
    st.markdown("  \n".join(f"**{title}**: {plain(text)}" for title, text in lines.items()))
    return found


def time_words(found: Estimate | None) -> str:
    """How long the steps take."""
    if found is None:
        return "not known before some steps were made"
    return f"about {duration(found.seconds)} for {found.steps:,} steps"


def memory_words(found: Estimate | None) -> str:
    """How much memory the process takes."""
    if found is None or found.memory_bytes is None:
        return "not known before some steps were made"
    return f"about {found.memory_bytes / 1e9:.1f} GB"


def _values(name: str, labels: str | None = None) -> dict[str, Any]:
    if name != FINE_TUNING:
        return _preset(DEMO if name == DEMO else "foundation")
    own = own_label_stores()
    labels = labels or next(iter(own), "")
    path = label_stores().get(labels)
    model = registry.find()
    levels = levels_of(path) if path is not None else []
    own_level = _model_level(str(model.folder))
    level = own_level if own_level in levels or not levels else levels[0]
    return fine_tuning(model.folder, [labels], level, name="fine-tuned")


@st.cache_data(show_spinner=False)
def _preset(name: str) -> dict[str, Any]:
    return recipe_values(load_recipe(PRESETS / f"{name}.yaml"))


@st.cache_data(show_spinner=False, ttl=60)
def _model_level(folder: str) -> str:
    from virialff.models.checkpoint import load_checkpoint

    return str(load_checkpoint(registry.model_folder(folder)).card["level_of_theory"])
