"""Page Dimer: the interaction energies of one complex, what holds it together, and its approach."""

from functools import partial

import streamlit as st

from pages.components.dimer import complexes
from pages.components.dimer.views import approach_view, contacts_view, keep_relaxed, one_complex
from pages.components.shell import model
from pages.components.shell.entry import enter_through_app
from pages.components.shell.text import file_stem
from pages.components.widgets import card
from pages.components.widgets.contribution_view import contribution_view
from pages.components.widgets.methods import choose_methods
from pages.components.widgets.show import tabs
from pages.components.widgets.tasks import Chosen
from pages.components.widgets.workspace import Workspace, workspace
from virialff.parameters.contributions import INTERMOLECULAR

_VIEW = "dimer_view"
_ENERGIES = "Interaction energies"


def results(work: Workspace) -> None:
    """Everything about a complex."""
    stem = file_stem(work.shown.title, work.shown.molecule.formula)
    methods = choose_methods(work.model, work.shown.molecule)
    views = {
        _ENERGIES: partial(energies, work, methods),
        "Contacts": partial(contacts_view, work, stem),
        "Contributions": partial(contributions, work, stem),
        "Approach": partial(approach_view, work, methods, stem),
    }
    # What is relaxed there is shown by all.
    tabs(_VIEW, views, always=(_ENERGIES,))


def energies(work: Workspace, methods: list[Chosen]) -> None:
    """Those of the interaction; a complex that was relaxed for them is what all views show."""
    keep_relaxed(work, one_complex(work, methods))


def contributions(work: Workspace, stem: str) -> None:
    """What each pair of atoms adds."""
    st.caption(
        "What each pair of atoms of different molecules adds to the vertical interaction energy by the active "
        "model, at the shown geometry. Choose a row to see its atoms in the structure."
    )
    assert work.geometry.positions is not None
    kinds = {"intermolecular": INTERMOLECULAR}
    contribution_view(work.force_field, work.geometry.positions, kinds, work.sight, key="interaction_pairs", stem=stem)


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
