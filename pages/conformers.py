"""Page Conformers: generate or upload an ensemble, relax and prune it, rank it by several methods."""

import streamlit as st

from pages.components.conformers.refinement import refine
from pages.components.shell import model, state
from pages.components.shell.entry import enter_through_app
from pages.components.shell.state import LINKED
from pages.components.shell.text import file_stem
from pages.components.widgets import card, ensemble, inputs
from pages.components.widgets.comparison_views import choose_reference, energy_table, show_agreement
from pages.components.widgets.methods import choose_methods, energies
from pages.components.widgets.show import download, heading, show_figure
from pages.components.widgets.viewer import show_overlay
from virialff.export.ensembles import ranked_sdf
from virialff.figures.energies import population_figure, rank_change_figure, relative_energy_scatter
from virialff.methods.comparison import Comparison
from virialff.methods.tables import ROOM_TEMPERATURE, SHOWN_SHARES, ensemble_table
from virialff.models.intervals import SHARES


def ranking(result: Comparison, stem: str) -> None:
    """Ranks, energies, populations and the superimposed conformers of an ensemble."""
    with st.container(horizontal=True):
        reference = choose_reference(result, "rank_reference")
        temperature = st.number_input(
            "Temperature (K)", 1.0, 5000.0, ROOM_TEMPERATURE, 10.0, key="temperature", width=180, **LINKED
        )
    several = len(result.methods) > 1
    left, right = st.columns(2, gap="medium")
    if several:
        with left:
            st.markdown("**Ranks**")
            ranks = {method.name: method.ranks for method in result.methods}
            figure = rank_change_figure(ranks, reference=reference)
            show_figure(figure, key="rank_changes", alt="Rank of each conformer by each method")
        with right:
            st.markdown("**Relative energies**")
            relative = {method.name: method.relative for method in result.methods}
            half_widths = result.half_widths(SHOWN_SHARES[0])
            figure = relative_energy_scatter(relative, reference=reference, half_widths=half_widths)
            show_figure(figure, key="rank_scatter", alt=f"Relative energies against {reference}")
        st.markdown("**How far the methods agree**")
        show_agreement(result.agreement_table)
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**Boltzmann populations**")
        populations = {method.name: method.weights(temperature, result.degeneracies) for method in result.methods}
        figure = population_figure(populations, temperature=temperature)
        show_figure(figure, key="populations", alt=f"Populations at {temperature:g} K by each method")
        st.caption(
            "exp(−E/RT)/Z from the energies alone, without vibrations. Each conformer counts once, and twice where it "
            "stands for its mirror image too. The conformers with the largest populations are shown."
        )
    with right:
        st.markdown("**Superimposed**")
        show_overlay(result, reference)
    table = ensemble_table(result, temperature)
    populated = [name for name in table.columns if " population " in name]
    by_energy, by_population = st.tabs(["Relative energies and ranks", "Populations"])
    with by_energy:
        energy_table(table.drop(columns=populated), pinned="conformer")
    with by_population:
        energy_table(table[["conformer", *populated]], pinned="conformer")
    card.explain_intervals(result)
    with st.container(horizontal=True):
        whole = ensemble_table(result, temperature, SHARES)
        download("Ranks and energies (CSV)", whole, f"{stem}_conformers.csv")
        download(
            f"Conformers ranked by {reference} (SDF)",
            lambda: ranked_sdf(result, reference, temperature),
            f"{stem}_ranked.sdf",
        )


def results_for(shown: state.Loaded) -> None:
    """The steps for the current molecule."""
    active = model.active_model()
    heading(shown)
    force_field = model.treatable(active, shown.molecule)
    if force_field is None:
        return
    card.warn_rare_atoms(active, shown.molecule)
    card.show_notes(shown.molecule)
    st.subheader("Ensemble")
    chosen = ensemble.choose_ensemble(shown)
    if chosen is None:
        return
    st.subheader("Relax and prune")
    positions = refine(chosen, shown.molecule, active, force_field)
    st.subheader("Rank")
    methods = choose_methods(active, shown.molecule)
    if not methods:
        st.info("Choose at least one method.")
        return
    molecule = shown.molecule.with_positions(positions)
    found = tuple(energies(methods, molecule, at_once=active))
    if any(run.succeeded for run in found):
        known = card.uncertainties(active, molecule, found, "conformers")
        ranking(Comparison(molecule, found, uncertainties=known), file_stem(shown.title, molecule.formula))


enter_through_app()
st.title("Conformers")
st.markdown("Make or upload an ensemble of conformers, relax and prune it, and rank it by several methods.")
current = inputs.chosen_molecule(
    "Nothing to rank yet: give a molecule, or upload an SDF or XYZ file with its conformers."
)
if current is not None:
    results_for(current)
card.model_card(model.active_model())
