"""Page Conformers: make or upload an ensemble, relax and prune it, rank it and compare energies by several methods."""

import streamlit as st

from pages.components.conformers import batch, views
from pages.components.conformers.refinement import refine
from pages.components.shell import model
from pages.components.shell.entry import enter_through_app
from pages.components.shell.text import file_stem
from pages.components.widgets import card, ensemble
from pages.components.widgets.methods import choose_methods, energies
from pages.components.widgets.workspace import Workspace, my_molecule
from virialff.methods.comparison import Comparison


def rank(work: Workspace) -> None:
    """The ensemble of the current molecule, and its energies."""
    chosen = ensemble.choose_ensemble(work.shown)
    if chosen is None:
        return
    refined = refine(chosen, work.shown.molecule, work.model, work.force_field)
    methods = choose_methods(work.model, work.shown.molecule)
    if not methods:
        st.info("Choose at least one method.")
        return
    molecule = refined.molecule
    part = (refined.whole, refined.indices)
    found = energies(methods, molecule, at_once=work.model, taken_from=part, source=chosen.source, unasked=True)
    runs = tuple(run for run in found if run.succeeded)
    if runs:
        known = card.uncertainties(work.model, molecule, runs, "conformers")
        result = Comparison(molecule, runs, uncertainties=known)
        views.results(work, refined, result, file_stem(work.shown.title, molecule.formula))


enter_through_app()
my_molecule("Conformers", rank, "Nothing to rank yet: give a molecule, or a file with its conformers.")
batch.many_molecules(model.active_model())
card.model_card(model.active_model())
