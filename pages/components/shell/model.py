"""The active model, its force fields, and the choice of it in the sidebar."""

from pathlib import Path

import streamlit as st

from pages.components.shell.link_values import say_unusable
from pages.components.shell.text import one_line, sentence
from virialff.errors import VirialffError
from virialff.models import registry
from virialff.models.checkpoint import CARD_FILE
from virialff.models.force_field import ForceField, Model
from virialff.models.registry import load_model
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule

LINK_PARAMETER = "model"
# Keys in the session state: the choice in the sidebar, and the name of the session's model, None for the default.
_CHOICE = "session_model"
_CHOICE_MEMORY = "session_model_memory"
_CHOSEN_ELSEWHERE = "session_model_chosen_elsewhere"
_LINK_READ = "model_link_read"
_LINK_UNKNOWN = "model_link_unknown"
# No model has this name.
_DEFAULT = ""


@st.cache_resource(show_spinner="Loading the model…", max_entries=4)
def _load(folder: Path, version: int) -> Model:
    return load_model(folder)


def active_model() -> Model:
    """The model chosen in this session, else the default; where it cannot be loaded the page says why and stops.

    A model chosen, or put in its place under the same name, while the app runs is taken from the next run of the page.
    """
    try:
        return named_model(chosen_name())
    except VirialffError as error:
        st.error(sentence(error), title="The model cannot be loaded")
        st.stop()


def named_model(name: str | None) -> Model:
    """A registered model by its name, the default by None. Raises CheckpointError where it cannot be loaded."""
    folder = registry.find(name).folder
    card = folder / CARD_FILE
    return _load(folder, card.stat().st_mtime_ns if card.is_file() else 0)


def chosen_name() -> str | None:
    """Name of the model that this session chose; None for the default, whatever that is."""
    name: str | None = st.session_state.get(_CHOICE_MEMORY)
    return name


def active_folder() -> str:
    """The folder of the active model, the name by which `get_method` finds it in another process."""
    return str(registry.find(chosen_name()).folder)


def choose(name: str | None) -> None:
    """Compute with this model in this session from now on; for on_click, before the sidebar is drawn."""
    if _choice_key() in st.session_state:
        # A new box: where the page is left at once, the browser still sends what the old one shows, like a choice.
        st.session_state[_CHOSEN_ELSEWHERE] = st.session_state.get(_CHOSEN_ELSEWHERE, 0) + 1
    _remember(name)


def _remember(name: str | None) -> None:
    st.session_state[_CHOICE_MEMORY] = name
    st.session_state.pop(_LINK_UNKNOWN, None)


def _choice_key() -> str:
    times = st.session_state.get(_CHOSEN_ELSEWHERE, 0)
    return f"{_CHOICE}_{times}" if times else _CHOICE


def read_link() -> None:
    """Take the model of `?model=` when a session opens; one that is not there is said in the sidebar."""
    if not st.session_state.get(_LINK_READ):
        _take_linked(st.query_params.get(LINK_PARAMETER, "").strip())
        # Last: where a click interrupts the run before, the next one reads the link again.
        st.session_state[_LINK_READ] = True


def _take_linked(name: str) -> None:
    if not name:
        return
    try:
        known = [model.name for model in registry.registered_models()]
    except VirialffError:
        return  # `active_model` says what is wrong.
    if name in known:
        choose(name)
    else:
        st.session_state[_LINK_UNKNOWN] = True


def write_link() -> None:
    """Put the model that this session chose into the address of the page."""
    name = chosen_name()
    if name is None:
        st.query_params.pop(LINK_PARAMETER, None)
    elif st.query_params.get(LINK_PARAMETER) != name:
        st.query_params[LINK_PARAMETER] = name


def force_field(model: Model, molecule: Molecule) -> ForceField:
    """The predicted parameters of a molecule, cached by model and graph.

    The cache is shared by all sessions, so what it keeps carries neither name nor coordinates.
    """
    return _force_field(model.sha256, keys.graph_key(molecule), model, keys.bare(molecule))


def treatable(model: Model, molecule: Molecule, noun: str = "molecule") -> ForceField | None:
    """The force field, None where the model cannot treat the molecule, and the page says why."""
    try:
        return force_field(model, molecule)
    except VirialffError as error:
        st.error(sentence(error), title=f"The model cannot treat this {noun}")
        return None


@st.cache_resource(show_spinner=False, max_entries=32)
def _force_field(sha256: str, key: str, _model: Model, _molecule: Molecule) -> ForceField:
    return _model.force_field(_molecule)


def sidebar() -> None:
    """The registered models to choose from for this session; the default stays what it is for all others."""
    with st.sidebar:
        try:
            names = [model.name for model in registry.registered_models()]
            default = registry.default_name()
        except VirialffError:
            return  # `active_model` says what is wrong.
        if chosen_name() not in (None, *names):
            choose(None)
        key = _choice_key()
        st.session_state.setdefault(key, chosen_name() or _DEFAULT)
        st.selectbox(
            "Model",
            [_DEFAULT, *names],
            key=key,
            format_func=lambda name: one_line(name or f"{default} (default)"),
            on_change=lambda: _remember(st.session_state[key] or None),
            help="For this session only. Page Models says how far to trust each, and chooses the default of all.",
        )
        if st.session_state.get(_LINK_UNKNOWN):
            say_unusable(LINK_PARAMETER, f": it is not here; the session has {default} instead")
