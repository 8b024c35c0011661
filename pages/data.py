"""Page Data: what is in a label store, its rows one by one, checks, imports and label campaigns."""

from pathlib import Path

import streamlit as st

from pages.components.data import contents as label_contents
from pages.components.data import work as label_work
from pages.components.shell.entry import enter_through_app
from pages.components.shell.state import LINKED
from pages.components.shell.text import sentence
from training.recipes.presets import label_sources, shown_path
from virialff.errors import VirialffError
from virialff.labels.store import LabelStore

_OTHER = "another path"


def chosen_store() -> Path | None:
    """One of the stores found, or a path; None, with the reason, where there is none."""
    sources = [shown_path(path) for path in label_sources()]
    options = [*sources, _OTHER]
    shipped = [source for source in sources if source.endswith("gfn2.parquet")]
    index = options.index(shipped[0]) if shipped else 0
    with st.container(horizontal=True):
        source = st.selectbox("Label store", options, index, key="data_store", width=360, **LINKED)
        if source == _OTHER:
            source = st.text_input(
                "Folder of a label store, or Parquet file", key="data_path", width=520, **LINKED
            ).strip()
    if not source:
        st.info("Give the path of a label store.")
        return None
    try:
        LabelStore(source).files()
    except VirialffError as error:
        st.error(sentence(error), title="This label store cannot be used")
        return None
    return Path(source)


def store_tabs(path: Path) -> None:
    """Counts, figures, rows and check of one store; only the open tab is computed."""
    names = ("Contents", "Elements, sizes, energies", "Rows", "Check")
    tabs = st.tabs(names, key="data_tab", on_change="rerun", bind="query-params")
    counted, made_up, browsed, checked = tabs
    try:
        if counted.open or made_up.open:
            with counted if counted.open else made_up:
                contents = label_contents.contents_of(path)
                if contents is not None:
                    (label_contents.counts if counted.open else label_contents.make_up)(contents)
        elif browsed.open:
            with browsed:
                label_contents.browse(path)
        elif checked.open:
            with checked:
                label_work.check(path, label_contents.version_of(path))
    except VirialffError as error:
        st.error(sentence(error), title="This label store cannot be used")


enter_through_app()
st.title("Data")
st.markdown("Look into the labels that models are trained on, import them, or compute new ones.")
store = chosen_store()
if store is not None:
    store_tabs(store)
st.subheader("Import labels")
label_work.imports()
st.subheader("Compute labels")
label_work.campaigns()
