"""Tables that wrap their words, for texts that `st.dataframe` would cut at the edge of a cell."""

import pandas as pd
import streamlit as st

from pages.components.shell.text import plain

_ROW_HEIGHT = 62
_MOST_HEIGHT = 460


def wrapped_table(table: pd.DataFrame) -> None:
    """The whole table, in a frame of its own that scrolls where it is long. Texts are shown as they are."""
    escaped = table.map(lambda value: plain(value, limit=1000) if isinstance(value, str) else value)
    escaped.columns = [plain(str(name)) for name in table.columns]
    height = None if _ROW_HEIGHT * (len(table) + 1) < _MOST_HEIGHT else _MOST_HEIGHT
    with st.container(height=height or "content", border=False):
        st.table(escaped, hide_index=True)
