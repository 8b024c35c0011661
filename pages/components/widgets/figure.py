"""Figures of the pages, each with a button to save it in the format that the session has chosen."""

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from pages.components.shell.text import file_stem

_FORMAT = "figure_format"
_FORMATS = ("SVG", "PNG")
# Pixels of a PNG a pixel on the screen: a column of the page then prints at 300 dpi.
_PNG_SCALE = 3


def choose_format() -> None:
    """In the sidebar: what the camera button of every figure saves."""
    with st.sidebar:
        st.segmented_control(
            "Save figures as",
            _FORMATS,
            default=_FORMATS[0],
            required=True,
            key=_FORMAT,
            persist_state="session",
            help="Point at a figure and press the camera: the figure is saved as it is shown.",
        )


def show_figure(figure: go.Figure, *, key: str, alt: str, **options: Any) -> None:
    """`st.plotly_chart` with its camera button set to the chosen format; `alt` names the file too."""
    chosen = st.session_state.get(_FORMAT) or _FORMATS[0]
    image: dict[str, Any] = {"format": chosen.lower(), "filename": file_stem(alt, key)}
    if chosen == "PNG":
        image["scale"] = _PNG_SCALE
    config = {"displaylogo": False, "toImageButtonOptions": image}
    st.plotly_chart(figure, key=key, alt=alt, config=config, **options)
