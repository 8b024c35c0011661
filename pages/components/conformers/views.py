"""The ranking of an ensemble: the table by rank, agreement of the methods, populations, and the conformers in 3D."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.components.conformers import check, vibrations
from pages.components.conformers.refinement import Refined, moved
from pages.components.shell import collected
from pages.components.shell.state import KEPT, LINKED
from pages.components.shell.text import plain
from pages.components.widgets import card, geometry, viewer
from pages.components.widgets.comparison_views import choose_reference, energy_table, show_agreement, timing
from pages.components.widgets.show import download, show_figure, tabs
from pages.components.widgets.sight import number_of, points_of
from pages.components.widgets.workspace import Workspace
from virialff.conformers.ensembles import superimpose
from virialff.export.ensembles import geometries_sdf, ranked_sdf, table_fields
from virialff.figures.energies import (
    conformer_energy_figure,
    population_figure,
    rank_change_figure,
    relative_energy_scatter,
)
from virialff.methods.comparison import Comparison
from virialff.methods.runs import MethodEnergies
from virialff.methods.tables import (
    ROOM_TEMPERATURE,
    SHOWN_SHARES,
    atomization_table,
    ensemble_table,
    relative_energies_above,
    relative_energy_table,
)
from virialff.models.intervals import SHARES
from virialff.molecules import keys
from virialff.text import fixed

_VIEW = "conformers_view"
_RANKING, _AGREEMENT, _POPULATIONS, _SUPERIMPOSED, _ONE = (
    "Ranking",
    "Agreement",
    "Populations",
    "Superimposed",
    "One conformer",
)
_OWN_MINIMUM = "each method's own lowest conformer"
_MOVED = "moved (Å)"
_CHECKED = f"to its {check.NAME} minimum (Å)"


def results(work: Workspace, refined: Refined, result: Comparison, stem: str) -> None:
    """Everything about the energies of the conformers; `stem` begins the names of files."""
    # What decides about the tables stands below them, so that they are in sight first.
    tables = st.container()
    with st.popover("Zero, reference and temperature", icon=":material/tune:", type="tertiary"):
        reference = choose_reference(result, "rank_reference")
        lowest = f"the lowest conformer by {reference}"
        zero = st.selectbox("Energies count from", [_OWN_MINIMUM, lowest], key=f"zero_{reference}", width=360, **KEPT)
        temperature = st.number_input(
            "Temperature (K)", 1.0, 5000.0, ROOM_TEMPERATURE, 10.0, key="temperature", width=180, **LINKED
        )
    by_reference = next(method for method in result.methods if method.name == reference)
    conformer = int(np.nanargmin(by_reference.values)) if zero == lowest and by_reference.succeeded else None
    shown_key = f"shown_conformer_{keys.geometry_key(result.molecule)[:12]}"
    lowest_number = int(_order(by_reference)[0])
    # Only the open one is drawn: mirror images and superpositions of many conformers take their time.
    views: dict[str, Callable[[], None]] = {
        _RANKING: partial(_ranking, refined, result, by_reference, conformer, shown_key),
        _AGREEMENT: partial(_agreement, result, reference, conformer, shown_key),
        _POPULATIONS: partial(_populations, refined, result, temperature, shown_key),
        _SUPERIMPOSED: partial(viewer.show_overlay, result, reference),
        _ONE: partial(_one_conformer, work, refined, result, lowest_number, shown_key, stem),
    }
    with tables:
        tabs(_VIEW, views)
    number = st.session_state.get(shown_key)
    if number is not None and number < result.molecule.n_conformers:
        work.sight.show(result.molecule.positions[number], _source(refined, number), shown_key)
    # The report has the numbers whichever tab is open.
    collected.table("Relative energies, ranks and populations", ensemble_table(result, temperature))
    collected.table("How far the methods agree", result.agreement_table)
    for method in result.methods:
        collected.note(f"{method.name}: {method.level}.")
    with st.container(horizontal=True):
        table = partial(ensemble_table, result, temperature, SHARES)
        download("Ranks and energies (CSV)", table, f"{stem}_conformers.csv")
        sdf = partial(ranked_sdf, result, reference, temperature)
        download(f"Conformers ranked by {reference} (SDF)", sdf, f"{stem}_ranked.sdf")


def _order(energies: MethodEnergies) -> np.ndarray:
    """The conformers, from 0, lowest first."""
    return np.argsort(energies.values, kind="stable")


def _ranking(
    refined: Refined, result: Comparison, reference: MethodEnergies, conformer: int | None, shown_key: str
) -> None:
    """The conformers by rank; a chosen row is the conformer that the structure shows."""
    table = relative_energy_table(result, conformer)
    distances = moved(refined)
    if distances is not None:
        table[_MOVED] = distances
    checked = check.distances(refined, result.molecule)
    if checked is not None:
        table[_CHECKED] = checked
    table = table.iloc[_order(reference)].reset_index(drop=True)
    words = f"Lowest by {plain(reference.name)} first. Choose a row to see the conformer in the structure. "
    headings: dict[str, str | None] = {_MOVED: "moved", _CHECKED: "to minimum"}
    # The line below says whose.
    if len(intervals := [str(name) for name in table.columns if " ± 95 %" in str(name)]) == 1:
        headings[intervals[0]] = "± 95 %"
    ranks = [str(name) for name in table.columns if str(name).endswith(" rank")]
    if len(ranks) > 1:
        # One column in place of one a method, so that all are in sight.
        table["ranks"] = [
            "/".join("–" if pd.isna(each) else f"{each:g}" for each in row) for row in table[ranks].values
        ]
        headings |= dict.fromkeys(ranks)
        words += "Ranks are in the order of the methods. "
    key = f"ranking_{shown_key}"
    take = partial(_take_row, key, table, shown_key)
    energy_table(table, pinned="conformer", key=key, on_select=take, headings=headings)
    if distances is not None:
        words += "Moved: RMSD in Å by the relaxation, over all atoms but the hydrogens of carbon atoms."
    if checked is not None:
        words += f" To minimum: RMSD to where {check.NAME} relaxes it from there."
    st.caption(words)
    card.explain_intervals(result)


def _take_row(key: str, table: pd.DataFrame, shown_key: str) -> None:
    rows = st.session_state[key].selection.rows
    if rows:
        st.session_state[shown_key] = int(table["conformer"].iloc[rows[0]]) - 1


def _agreement(result: Comparison, reference: str, conformer: int | None, shown_key: str) -> None:
    relative = relative_energies_above(result, conformer)
    half_widths = result.half_widths(SHOWN_SHARES[0], conformer)
    if len(relative) > 1:
        show_agreement(result.agreement_table)
        figure = relative_energy_scatter(relative, reference=reference, half_widths=half_widths)
        _clickable(figure, "energy_scatter", f"Relative energies against {reference}", shown_key)
        ranks = {method.name: method.ranks for method in result.methods}
        figure = rank_change_figure(ranks, reference=reference)
        _clickable(figure, "rank_changes", "Rank of each conformer by each method", shown_key)
    else:
        st.info("Compute another method to see how far the two agree.")
    figure = conformer_energy_figure(relative, half_widths)
    _clickable(figure, "energy_by_conformer", "Relative energies by conformer number", shown_key)
    st.caption("A click on a point shows its conformer in the structure.")
    timing(list(result.methods))


def _clickable(figure: go.Figure, key: str, alt: str, shown_key: str) -> None:
    figure.update_layout(clickmode="event+select", dragmode=False)
    take = partial(_take_point, key, shown_key)
    show_figure(figure, key=key, alt=alt, on_select=take, selection_mode="points")


def _take_point(key: str, shown_key: str) -> None:
    number = number_of(points_of(key))
    if number is not None:
        st.session_state[shown_key] = number - 1


def _populations(refined: Refined, result: Comparison, temperature: float, shown_key: str) -> None:
    degeneracies = _degeneracies(result)
    weights = {method.name: method.weights(temperature, degeneracies) for method in result.methods}
    corrections = vibrations.corrections(refined, result.molecule, temperature)
    if corrections is not None:
        known = {
            f"{method.name} + vibrations": MethodEnergies(method.name, method.level, method.values + corrections.values)
            for method in result.methods
        }
        weights |= {name: run.weights(temperature, degeneracies) for name, run in known.items()}
    figure = population_figure(weights, temperature=temperature)
    _clickable(figure, "populations", f"Populations at {temperature:g} K by each method", shown_key)
    table = pd.DataFrame({"conformer": np.arange(1, result.molecule.n_conformers + 1)})
    if (degeneracies > 1).any():
        table["mirror forms"] = degeneracies
    for name, values in weights.items():
        table[f"{name} population at {temperature:g} K"] = values
    if corrections is not None:
        table["vibrations (kcal/mol)"] = corrections.values - corrections.values.min()
        table["lowest wave number (1/cm)"] = corrections.lowest
    key = f"population_rows_{shown_key}"
    take = partial(_take_row, key, table, shown_key)
    headings = {f"{name} population at {temperature:g} K": name for name in weights}
    energy_table(table, pinned="conformer", key=key, on_select=take, headings=headings)
    st.caption(
        f"Populations at {temperature:g} K: exp(−E/RT)/Z of the energies, with vibrations where it says so. "
        "Each conformer counts once, and twice where it stands for its mirror image too. The figure has the conformers "
        "with the largest populations."
    )
    download("Populations (CSV)", table, "populations.csv")


def _degeneracies(result: Comparison) -> np.ndarray:
    """Those of the comparison, kept: they need all pairs of conformers."""
    first = result.methods[0]
    return _kept_degeneracies(keys.geometry_key(result.molecule), first.values.tobytes(), result)


@st.cache_data(show_spinner="Looking for mirror images…", max_entries=64)
def _kept_degeneracies(key: str, energies: bytes, _result: Comparison) -> np.ndarray:
    return np.asarray(_result.degeneracies)


def _one_conformer(
    work: Workspace, refined: Refined, result: Comparison, lowest: int, shown_key: str, stem: str
) -> None:
    """One conformer, before and after it was relaxed, its file, and its atomization energies."""
    molecule, n = result.molecule, result.molecule.n_conformers
    st.session_state.setdefault(shown_key, lowest)
    if n > 1:
        st.selectbox("Conformer", range(n), format_func=lambda k: str(k + 1), key=shown_key, width=160, **KEPT)
    number = min(st.session_state[shown_key], n - 1)
    positions, start = molecule.positions[number], refined.start
    overlaid = start is not None and st.toggle("Beside what it was before", key="conformer_before", **KEPT)
    if overlaid and start is not None:
        both = superimpose(molecule.with_positions(np.array([positions, start[number]]))).positions
        theme = viewer.page_theme()
        page = viewer.overlay_html(molecule, both, hydrogens=True, script=viewer.script_url(), theme=theme)
        st.iframe(page, height=360, alt="Three-dimensional view of the conformer before and after")
        st.caption("Blue: relaxed. Orange: before.")
    said = ", ".join(
        f"{plain(method.name)} {fixed(method.relative[number], 2)} (rank {method.ranks[number]:.0f})"
        for method in result.methods
        if np.isfinite(method.values[number])
    )
    st.caption(f"Conformer {number + 1}, kcal/mol above the lowest: {said}.")
    with st.container(horizontal=True):
        table = relative_energy_table(result)
        levels = {method.name: method.level for method in result.methods}
        sdf = partial(geometries_sdf, molecule, table_fields(table, levels), [number])
        download("This conformer (SDF)", sdf, f"{stem}_{number + 1}.sdf", key="conformer_sdf")
        st.button(
            "Show it on every page",
            icon=":material/visibility:",
            on_click=_keep,
            args=(work, refined, number, positions),
        )
    _atomization(work, result, number)


def _keep(work: Workspace, refined: Refined, number: int, positions: np.ndarray) -> None:
    name = f"Conformer {number + 1}{_how(refined)}"
    geometry.keep(work.shown.molecule, name, positions, _source(refined, number))


def _source(refined: Refined, number: int) -> str:
    return f"conformer {number + 1} of the page Conformers{_how(refined)}"


def _how(refined: Refined) -> str:
    return f", relaxed by {refined.relaxed_by.label}" if refined.relaxed_by is not None else ""


def _atomization(work: Workspace, result: Comparison, number: int) -> None:
    """Atomization energies, each with its level of theory; totals are not comparable."""
    st.markdown("**Atomization energies**")
    table = atomization_table(result, number + 1)
    kind = "atomization energy (kcal/mol)"
    table[kind] = [f"{value:.1f}" if np.isfinite(value) else "–" for value in table[kind]]
    st.table(table, hide_index=True)
    for name, known in card.uncertainties(work.model, result.molecule, result.methods, "total").items():
        width, level = known.intervals().of(SHOWN_SHARES[0])[number], plain(known.scale.against)
        st.caption(f"{plain(name)}: ± {width:.1f} kcal/mol for 95 of 100 molecules, against {level}.")
    st.caption(
        "Energy of the isolated atoms minus energy of the molecule, both at the method's own level, without zero-point "
        "energy; positive means bound. Total energies of different methods have different zeros and are not compared."
    )
