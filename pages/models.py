"""Page Models: which models there are, how far to trust each, which one is used; add, compare, download, remove."""

from functools import partial

import streamlit as st

from pages.components.models import addition, cards
from pages.components.shell import commands as command_view
from pages.components.shell.entry import enter_through_app
from pages.components.shell.text import sentence
from pages.components.widgets.show import tabs
from virialff.errors import VirialffError
from virialff.models import registry
from virialff.models.registry import RegisteredModel


def all_models(entries: list[RegisteredModel]) -> None:
    """The card of each."""
    try:
        registry.find()
    except VirialffError as error:
        st.error(sentence(error), title="There is no default model")
    for entry in entries:
        cards.one_model(entry)


enter_through_app()
st.title("Models")
st.markdown("Which model to trust with what: what each was trained for, and how it stands beside GFN2-xTB.")
command_view.refusal(cards.CHANGES, "The models stay as they are")
entries = registry.registered_models()
tabs(
    "models_tab",
    {
        "All models": partial(all_models, entries),
        "Compare two": partial(cards.two_side_by_side, entries),
        "Add a model": addition.addition,
    },
)
