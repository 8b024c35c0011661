"""Page Energies: conformers and scans by the model, GFN2-xTB, ANI and DFT side by side."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.energies.scan import show_scan
from pages.components.shell import model, state
from pages.components.shell.entry import enter_through_app
from pages.components.shell.text import file_stem, sentence
from pages.components.widgets import confidence, ensemble, inputs
from pages.components.widgets.card import model_card
from pages.components.widgets.comparison_views import choose_reference, csv_button, energy_table, show_agreement, timing
from pages.components.widgets.figure import show_figure
from pages.components.widgets.heading import heading
from pages.components.widgets.methods import choose_methods, energies
from virialff.errors import VirialffError
from virialff.export.energies import relative_energies_above, relative_energy_table
from virialff.figures import conformer_energy_figure, relative_energy_scatter
from virialff.methods.comparison import Comparison
from virialff.models.force_field import ForceField, Model

_WHAT = "compared_geometries"
_CONFORMERS, _SCAN = "Conformers", "Scan"
_OWN_MINIMUM = "each method's own lowest conformer"


def comparison(result: Comparison, stem: str) -> None:
    """Relative energies of several conformers: agreement, scatter, table."""
    labels = [method.name for method in result.methods]
    with st.container(horizontal=True):
        reference = choose_reference(result, "reference")
        lowest = f"the lowest conformer by {reference}"
        zero = st.selectbox(
            "Energies count from", [_OWN_MINIMUM, lowest], key=f"zero_{reference}", persist_state="session", width=360
        )
    energies_by_reference = result.methods[labels.index(reference)].energies
    known = np.isfinite(energies_by_reference).any()
    conformer = int(np.nanargmin(energies_by_reference)) if zero == lowest and known else None
    relative = relative_energies_above(result, conformer)
    left, right = st.columns(2, gap="medium")
    with left:
        if len(labels) > 1:
            figure = relative_energy_scatter(relative, reference=reference)
            show_figure(figure, key="energy_scatter", alt=f"Relative energies against {reference}")
    with right if len(labels) > 1 else left:
        figure = conformer_energy_figure(relative)
        show_figure(figure, key="energy_by_conformer", alt="Relative energies by conformer number")
    if len(labels) > 1:
        st.markdown("**How far the methods agree**")
        show_agreement(result.agreement_table)
    table = relative_energy_table(result, conformer)
    st.markdown("**Relative energies (kcal/mol) and ranks (1 = lowest)**")
    energy_table(table, pinned="conformer")
    csv_button(table, "Relative energies", f"{stem}_relative_energies.csv")


def one_conformer(result: Comparison) -> None:
    """Atomization energies of one conformer, each with its level of theory; totals are not comparable."""
    st.subheader("One conformer alone")
    n_conformers = len(result.positions)
    number = 1
    if n_conformers > 1:
        number = st.number_input(
            "Conformer", 1, n_conformers, 1, key=f"alone_{n_conformers}", persist_state="session", width=180
        )
    table = result.atomization_table
    table = table[table["conformer"] == number]
    energies_text = [f"{value:.1f}" if np.isfinite(value) else "–" for value in table["atomization energy (kcal/mol)"]]
    st.table(
        pd.DataFrame(
            {
                "method": table["method"].to_numpy(),
                "atomization energy (kcal/mol)": energies_text,
                "level of theory": table["level of theory"].to_numpy(),
            }
        ),
        hide_index=True,
    )
    st.caption(
        "Energy of the isolated atoms minus energy of the molecule, both at the method's own level, without zero-point "
        "energy; positive means bound. Total energies of different methods have different zeros and are not compared."
    )


def results_for(shown: state.Loaded) -> None:
    """What to compare of the current molecule, and the comparison."""
    active = model.active_model()
    heading(shown)
    try:
        force_field = model.force_field(active, shown.molecule)
    except VirialffError as error:
        st.error(sentence(error), title="The model cannot treat this molecule")
        return
    confidence.warn_rare_atoms(active, shown.molecule)
    confidence.show_notes(shown.molecule)
    what = st.segmented_control(
        "Compare",
        [_CONFORMERS, _SCAN],
        default=_CONFORMERS,
        required=True,
        key=_WHAT,
        bind="query-params",
        persist_state="session",
    )
    if what == _SCAN:
        show_scan(shown, active, force_field)
    else:
        conformers_of(shown, active, force_field)


def conformers_of(shown: state.Loaded, active: Model, force_field: ForceField) -> None:
    """Conformers given or generated, and their energies side by side."""
    st.subheader("Conformers")
    chosen = ensemble.choose_ensemble(shown)
    if chosen is None:
        return
    st.subheader("Energies")
    methods = choose_methods(active, force_field, shown.molecule)
    if not methods:
        st.info("Choose at least one method.")
        return
    runs = [entry for entry in energies(methods, shown.molecule, chosen.positions) if entry.run.n_done]
    if not runs:
        return
    timing(runs)
    found = tuple(entry.method.result(entry.run) for entry in runs)
    result = Comparison(shown.molecule, chosen.positions, found, {})
    if len(chosen.positions) > 1:
        comparison(result, file_stem(shown.title, shown.molecule.formula))
    one_conformer(result)


enter_through_app()
st.title("Energies")
st.markdown("Compare the conformers of a molecule, or geometries along a scan, by the model, GFN2-xTB, ANI and DFT.")
current = state.loaded()
with st.expander("Choose a molecule" if current is None else "Choose another molecule", expanded=current is None):
    inputs.molecule_input()
current = state.loaded()
if current is None:
    st.info("Nothing to compare yet: give a molecule, or upload an SDF or XYZ file with its conformers.")
else:
    results_for(current)
model_card(model.active_model())
