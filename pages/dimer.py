"""Page Dimer: the interaction energies of one complex, what holds it together, and its approach."""

import streamlit as st

from pages.components.dimer import complexes
from pages.components.dimer.views import approach_view, contacts_view, keep_relaxed, one_complex
from pages.components.shell import model
from pages.components.shell.entry import enter_through_app
from pages.components.shell.state import stays_at
from pages.components.shell.text import file_stem
from pages.components.widgets import card
from pages.components.widgets.contribution_view import contribution_view
from pages.components.widgets.methods import choose_methods
from pages.components.widgets.workspace import Workspace, workspace
from virialff.parameters.contributions import INTERMOLECULAR

_VIEW = "dimer_view"
_ENERGIES, _CONTACTS, _PAIRS, _APPROACH = "Interaction energies", "Contacts", "Contributions", "Approach"
_VIEWS = (_ENERGIES, _CONTACTS, _PAIRS, _APPROACH)


def results(work: Workspace) -> None:
    """Everything about a complex."""
    stem = file_stem(work.shown.title, work.shown.molecule.formula)
    methods = choose_methods(work.model, work.shown.molecule)
    stays_at(_VIEW, _ENERGIES)
    views = dict(zip(_VIEWS, st.tabs(_VIEWS, key=_VIEW, on_change="rerun", bind="query-params"), strict=True))
    with views[_ENERGIES]:
        keep_relaxed(work, one_complex(work, methods))
    if work.geometry.positions is None:
        return
    if views[_CONTACTS].open:
        with views[_CONTACTS]:
            contacts_view(work, stem)
    if views[_PAIRS].open:
        with views[_PAIRS]:
            st.caption(
                "What each pair of atoms of different molecules adds to the vertical interaction energy by the active "
                "model, at the shown geometry. Choose a row to see its atoms in the structure."
            )
            kinds = {"intermolecular": INTERMOLECULAR}
            place = (work.force_field, work.geometry.positions)
            contribution_view(*place, kinds, work.sight, key="interaction_pairs", stem=stem)
    if views[_APPROACH].open:
        with views[_APPROACH]:
            approach_view(work, methods, stem)


enter_through_app()
# Addresses of former versions, when the complexes of the paper were shown here.
for tab in ("Base pairs", "Reference dimers"):
    if st.query_params.get("view", "").startswith(tab):
        st.switch_page("pages/benchmarks.py", query_params={"benchmarks_tab": tab})
st.title("Dimer")
chosen = complexes.choose_complex(model.active_model())
if chosen is not None:
    workspace(chosen, results, "complex")
card.model_card(model.active_model())
