"""The paper's base pairs and the reference dimers (Fig. 8, 9), by the model beside GFN2-xTB, ANI, DFT and CCSD(T)."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.benchmarks import tasks
from pages.components.shell import background, press
from pages.components.shell.model import active_folder, active_model, force_field
from pages.components.shell.state import LINKED
from pages.components.shell.text import plain, sentence
from pages.components.widgets import gallery
from pages.components.widgets.comparison_views import energy_table
from pages.components.widgets.show import show_figure
from pages.components.widgets.sight import contact_lines, contacts_said, number_of, points_of
from pages.components.widgets.structure import structure
from virialff.benchmarks.noncovalent import InteractionResult, paper_table, vertical_table
from virialff.benchmarks.psi4_databases import PAIRS
from virialff.benchmarks.reference_data import COUPLED_CLUSTER, REFERENCES, sort_dimers
from virialff.errors import VirialffError
from virialff.figures.interactions import interaction_scatter
from virialff.interactions.complexes import ComplexInteractions
from virialff.methods.method import MODEL
from virialff.models.card import with_interval
from virialff.models.force_field import Model

_ENGINES = {"GFN2-xTB": "gfn2", "ANI": "ani"}
_SCATTER = "reference_scatter"


def base_pairs() -> None:
    """The paper's table beside ours, relaxed; and the vertical energies beside CCSD(T)."""
    model = active_model()
    by_place = {(entry.database, entry.index): label for label, (entry, _) in gallery.gallery().items()}
    labels = {pair: by_place[places[0]] for pair, places in PAIRS.items() if places[0] in by_place}
    key = f"base_pairs_{model.sha256}"
    if not labels:
        st.info(
            "The geometries of A-T and G-C come with psi4-data or with the references, and neither has them here: "
            "install psi4-data to compute our columns."
        )
    elif not background.running(key):
        press.button(
            "Compute our columns",
            partial(_start_pairs, key, labels),
            type="primary",
            icon=":material/play_arrow:",
        )
    found: dict[str, ComplexInteractions] = background.show(key) or {}
    st.markdown("**Relaxed, as in the paper**: complex and bases each at their own minimum")
    energy_table(paper_table(found), pinned="pair", name="Base pairs relaxed")
    st.markdown("**Vertical, at the geometries of JSCH-2005**: the bases as they are in the pair")
    energy_table(vertical_table(found), pinned="pair", name="Base pairs vertical")
    st.caption(
        "Two references, because they are two quantities: the paper's 12.4 and 25.4 kcal/mol are relaxed binding "
        "energies (Eq. 25, positive is bound) of its own choice, JSCH-2005 gives vertical ones. Ours are relaxed with "
        "GFN2-xTB from the JSCH geometries. The tables have interaction energies in kcal/mol: negative is bound."
    )
    for pair, result in found.items():
        for said in result.doubts:
            st.warning(sentence(said), title=pair)
        for method, reason in result.reasons.items():
            st.info(sentence(reason), title=f"{pair}: {method} gives no energy")
        for change in result.changes:
            st.warning(sentence(change), title=f"{pair}: the relaxation changed more than the shape")


def _start_pairs(key: str, labels: dict[str, str]) -> None:
    pairs = tuple((pair, gallery.gallery_molecule(label)) for pair, label in labels.items())
    background.start(key, tasks.base_pairs, pairs, {MODEL: active_folder(), **_ENGINES}, title="Base pairs")


def reference_dimers() -> None:
    """Fig. 8 and 9: the reference dimers, with the dimer of a point in 3D."""
    model = active_model()
    held = gallery.references().dimers
    geometries = [kind for kind in ("vertical", "relaxed") if any(dimer.geometry == kind for dimer in held)]
    if not geometries:
        st.info("The shipped references are missing: assets/data/references.parquet. Restore it from the project.")
        return
    geometry = geometries[0]
    if len(geometries) > 1:
        geometry = (
            st.segmented_control(
                "Geometries",
                geometries,
                default=geometry,
                required=True,
                key="reference_geometries",
                **LINKED,
            )
            or geometry
        )
    else:
        st.caption("The references hold vertical dimers so far; relaxed ones appear here when they are shipped.")
    key = f"references_{geometry}_{REFERENCES.stat().st_mtime_ns}_{model.sha256}"
    work = (tasks.compare_references, str(REFERENCES), active_folder(), geometry)
    start = partial(background.start, key, *work, title="Reference dimers")
    # The references hold the other methods; the model takes a second or two.
    background.begin(key, "Compute with the active model", start)
    result: InteractionResult | None = background.show(key)
    if result is not None:
        _reference_figures(model, result, geometry)


@st.fragment
def _reference_figures(model: Model, result: InteractionResult, geometry: str) -> None:
    others = [name for name in result.methods if name != COUPLED_CLUSTER]
    figures = [("Fig. 9: methods against counterpoise DFT", others, "methods")]
    if COUPLED_CLUSTER in result.methods:
        figures.insert(0, ("Fig. 8: CCSD(T) against counterpoise DFT", [COUPLED_CLUSTER], COUPLED_CLUSTER))
    columns = st.columns(len(figures), gap="medium")
    for number, (column, (title, methods, y_title)) in enumerate(zip(columns, figures, strict=True)):
        with column:
            st.markdown(f"**{plain(title)}**, {geometry}")
            show_figure(
                interaction_scatter(result, methods, y_title=y_title),
                key=f"{_SCATTER}_{number}",
                on_select=partial(_take_point, f"{_SCATTER}_{number}"),
                selection_mode="points",
                alt=title,
            )
    st.caption("Click a point to see its dimer. The paper's RMSE for its Fig. 9 is 1.7 kcal/mol.")
    names = result.table["name"].to_list()
    row = st.selectbox(
        "Dimer",
        range(len(names)),
        index=None,
        format_func=lambda k: f"{result.table['set'][k]} {result.table['index'][k]}: {names[k]}",
        placeholder="click a point above, or choose",
        key=f"{_SCATTER}_row",
        persist_state="session",
        width=380,
    )
    if row is not None and row < len(names):
        _dimer(model, result, row, geometry)
    energy_table(_readable(result), pinned="dimer", name=f"Reference dimers {geometry}")
    st.markdown("**Errors against the reference**, with 95 % intervals over dimers")
    st.table(_errors(result), hide_index=True)


def _readable(result: InteractionResult) -> pd.DataFrame:
    """The dimers with one column for their names, so that all methods fit beside it."""
    table = result.with_units()
    names = [f"{row['set']} {row['index']}: {row['name']}" for _, row in table.iterrows()]
    energies = [str(name) for name in table.columns if "(kcal/mol)" in str(name)]
    return pd.DataFrame({"dimer": names}).join(table[[*energies, "category"]])


def _errors(result: InteractionResult) -> pd.DataFrame:
    """The error statistics for people."""
    statistics = result.statistics
    rows = [dict(row) for _, row in statistics.iterrows()]
    return pd.DataFrame(
        {
            "method": statistics["method"],
            "dimers": [f"{row['category']} ({row['n_values']})" for row in rows],
            "MAE (kcal/mol)": [with_interval(row, "mae") for row in rows],
            "RMSE (kcal/mol)": [with_interval(row, "rmse") for row in rows],
            "mean error (kcal/mol)": [with_interval(row, "mean_signed") for row in rows],
        }
    )


def _take_point(key: str) -> None:
    number = number_of(points_of(key))
    if number is not None:
        st.session_state[f"{_SCATTER}_row"] = number


def _dimer(model: Model, result: InteractionResult, row: int, geometry: str) -> None:
    entry = result.table.iloc[row]
    held = sort_dimers(gallery.references().dimers)
    dimer = next(
        item for item in held if (item.database, item.index, item.geometry) == (entry["set"], entry["index"], geometry)
    )
    try:
        field = force_field(model, dimer.molecule)
    except VirialffError as error:
        st.error(sentence(error), title="The model cannot treat this dimer")
        return
    left, right = st.columns(2, gap="medium")
    with left:
        positions = dimer.molecule.positions[0]
        structure(
            dimer.molecule,
            positions,
            field.charges,
            labels="elements",
            flat=False,
            height=320,
            lines=contact_lines(dimer.molecule, positions),
            key="reference_view",
        )
        st.caption(contacts_said(dimer.molecule, positions))
    with right:
        st.markdown(f"**{plain(str(entry['name']))}**")
        values = {"reference": entry["reference"], **{name: entry[name] for name in result.methods}}
        st.dataframe(
            pd.DataFrame({"method": list(values), "E_int (kcal/mol)": np.array(list(values.values()), dtype=float)}),
            hide_index=True,
            column_config={"E_int (kcal/mol)": st.column_config.NumberColumn(format="%.2f")},
        )
