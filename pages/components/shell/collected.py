"""What the pages have shown last of the current molecule, for its report."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.components.shell import state
from virialff.figures.report import Section

_SHOWN = "shown_for_report"
_PAGE = "page_for_report"
#: Parts of a section, each a dict by what is shown: a fragment that runs again replaces what it showed before.
_Parts = dict[str, dict[str, Any]]


def begin(page: str) -> None:
    """A page is about to show itself anew; what was shown of another molecule is forgotten."""
    current = state.loaded()
    smiles = "" if current is None else current.smiles
    known: tuple[str, dict[str, _Parts]] = st.session_state.get(_SHOWN, ("", {}))
    sections = known[1] if known[0] == smiles else {}
    sections[page] = {}
    st.session_state[_SHOWN] = (smiles, sections)
    st.session_state[_PAGE] = page


def figure(alt: str, shown: go.Figure | Callable[[], go.Figure]) -> None:
    """Take a figure of the page into the report; of a callable it is made when the report is."""
    _part("figures")[alt] = shown


def table(title: str, shown: pd.DataFrame | Callable[[], pd.DataFrame]) -> None:
    """Take a table of the page into the report; of a callable it is made when the report is, and left out if empty."""
    _part("tables")[title] = shown


def picture(alt: str, svg: Callable[[], str]) -> None:
    """Take a drawing of the page into the report; SVG of our own, made when the report is."""
    _part("pictures")[alt] = svg


def note(text: str) -> None:
    """Take a sentence that belongs to what the page shows into the report."""
    _part("notes")[text] = text


def sections() -> Callable[[], list[Section]]:
    """What makes a section a page, in the order in which they were opened, of all that is there now."""
    _, found = st.session_state.get(_SHOWN, ("", {}))
    now = {page: {kind: dict(shown) for kind, shown in parts.items()} for page, parts in found.items()}
    return lambda: [_section(page, parts) for page, parts in now.items()]


def _section(page: str, parts: _Parts) -> Section:
    figures, tables = (
        [(title, shown() if callable(shown) else shown) for title, shown in parts.get(kind, {}).items()]
        for kind in ("figures", "tables")
    )
    notes = list(parts.get("notes", {}).values())
    pictures = [(alt, svg()) for alt, svg in parts.get("pictures", {}).items()]
    return Section(page, notes, pictures, figures, [(title, shown) for title, shown in tables if len(shown)])


def _part(kind: str) -> dict[str, Any]:
    # Without a page, as in a test of one widget, nothing is collected.
    _, found = st.session_state.get(_SHOWN, ("", {}))
    parts: _Parts = found.get(st.session_state.get(_PAGE, ""), {})
    return parts.setdefault(kind, {})
