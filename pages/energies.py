"""Page Energies: conformers and scans by the model, GFN2-xTB, ANI and DFT side by side."""

import numpy as np
import streamlit as st

from pages.components.shell import model, state
from pages.components.shell.entry import enter_through_app
from pages.components.shell.state import KEPT
from pages.components.shell.text import file_stem, plain
from pages.components.widgets import card, ensemble, inputs
from pages.components.widgets.comparison_views import choose_reference, energy_table, show_agreement, timing
from pages.components.widgets.methods import choose_methods, energies
from pages.components.widgets.show import download, heading, show_figure
from virialff.figures.energies import conformer_energy_figure, relative_energy_scatter
from virialff.methods.comparison import Comparison
from virialff.methods.tables import SHOWN_SHARES, atomization_table, relative_energies_above, relative_energy_table
from virialff.models.force_field import Model
from virialff.models.intervals import SHARES

_OWN_MINIMUM = "each method's own lowest conformer"


def comparison(result: Comparison, stem: str) -> None:
    """Relative energies of several conformers: agreement, scatter, table."""
    labels = [method.name for method in result.methods]
    with st.container(horizontal=True):
        reference = choose_reference(result, "reference")
        lowest = f"the lowest conformer by {reference}"
        zero = st.selectbox("Energies count from", [_OWN_MINIMUM, lowest], key=f"zero_{reference}", width=360, **KEPT)
    by_reference = result.methods[labels.index(reference)]
    conformer = int(np.nanargmin(by_reference.values)) if zero == lowest and by_reference.succeeded else None
    relative = relative_energies_above(result, conformer)
    half_widths = result.half_widths(SHOWN_SHARES[0], conformer)
    left, right = st.columns(2, gap="medium")
    with left:
        if len(labels) > 1:
            figure = relative_energy_scatter(relative, reference=reference, half_widths=half_widths)
            show_figure(figure, key="energy_scatter", alt=f"Relative energies against {reference}")
    with right if len(labels) > 1 else left:
        figure = conformer_energy_figure(relative, half_widths)
        show_figure(figure, key="energy_by_conformer", alt="Relative energies by conformer number")
    if len(labels) > 1:
        st.markdown("**How far the methods agree**")
        show_agreement(result.agreement_table)
    table = relative_energy_table(result, conformer)
    st.markdown("**Relative energies (kcal/mol) and ranks (1 = lowest)**")
    energy_table(table, pinned="conformer")
    card.explain_intervals(result)
    table = relative_energy_table(result, conformer, SHARES)
    download("Relative energies (CSV)", table, f"{stem}_relative_energies.csv")


def one_conformer(result: Comparison, active: Model) -> None:
    """Atomization energies of one conformer, each with its level of theory; totals are not comparable."""
    st.subheader("One conformer alone")
    n_conformers = result.molecule.n_conformers
    number = 1
    if n_conformers > 1:
        number = st.number_input("Conformer", 1, n_conformers, 1, key=f"alone_{n_conformers}", width=180, **KEPT)
    table = atomization_table(result, number)
    kind = "atomization energy (kcal/mol)"
    table[kind] = [f"{value:.1f}" if np.isfinite(value) else "–" for value in table[kind]]
    st.table(table, hide_index=True)
    for name, known in card.uncertainties(active, result.molecule, result.methods, "total").items():
        width, level = known.intervals().of(SHOWN_SHARES[0])[number - 1], plain(known.scale.against)
        st.caption(f"{plain(name)}: ± {width:.1f} kcal/mol for 95 of 100 molecules, against {level}.")
    st.caption(
        "Energy of the isolated atoms minus energy of the molecule, both at the method's own level, without zero-point "
        "energy; positive means bound. Total energies of different methods have different zeros and are not compared."
    )


def results_for(shown: state.Loaded) -> None:
    """The conformers of the current molecule, and their comparison."""
    active = model.active_model()
    heading(shown)
    if model.treatable(active, shown.molecule) is None:
        return
    card.warn_rare_atoms(active, shown.molecule)
    card.show_notes(shown.molecule)
    conformers_of(shown, active)


def conformers_of(shown: state.Loaded, active: Model) -> None:
    """Conformers given or generated, and their energies side by side."""
    st.subheader("Conformers")
    chosen = ensemble.choose_ensemble(shown)
    if chosen is None:
        return
    st.subheader("Energies")
    methods = choose_methods(active, shown.molecule)
    if not methods:
        st.info("Choose at least one method.")
        return
    molecule = shown.molecule.with_positions(chosen.positions)
    runs = energies(methods, molecule)
    if not runs:
        return
    timing(runs)
    result = Comparison(molecule, tuple(runs), uncertainties=card.uncertainties(active, molecule, runs, "conformers"))
    if molecule.n_conformers > 1:
        comparison(result, file_stem(shown.title, molecule.formula))
    one_conformer(result, active)


enter_through_app()
if st.query_params.get("compared_geometries") == "Scan":
    st.switch_page("pages/scan.py", query_params=st.query_params.to_dict())
st.title("Energies")
st.markdown("Compare the conformers of a molecule, or geometries along a scan, by the model, GFN2-xTB, ANI and DFT.")
current = inputs.chosen_molecule(
    "Nothing to compare yet: give a molecule, or upload an SDF or XYZ file with its conformers."
)
if current is not None:
    results_for(current)
card.model_card(model.active_model())
