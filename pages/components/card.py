"""The model card in words: what the model was trained on, how good it is, what it cannot do."""

import streamlit as st

from pages.components.text import plain
from virialff.forcefield import Model
from virialff.model_card import error_table


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
        errors = error_table(card["metrics"])
        if len(errors):
            st.markdown("**Errors on molecules that it never saw**")
            st.dataframe(errors, hide_index=True)
        st.caption(f"sha256 of the parameters: {model.sha256}")
        with st.popover("The whole card"):
            st.json(card, expanded=1)
