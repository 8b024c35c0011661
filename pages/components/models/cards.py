"""Cards of the models: each with three sentences on trust and what can be done with it, and two side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.components.shell import commands as command_view
from pages.components.shell import model as session
from pages.components.shell.state import KEPT, LINKED
from pages.components.shell.text import file_stem, one_line, plain, sentence
from pages.components.widgets.card import sentences
from pages.components.widgets.card_tables import details, errors_table, statistic
from virialff.errors import VirialffError
from virialff.models import registry
from virialff.models.card import compare_cards
from virialff.models.checkpoint import CARD_FILE, load_checkpoint
from virialff.models.received import pack
from virialff.models.registry import RegisteredModel

#: What is refused here is shown at the top of the page.
CHANGES = "models"


@st.cache_resource(show_spinner="Reading the cards…", max_entries=64)
def _card(folder: str, version: int, _entry: RegisteredModel) -> dict[str, Any]:
    return load_checkpoint(_entry.folder).card


def card_of(entry: RegisteredModel) -> Mapping[str, Any]:
    """The card of a model that is whole. Raises CheckpointError."""
    file = entry.folder / CARD_FILE
    return _card(str(entry.folder), file.stat().st_mtime_ns if file.is_file() else 0, entry)


def one_model(entry: RegisteredModel) -> None:
    """A model: its name and place, three sentences, what can be done with it, the details folded."""
    with st.container(border=True, gap="small"):
        chosen = session.chosen_name()
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"#### {plain(entry.name)}", width="content")
            if entry.default:
                st.badge("default", color="blue", icon=":material/star:")
            in_use = chosen == entry.name or (chosen is None and entry.default)
            if in_use:
                st.badge("this session computes with it", color="green", icon=":material/check:")
            st.badge("ships with virialff" if entry.shipped else "your own", color="gray")
        try:
            card = card_of(entry)
        except VirialffError as error:
            st.error(sentence(error), title=f"The model {one_line(entry.name)} cannot be loaded")
            if not entry.shipped:
                _removal(entry)
            return
        sentences(card)
        _actions(entry, in_use)
        key = f"details_{entry.name}"
        with st.expander("Details", key=key, on_change="rerun") as folded:
            if folded.open:
                details(card, entry.name)


def _actions(entry: RegisteredModel, in_use: bool) -> None:
    with st.container(horizontal=True):
        st.button(
            "Use in this session",
            key=f"use_{entry.name}",
            icon=":material/play_arrow:",
            on_click=session.choose,
            args=(entry.name,),
            disabled=in_use,
        )
        st.button(
            "Make it the default",
            key=f"default_{entry.name}",
            icon=":material/star:",
            on_click=command_view.attempt,
            args=(CHANGES, registry.set_default, entry.name),
            disabled=entry.default,
            help="For all sessions and commands where none is named; an administrator may.",
        )
        st.download_button(
            "Download",
            lambda: pack(entry.folder),
            f"{file_stem(entry.name)}.zip",
            "application/zip",
            key=f"download_{entry.name}",
            icon=":material/download:",
            on_click="ignore",
            help="The model as a .zip, for another installation: page Models there takes it.",
        )
        if not entry.shipped:
            _removal(entry)


def _removal(entry: RegisteredModel) -> None:
    with st.popover("Remove", icon=":material/delete:"):
        st.markdown(f"**{plain(entry.name)}** will be gone from this machine. Download it before, if you may want it.")
        st.button(
            "Remove it",
            key=f"remove_{entry.name}",
            type="primary",
            on_click=command_view.attempt,
            args=(CHANGES, registry.remove, entry.name),
        )


def two_side_by_side(entries: Sequence[RegisteredModel]) -> None:
    """Two models that are chosen: their sentences beside each other, and every quantity of their cards."""
    names = [entry.name for entry in entries]
    if len(names) < 2:
        st.info("There is one model alone: train or add another to compare it with.")
        return
    default = next((number for number, entry in enumerate(entries) if entry.default), 0)
    cards: dict[str, Mapping[str, Any]] = {}
    columns = st.columns(2, gap="medium")
    keys = {"First model": ("compared", default), "Second model": ("compared_with", int(default == 0))}
    for column, (label, (key, start)) in zip(columns, keys.items(), strict=True):
        if st.session_state.get(key) not in (None, *names):
            del st.session_state[key]
        with column:
            name = st.selectbox(
                label,
                names,
                start,
                key=key,
                format_func=one_line,
                **LINKED,
            )
            try:
                cards[name] = card_of(entries[names.index(name)])
            except VirialffError as error:
                st.error(sentence(error), title=f"The model {one_line(name)} cannot be loaded")
                continue
            sentences(cards[name])
    if len(cards) < 2:
        return
    table = compare_cards(cards, statistic("cards_statistic"))
    only_both = st.toggle("Only what both were measured on", value=True, key="compared_both", **KEPT)
    if only_both:
        table = table[(table[list(cards)] != "").all(axis=1)]
        table = table[["measured on", "quantity", *(name for name in table.columns[2:] if (table[name] != "").any())]]
    if not len(table):
        st.info("The cards hold no errors of the same quantity.")
        return
    errors_table(table, "cards.csv", "Errors in the cards (CSV)")
    st.caption("Empty where a card has not measured it. Different models may have been tested on different data.")
