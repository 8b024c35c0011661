"""What every page shows in the same way: the heading, figures, tables and downloads."""

import io
import zipfile
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.components.shell import collected
from pages.components.shell.state import KEPT, Loaded, stays_at
from pages.components.shell.text import file_stem, one_line, plain, subscripted
from virialff.parameters.tables import to_csv
from virialff.text import counted

_FORMAT = "figure_format"
_FORMATS = ("SVG", "PNG")
# Pixels of a PNG a pixel on the screen: a column of the page then prints at 300 dpi.
_PNG_SCALE = 3
_ROW_HEIGHT = 62
_MOST_HEIGHT = 460
_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".sdf": "chemical/x-mdl-sdfile",
    ".svg": "image/svg+xml",
    ".yaml": "text/yaml",
    ".zip": "application/zip",
}

Content = str | bytes | pd.DataFrame


def heading(shown: Loaded, *, origin: bool = False) -> None:
    """Formula, title and SMILES of the current molecule; where wanted its size, where it came from and its link."""
    st.header(subscripted(shown.molecule.formula), divider="gray")
    if shown.title:
        st.text(one_line(shown.title))
    if origin:
        parts = [counted(shown.molecule.n_atoms, "atom")]
        if shown.molecule.n_fragments > 1:
            parts.append(f"a complex of {counted(shown.molecule.n_fragments, 'molecule')}")
        without = ", without its coordinates" if shown.has_own_geometry else ""
        link = f"The address of this page reopens this molecule{without}."
        st.caption(f"{', '.join(parts)}; from: {plain(shown.origin)}. {link}")
    st.code(shown.molecule.smiles, language=None, wrap_lines=True)


def tabs(key: str, draw: Mapping[str, Callable[[], None]], *, always: Collection[str] = ()) -> None:
    """Tabs by name, of which the open one alone is drawn: at first the first, later the one at which it was left.

    `key` is the part of the address that names it. Those in `always` are drawn closed too, for what they compute.
    """
    names = list(draw)
    stays_at(key, names[0])
    for name, tab in zip(names, st.tabs(names, key=key, on_change="rerun", bind="query-params"), strict=True):
        if tab.open or name in always:
            with tab:
                draw[name]()


def ink() -> str:
    """The colour of what a figure writes and draws in neither of its own colours, in the theme of the page."""
    return "#fafafa" if st.context.theme.type == "dark" else "#222222"


def choose_format() -> None:
    """In the sidebar: what the camera button of every figure saves."""
    with st.sidebar:
        st.segmented_control(
            "Save figures as",
            _FORMATS,
            default=_FORMATS[0],
            required=True,
            key=_FORMAT,
            help="Point at a figure and press the camera: the figure is saved as it is shown.",
            **KEPT,
        )


def show_figure(figure: go.Figure, *, key: str, alt: str, **options: Any) -> Any:
    """`st.plotly_chart` with its camera button set to the chosen format; `alt` names the file too."""
    chosen = st.session_state.get(_FORMAT) or _FORMATS[0]
    image: dict[str, Any] = {"format": chosen.lower(), "filename": file_stem(alt, key)}
    if chosen == "PNG":
        image["scale"] = _PNG_SCALE
    collected.figure(alt, figure)
    config = {"displaylogo": False, "toImageButtonOptions": image}
    return st.plotly_chart(figure, key=key, alt=alt, config=config, **options)


def wrapped_table(table: pd.DataFrame) -> None:
    """The whole table, in a frame of its own that scrolls where it is long. Texts are shown as they are."""
    escaped = table.map(lambda value: plain(value, limit=1000) if isinstance(value, str) else value)
    escaped.columns = [plain(str(name)) for name in table.columns]
    height = None if _ROW_HEIGHT * (len(table) + 1) < _MOST_HEIGHT else _MOST_HEIGHT
    with st.container(height=height or "content", border=False):
        st.table(escaped, hide_index=True)


def without_signed_zeros(table: pd.DataFrame, decimals: int) -> pd.DataFrame:
    """The table with 0 for what so many decimals would show as -0."""
    smallest = 0.5 * 10.0**-decimals

    def clean(column: pd.Series) -> pd.Series:
        if not pd.api.types.is_float_dtype(column):
            return column
        return column.mask(((column <= 0) & (column > -smallest)).fillna(False), 0.0)

    return table.apply(clean)


def download(
    label: str, content: Content | Callable[[], Content], file_name: str, *, key: str | None = None, **options: Any
) -> None:
    """A button for a text, bytes, or a table as CSV; of a callable it is made when the button is pressed."""
    data = content if isinstance(content, str | bytes) else partial(_made, content)
    media_type = _MEDIA_TYPES[Path(file_name).suffix]
    icon = ":material/download:"
    st.download_button(label, data, file_name, media_type, key=key, on_click="ignore", icon=icon, **options)


def zipped(files: Mapping[str, Content | Callable[[], Content]]) -> bytes:
    """The files by their names, packed as .zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, _made(content))
    return packed.getvalue()


def _made(content: Content | Callable[[], Content]) -> str | bytes:
    made = content() if callable(content) else content
    return to_csv(made) if isinstance(made, pd.DataFrame) else made
