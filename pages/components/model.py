"""The active model, its force fields, and the sidebar that names it."""

from pathlib import Path

import streamlit as st

from pages.components.text import plain, sentence
from virialff import content, registry
from virialff.checkpoint import CARD_FILE
from virialff.errors import VirialffError
from virialff.forcefield import ForceField, Model, load_model
from virialff.molecule import Molecule


@st.cache_resource(show_spinner="Loading the model…", max_entries=2)
def _load(folder: Path, version: int) -> Model:
    return load_model(folder)


def active_model() -> Model:
    """The default model of the registry; where it cannot be loaded the page says why and stops.

    A model chosen, or put in its place under the same name, while the app runs is taken from the next run of the page.
    """
    try:
        folder = registry.find().folder
        card = folder / CARD_FILE
        return _load(folder, card.stat().st_mtime_ns if card.is_file() else 0)
    except VirialffError as error:
        st.error(sentence(error), title="The model cannot be loaded")
        st.stop()


def force_field(model: Model, molecule: Molecule) -> ForceField:
    """The predicted parameters of a molecule, cached by model and graph.

    The cache is shared by all sessions, so what it keeps carries neither name nor coordinates.
    """
    return _force_field(model.sha256, content.graph_key(molecule), model, content.bare(molecule))


@st.cache_resource(show_spinner=False, max_entries=32)
def _force_field(sha256: str, key: str, _model: Model, _molecule: Molecule) -> ForceField:
    return _model.force_field(_molecule)


def sidebar() -> None:
    """Active model with its level of theory, and the device that computes."""
    model = active_model()
    device = "CPU" if model.device == "cpu" else f"GPU ({model.device})"
    with st.sidebar:
        st.markdown(
            f"**Active model**  \n{plain(model.name)}\n\n"
            f"**Trained on energies of**  \n{plain(model.level_of_theory)}\n\n"
            f"**Computes on**  \n{plain(device)}"
        )
