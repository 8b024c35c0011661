"""Page Force field: from a structural formula to charges, pair parameters and potential curves."""

import streamlit as st

from pages.components.force_field import batch, views
from pages.components.shell import model, state
from pages.components.shell.entry import enter_through_app
from pages.components.shell.text import file_stem
from pages.components.widgets import card, charges, geometry, inputs
from pages.components.widgets.contribution_view import contribution_view
from pages.components.widgets.show import heading
from virialff.models.force_field import ForceField
from virialff.molecules.topology import RELATIONS
from virialff.parameters.contributions import BEYOND_ANGLES, NONBONDED

_PAIRS = {
    "1-4, further and intermolecular": BEYOND_ANGLES,
    "all that are not bonded": NONBONDED,
    "all, bonded ones too": RELATIONS,
}

enter_through_app()
st.title("Force field")
st.markdown("Give a molecule and see the force field that the model predicts for it.")
inputs.molecule_input()

active = model.active_model()
current = state.loaded()


def results(shown: state.Loaded) -> None:
    """All that is predicted for the current molecule."""
    force_field = model.treatable(active, shown.molecule)
    if force_field is None:
        return
    heading(shown, origin=True)
    card.warn_rare_atoms(active, shown.molecule)
    card.show_notes(shown.molecule)
    rare = active.rare_atoms(shown.molecule)
    structure = st.container()
    st.subheader("Partial charges")
    spread = card.spread_of_charges(active, shown.molecule)
    charges.charge_table(shown.molecule, force_field.charges, spread, rare)
    with structure:  # After the charges, which then need not wait for a geometry and for WebGL.
        chosen = geometry.shown_geometry(shown)
        charges.structure_views(shown.molecule, force_field.charges, chosen, rare)
    charges.dipole_metrics(force_field.charges, chosen)
    st.subheader("Lennard-Jones parameters")
    views.parameter_distributions(force_field)
    decomposition(shown, force_field, chosen)
    st.subheader("Potential of an atom pair")
    views.pair_inspector(force_field, chosen)
    st.subheader("Download")
    views.download_row(shown, force_field, active, chosen)


def decomposition(shown: state.Loaded, force_field: ForceField, chosen: geometry.Geometry) -> None:
    """Which atom pairs hold the shown conformer; opened when asked for."""
    state.stays_open("decomposition")
    place = st.expander(
        "Which atom pairs hold this conformer", icon=":material/grid_on:", on_change="rerun", key="decomposition"
    )
    if not place.open:
        return
    with place:
        if chosen.positions is None:
            st.info(chosen.note)
            return
        st.caption("Energy of each atom pair at the shown geometry, by the model.")
        stem = file_stem(shown.title, shown.molecule.formula)
        contribution_view(force_field, chosen.positions, _PAIRS, key="molecule_pairs", stem=stem)


if current is None:
    st.info(
        "Nothing to show yet: draw a molecule and press Apply, type a SMILES, upload a file or choose an example.",
        icon=":material/arrow_upward:",
    )
else:
    results(current)
batch.many_molecules(active)
card.model_card(active)
