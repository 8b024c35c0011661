"""Page Data: reference energies to browse, to import and to compute."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import streamlit as st

from pages.components.data import contents as label_contents
from pages.components.data import imports as label_imports
from pages.components.data import work as label_work
from pages.components.data.tasks import Contents
from pages.components.shell.entry import enter_through_app
from pages.components.shell.state import LINKED
from pages.components.shell.text import sentence
from pages.components.widgets.show import tabs
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


def contents(show: Callable[[Contents], None], path: Path) -> None:
    """What is in a store, once it is counted."""
    counted = label_contents.contents_of(path)
    if counted is not None:
        show(counted)


def browse() -> None:
    """One store: counts, figures, rows and check."""
    path = chosen_store()
    if path is None:
        return
    views = {
        "Contents": partial(contents, label_contents.counts, path),
        "Elements, sizes, energies": partial(contents, label_contents.make_up, path),
        "Rows": partial(label_contents.browse, path),
        "Check": partial(label_work.check, path, label_contents.version_of(path)),
    }
    try:
        tabs("data_tab", views)
    except VirialffError as error:
        st.error(sentence(error), title="This label store cannot be used")


enter_through_app()
st.title("Data")
st.markdown(
    "Reference energies: the geometries and energies that models learn from. Look, import your own, or compute."
)
tabs("data_part", {"Browse": browse, "Import": label_imports.imports, "Compute": label_work.campaigns})
