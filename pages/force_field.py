"""Page Force field: from a structural formula to charges, pair parameters and potential curves."""

import streamlit as st

from pages.components.force_field import batch, views
from pages.components.shell import model, state
from pages.components.shell.entry import enter_through_app
from pages.components.shell.text import file_stem
from pages.components.widgets import card, charges
from pages.components.widgets.contribution_view import contribution_view
from pages.components.widgets.workspace import Workspace, my_molecule
from virialff.methods.charge_schemes import AtomCharges
from virialff.molecules.topology import RELATIONS
from virialff.parameters.contributions import BEYOND_ANGLES, NONBONDED

_PAIRS = {
    "1-4, further and intermolecular": BEYOND_ANGLES,
    "all that are not bonded": NONBONDED,
    "all, bonded ones too": RELATIONS,
}
_VIEW = "force_field_view"
_CHARGES, _PAIR, _PARAMETERS, _ENERGIES = "Charges", "Atom pair", "Lennard-Jones", "Pair energies"
_VIEWS = (_CHARGES, _PAIR, _PARAMETERS, _ENERGIES)


def results(work: Workspace) -> None:
    """All that is predicted for the current molecule."""
    if state.link_has("pair") and _VIEW not in st.query_params:
        st.session_state[_VIEW] = _PAIR
    state.stays_at(_VIEW, _CHARGES)
    views_of = dict(zip(_VIEWS, st.tabs(_VIEWS, key=_VIEW, on_change="rerun", bind="query-params"), strict=True))
    molecule, force_field, geometry = work.shown.molecule, work.force_field, work.geometry
    others: dict[str, AtomCharges] = {}
    # A table that is out of sight would send its chosen rows back late; many pairs take their time.
    if views_of[_CHARGES].open:
        with views_of[_CHARGES]:
            spread, _ = card.spreads(work.model, molecule)
            others = charges.other_charges(molecule, geometry)
            charges.charge_table(molecule, force_field.charges, spread, work.model.rare_atoms(molecule), others)
            charges.dipole_metrics(force_field.charges, geometry, others)
    with views_of[_PAIR]:
        views.pair_inspector(work, in_sight=bool(views_of[_PAIR].open))
    with views_of[_PARAMETERS]:
        views.parameter_distributions(work, in_sight=bool(views_of[_PARAMETERS].open))
    if views_of[_ENERGIES].open:
        with views_of[_ENERGIES]:
            pair_energies(work)
    views.download_row(work, others)


def pair_energies(work: Workspace) -> None:
    """Which atom pairs hold the shown geometry."""
    if work.geometry.positions is None:
        st.info(work.geometry.note)
        return
    st.caption("Which atom pairs hold this geometry: the energy of each, by the model.")
    stem = file_stem(work.shown.title, work.shown.molecule.formula)
    contribution_view(work.force_field, work.geometry.positions, _PAIRS, work.sight, key="molecule_pairs", stem=stem)


enter_through_app()
my_molecule("Force field", results)
active = model.active_model()
batch.many_molecules(active)
card.model_card(active)
