"""Page Dimer: the interaction energies of one complex."""

import streamlit as st

from pages.components.dimer import complexes
from pages.components.dimer.views import approach_view, one_complex, shown_complex
from pages.components.shell import model
from pages.components.shell.entry import enter_through_app
from pages.components.shell.text import file_stem, subscripted
from pages.components.widgets import card, charges
from pages.components.widgets.contribution_view import contribution_view
from virialff.parameters.contributions import INTERMOLECULAR


def show_complex() -> None:
    """Choose a complex, and everything about it."""
    chosen = complexes.choose_complex(active)
    if chosen is None:
        return
    given = chosen.molecule
    st.header(subscripted(given.formula), divider="gray")
    complexes.describe(chosen)
    field = model.treatable(active, given, "complex")
    if field is None:
        return
    card.warn_rare_atoms(active, given)
    card.show_notes(given)
    # The energies decide what is shown above them.
    picture, energies = st.container(), st.container()
    with energies:
        st.subheader("Interaction energies")
        found = one_complex(active, given)
    stem = file_stem(chosen.title, given.formula)
    with picture:
        shown = shown_complex(chosen, found, stem)
        charges.structure_views(given, field.charges, shown, active.rare_atoms(given))
    if shown.positions is None:
        return
    st.subheader("Contributions by atom pair")
    st.caption(
        "What each pair of atoms of different molecules adds to the vertical interaction energy by the active model, "
        "at the geometry shown above."
    )
    kinds = {"intermolecular": INTERMOLECULAR}
    contribution_view(field, shown.positions, kinds, key="interaction_pairs", stem=stem)
    st.subheader("Approach")
    approach_view(active, given.with_positions(shown.positions))


enter_through_app()
# Addresses of former versions, when the complexes of the paper were shown here.
for tab in ("Base pairs", "Reference dimers"):
    if st.query_params.get("view", "").startswith(tab):
        st.switch_page("pages/benchmarks.py", query_params={"benchmarks_tab": tab})
st.title("Dimer")
st.markdown("How strongly molecules hold together, by the model, GFN2-xTB and ANI, beside DFT and CCSD(T).")
active = model.active_model()
show_complex()
card.model_card(active)
