"""What every page on one molecule says of it first."""

import streamlit as st

from pages.components.shell.state import Loaded
from pages.components.shell.text import one_line, subscripted


def heading(shown: Loaded) -> None:
    """Formula, title and SMILES of the current molecule."""
    st.header(subscripted(shown.molecule.formula), divider="gray")
    if shown.title:
        st.text(one_line(shown.title))
    st.code(shown.molecule.smiles, language=None, wrap_lines=True)
