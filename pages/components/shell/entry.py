"""The app's pages, and the way into them.

Streamlit takes a folder `pages` beside app.py for the pages of an app without `st.navigation`, until app.py has run for
the first time in a server. A link that opens another page first would therefore run that page's file alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import streamlit as st
from streamlit.navigation.page import Page

from pages.components.shell.text import sentence
from virialff.errors import VirialffError
from virialff.files import disk_problem
from virialff.settings import CHECKOUT

# A file of our own: Streamlit would fetch an icon given by name from the network.
ICON = CHECKOUT / "assets" / "icon.svg"

_inside_app: ContextVar[bool] = ContextVar("inside_app", default=False)


def navigation() -> Page:
    """Set up the browser's tab and all pages; returns the page that was asked for."""
    st.set_page_config(page_title="VirialFF", page_icon=ICON, layout="wide")
    return st.navigation(
        [
            st.Page("pages/molecule.py", title="Molecule", icon=":material/hub:", default=True),
            st.Page("pages/parameters.py", title="Parameters", icon=":material/stacked_bar_chart:"),
            st.Page("pages/energies.py", title="Energies", icon=":material/bar_chart:"),
            st.Page("pages/interactions.py", title="Interactions", icon=":material/join_inner:"),
            st.Page("pages/conformers.py", title="Conformers", icon=":material/scatter_plot:"),
            st.Page("pages/data.py", title="Data", icon=":material/database:"),
            st.Page("pages/training.py", title="Training", icon=":material/model_training:"),
            st.Page("pages/evaluation.py", title="Evaluation", icon=":material/fact_check:"),
        ]
    )


@contextmanager
def inside_app() -> Iterator[None]:
    """Around app.py's call of a page. What a full disk or a file without permission ends is a sentence there."""
    token = _inside_app.set(True)
    try:
        yield
    except OSError as error:
        st.error(sentence(disk_problem(error)), title="A file cannot be read or written")
    except VirialffError as error:
        st.error(sentence(error), title="The page cannot go on")
    finally:
        _inside_app.reset(token)


def enter_through_app() -> None:
    """Start again through app.py where Streamlit has run a page's file alone. Every page calls it first."""
    if not _inside_app.get():
        navigation()
        st.rerun()
