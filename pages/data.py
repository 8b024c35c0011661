"""Page Data: reference energies to browse, to import and to compute."""

from pathlib import Path

import streamlit as st

from pages.components.data import contents as label_contents
from pages.components.data import imports as label_imports
from pages.components.data import work as label_work
from pages.components.shell.entry import enter_through_app
from pages.components.shell.state import LINKED
from pages.components.shell.text import sentence
from training.jobs.offered import chosen, label_stores
from virialff.errors import VirialffError
from virialff.labels.store import LabelStore


def chosen_store() -> Path | None:
    """One of the stores that are offered; None, with the reason, where it cannot be used."""
    stores = label_stores()
    if not stores:
        st.info("There are no reference energies yet: import some, or compute them.")
        return None
    shipped = [number for number, name in enumerate(stores) if Path(name).name == "dft.parquet"]
    name = st.selectbox(
        "Reference energies",
        list(stores),
        shipped[0] if shipped else 0,
        key=label_imports.STORE,
        width=520,
        help="What ships, what was made here, and what is in the folders that the administrator of this app names.",
        **LINKED,
    )
    try:
        path = chosen(stores, name, "label store")
        LabelStore(path).files()
    except VirialffError as error:
        st.error(sentence(error), title="This label store cannot be used")
        return None
    return path


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


def browse() -> None:
    """One store: what is in it, its rows, its check."""
    store = chosen_store()
    if store is not None:
        store_tabs(store)


enter_through_app()
st.title("Data")
st.markdown(
    "Reference energies: the geometries and energies that models learn from. Look, import your own, or compute."
)
parts = {"Browse": browse, "Import": label_imports.imports, "Compute": label_work.campaigns}
for part, show in zip(
    st.tabs(list(parts), key="data_part", on_change="rerun", bind="query-params"), parts.values(), strict=True
):
    if part.open:
        with part:
            show()
