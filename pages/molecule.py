"""Page Molecule: from a structural formula to charges, pair parameters and potential curves."""

import streamlit as st

from pages.components.molecule import batch, downloads, pair, parameters
from pages.components.shell import model, state
from pages.components.shell.entry import enter_through_app
from pages.components.shell.text import file_stem, one_line, plain, sentence, subscripted
from pages.components.widgets import charges, confidence, geometry, inputs
from pages.components.widgets.card import model_card
from pages.components.widgets.contribution_view import contribution_view
from virialff.errors import VirialffError
from virialff.models.force_field import ForceField
from virialff.molecules.topology import RELATIONS
from virialff.parameters.contributions import BEYOND_ANGLES, NONBONDED

_PAIRS = {
    "1-4, further and intermolecular": BEYOND_ANGLES,
    "all that are not bonded": NONBONDED,
    "all, bonded ones too": RELATIONS,
}

enter_through_app()
st.title("Molecule")
st.markdown("Give a molecule and see the force field that the model predicts for it.")
inputs.molecule_input()

active = model.active_model()
current = state.loaded()


def heading(shown: state.Loaded) -> None:
    """Formula, title, origin and SMILES of the current molecule."""
    molecule = shown.molecule
    st.header(subscripted(molecule.formula), divider="gray")
    if shown.title:
        st.text(one_line(shown.title))
    parts = [f"{molecule.n_atoms} atoms"]
    if molecule.n_fragments > 1:
        parts.append(f"a complex of {molecule.n_fragments} molecules")
    without = ", without its coordinates" if shown.has_own_geometry else ""
    link = f"The address of this page reopens this molecule{without}."
    st.caption(f"{', '.join(parts)}; from: {plain(shown.origin)}. {link}")
    st.code(molecule.smiles, language=None, wrap_lines=True)


def results(shown: state.Loaded) -> None:
    """All that is predicted for the current molecule."""
    try:
        force_field = model.force_field(active, shown.molecule)
    except VirialffError as error:
        st.error(sentence(error), title="The model cannot treat this molecule")
        return
    heading(shown)
    confidence.warn_rare_atoms(active, shown.molecule)
    confidence.show_notes(shown.molecule)
    rare = active.rare_atoms(shown.molecule)
    structure = st.container()
    st.subheader("Partial charges")
    spread = confidence.spread_of_charges(active, shown.molecule)
    charges.charge_table(shown.molecule, force_field.charges, spread, rare)
    with structure:  # After the charges, which then need not wait for a geometry and for WebGL.
        chosen = geometry.shown_geometry(shown)
        charges.structure_views(shown.molecule, force_field.charges, chosen, rare)
    charges.dipole_metrics(force_field.charges, chosen)
    st.subheader("Lennard-Jones parameters")
    parameters.parameter_distributions(force_field)
    decomposition(shown, force_field, chosen)
    st.subheader("Potential of an atom pair")
    pair.pair_inspector(force_field, chosen)
    st.subheader("Download")
    downloads.download_row(shown, force_field, active, chosen)


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
model_card(active)
