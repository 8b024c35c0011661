"""The model card in words: what the model was trained on, how good it is, what it cannot do."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import streamlit as st

from pages.components.text import plain
from virialff.forcefield import Model


def model_card(model: Model) -> None:
    """An expander with the card's main points, and the whole card for those who want it."""
    card = model.card
    with st.expander("About the model: level of theory, held-out errors, what it cannot do", icon=":material/info:"):
        st.markdown(
            f"**{plain(model.name)}** was trained on energies of **{plain(model.level_of_theory)}** and covers "
            f"{', '.join(card['elements'])}, neutral closed-shell molecules only."
        )
        if card["limitations"]:
            st.markdown("**What it cannot do**")
            st.markdown("\n".join(f"- {plain(str(limit), limit=1000)}" for limit in card["limitations"]))
        rows = list(_flat(card["metrics"]))
        if rows:
            st.markdown("**Errors on molecules that it never saw**")
            st.dataframe(pd.DataFrame(rows, columns=["measure", "value"]), hide_index=True)
        st.caption(f"sha256 of the parameters: {model.sha256}")
        with st.popover("The whole card"):
            st.json(card, expanded=1)


def _flat(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Nested metrics as rows of text: the path to a value, and the value; intervals stay together."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, (*path, str(key).replace("_", " ")))
    elif isinstance(value, list | tuple):
        yield ", ".join(path), " to ".join(_text(entry) for entry in value)
    else:
        yield ", ".join(path), _text(value)


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
