"""Page Interactions: interaction energies of complexes, the paper's base pairs, and the reference dimers."""

import streamlit as st

from pages.components.interactions import complexes
from pages.components.interactions.views import approach_view, base_pair_view, one_complex, reference_view
from pages.components.shell import model
from pages.components.shell.entry import enter_through_app
from pages.components.shell.state import LINKED
from pages.components.shell.text import file_stem, subscripted
from pages.components.widgets import card, charges
from pages.components.widgets.contribution_view import contribution_view
from pages.components.widgets.geometry import Geometry
from virialff.parameters.contributions import INTERMOLECULAR

_VIEWS = ("One complex", "Base pairs A-T and G-C", "Reference dimers")


def show_complex() -> None:
    """Choose a complex, and everything about it."""
    chosen = complexes.choose_complex(active)
    if chosen is None:
        return
    molecule = chosen.molecule
    st.header(subscripted(molecule.formula), divider="gray")
    complexes.describe(chosen)
    field = model.treatable(active, molecule, "complex")
    if field is None:
        return
    geometry = Geometry(molecule.positions[0], "Geometry as described above.", chosen.origin)
    card.warn_rare_atoms(active, molecule)
    card.show_notes(molecule)
    charges.structure_views(molecule, field.charges, geometry, active.rare_atoms(molecule))
    st.subheader("Interaction energies")
    one_complex(active, molecule)
    st.subheader("Contributions by atom pair")
    st.caption("What each pair of atoms of different molecules adds to the energy of the complex, by the active model.")
    kinds = {"intermolecular": INTERMOLECULAR}
    stem = file_stem(chosen.title, molecule.formula)
    contribution_view(field, molecule.positions[0], kinds, key="interaction_pairs", stem=stem)
    st.subheader("Approach")
    approach_view(active, molecule)


enter_through_app()
st.title("Interactions")
st.markdown("How strongly molecules hold together, by the model, GFN2-xTB and ANI, beside DFT and CCSD(T).")
active = model.active_model()
view = st.segmented_control(
    "Show", _VIEWS, default=_VIEWS[0], required=True, key="view", label_visibility="collapsed", **LINKED
)
if view == _VIEWS[1]:
    base_pair_view(active)
elif view == _VIEWS[2]:
    reference_view(active)
else:
    show_complex()
card.model_card(active)
