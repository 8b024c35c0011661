"""Page Force field: from a structural formula to charges, pair parameters and potential curves."""

from functools import cache, partial

import streamlit as st

from pages.components.force_field import batch, views
from pages.components.shell import model, state
from pages.components.shell.entry import enter_through_app
from pages.components.shell.text import file_stem
from pages.components.widgets import card, charges
from pages.components.widgets.contribution_view import contribution_view
from pages.components.widgets.show import tabs
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


def results(work: Workspace) -> None:
    """All that is predicted for the current molecule."""
    if state.link_has("pair") and _VIEW not in st.query_params:
        st.session_state[_VIEW] = _PAIR
    others: dict[str, AtomCharges] = {}
    views.take_link(work.shown.molecule)
    # When first asked for: it needs the geometry, which the charges do not wait for.
    pair = cache(partial(views.shown_pair, work))
    tabs(
        _VIEW,
        {
            _CHARGES: partial(charges_beside, work, others),
            _PAIR: lambda: views.pair_inspector(work, pair()),
            _PARAMETERS: partial(views.parameter_distributions, work),
            _ENERGIES: partial(pair_energies, work),
        },
    )
    views.figures_of_closed_tabs(work, pair())
    views.download_row(work, others)


def charges_beside(work: Workspace, others: dict[str, AtomCharges]) -> None:
    """Charges and dipole by the model and, put into `others` by their names, by other ways."""
    molecule, charge = work.shown.molecule, work.force_field.charges
    spread = card.charge_spread(work.model, work.force_field)
    others.update(charges.other_charges(molecule, lambda: work.geometry))
    charges.charge_table(molecule, charge, spread, work.model.rare_atoms(molecule), others)
    charges.dipole_metrics(charge, work.geometry, others)


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
