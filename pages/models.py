"""Page Models: which models there are, how far to trust each, which one is used; add, compare, download, remove."""

import streamlit as st

from pages.components.models import addition, cards
from pages.components.shell import commands as command_view
from pages.components.shell.entry import enter_through_app
from pages.components.shell.text import sentence
from virialff.errors import VirialffError
from virialff.models import registry

enter_through_app()
st.title("Models")
st.markdown("Which model to trust with what: what each was trained for, and how it stands beside GFN2-xTB.")
command_view.refusal(cards.CHANGES, "The models stay as they are")
entries = registry.registered_models()
all_of_them, compared, added = st.tabs(
    ["All models", "Compare two", "Add a model"], key="models_tab", on_change="rerun", bind="query-params"
)
if all_of_them.open:
    with all_of_them:
        try:
            registry.find()
        except VirialffError as error:
            st.error(sentence(error), title="There is no default model")
        for entry in entries:
            cards.one_model(entry)
elif compared.open:
    with compared:
        cards.two_side_by_side(entries)
elif added.open:
    with added:
        addition.addition()
