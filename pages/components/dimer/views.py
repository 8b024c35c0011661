"""Results of the page Dimer: one complex, the base pairs, and the reference dimers."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.dimer import complexes
from pages.components.dimer.tasks import approach, base_pairs, compare_references, interactions
from pages.components.shell import background
from pages.components.shell.model import active_folder, force_field
from pages.components.shell.state import KEPT, Loaded
from pages.components.shell.text import plain, sentence
from pages.components.widgets import viewer
from pages.components.widgets.geometry import Geometry
from pages.components.widgets.show import download, show_figure, without_signed_zeros
from virialff.benchmarks.noncovalent import InteractionResult, paper_table, vertical_table
from virialff.benchmarks.psi4_databases import PAIRS
from virialff.benchmarks.reference_data import (
    COUPLED_CLUSTER,
    REFERENCES,
    coupled_cluster_energies,
    short_level,
    sort_dimers,
)
from virialff.engines import DFT_ENGINES
from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.errors import VirialffError
from virialff.export.ensembles import geometry_sdf
from virialff.figures.interactions import approach_figure, interaction_scatter
from virialff.interactions.complexes import ComplexInteractions
from virialff.interactions.dissociation import DissociationCurve, closest_contact
from virialff.methods.method import MODEL, first_usable
from virialff.models.card import with_interval
from virialff.models.force_field import Model
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule

_ENGINES = {"GFN2-xTB": "gfn2", "ANI": "ani"}
_SCATTER = "reference_scatter"
_PINNED = st.column_config.Column(pinned=True)
_ENERGY = st.column_config.NumberColumn(format="%.2f")
_LENGTH = st.column_config.NumberColumn(format="%.3f")


def sources(labels: list[str]) -> dict[str, str]:
    """By these labels the names that `get_method` takes; the active model has the label `model`."""
    return {label: active_folder() if label == MODEL else _ENGINES[label] for label in labels}


def choose_methods(key: str, engines: Sequence[str] = tuple(_ENGINES)) -> list[str]:
    """Pills for the model and these engines. DFT is not chosen from the start, because it takes minutes."""
    return st.pills(
        "Methods",
        [MODEL, *engines],
        selection_mode="multi",
        default=[MODEL, *_ENGINES],
        format_func=lambda name: f"{name} (minutes)" if name == LEVEL_OF_THEORY else name,
        key=key,
        persist_state="session",
    )


def energy_table(table: pd.DataFrame, name: str) -> None:
    """A table of energies with its download."""
    st.dataframe(
        without_signed_zeros(table, 2),
        hide_index=True,
        placeholder="–",
        column_config={str(column): _ENERGY for column in table.columns if "(kcal/mol)" in str(column)}
        | {str(column): _LENGTH for column in table.columns if "(Angstrom)" in str(column)}
        | {"method": _PINNED, "pair": _PINNED, "dimer": _PINNED},
    )
    download(f"{name} (CSV)", table, f"{name.lower().replace(' ', '_')}.csv", key=f"csv_{name}")


class _Work(NamedTuple):
    """What one worker computes of a complex."""

    key: str
    methods: dict[str, str]
    relax: bool
    lane: background.Lane


def one_complex(model: Model, molecule: Molecule) -> ComplexInteractions | None:
    """E_int by every method, vertical and relaxed, with what the references hold of this complex.

    Returns what was computed, None before anything was.
    """
    dft = first_usable(DFT_ENGINES, molecule)
    if isinstance(dft, str):
        st.info(sentence(dft), title=f"{LEVEL_OF_THEORY} cannot be used here")
    engines = {LEVEL_OF_THEORY: dft.name} if not isinstance(dft, str) else {}
    names = choose_methods("interaction_methods", [*_ENGINES, *engines])
    quick = sources([name for name in names if name != LEVEL_OF_THEORY])
    slow = {name: engines[name] for name in names if name in engines}
    geometry = keys.geometry_key(molecule)
    # DFT has a worker of its own, so that its minutes hold up nothing else; no model has a part in its results.
    lanes: tuple[tuple[background.Lane, str, dict[str, str]], ...] = (
        ("short", f"{geometry}_{model.sha256}", quick),
        ("long", geometry, slow),
    )
    works = [
        _Work(f"interaction_{relax}_{place}_{'_'.join(methods)}", methods, relax, lane)
        for relax in (False, True)
        for lane, place, methods in lanes
        if methods
    ]
    if works and not any(background.running(work.key) for work in works):
        with st.container(horizontal=True):
            for relax, label in ((False, "Compute as it is"), (True, "Relax and compute")):
                st.button(
                    label,
                    key=f"start_{relax}",
                    type="secondary" if relax else "primary",
                    icon=":material/play_arrow:",
                    on_click=_start_one,
                    args=([work for work in works if work.relax == relax], molecule),
                )
    results: dict[bool, ComplexInteractions] = {}
    for work in works:
        found: ComplexInteractions | None = background.show(work.key)
        if found is not None:
            results[work.relax] = results[work.relax].beside(found) if work.relax in results else found
    result = results.get(True) or results.get(False)
    if result is not None:
        energy_table(_with_references(_named_level(result.table, model), molecule), "Interaction energies")
        for method, reason in result.reasons.items():
            st.info(sentence(reason), title=f"{method} gives no energy")
        for change in result.changes:
            st.warning(sentence(change), title="The relaxation changed more than the shape")
        st.caption(
            "E_int = energy of the complex − energies of the molecules; negative is bound. Vertical: the complex as it "
            "was given, with the molecules as they are in it. Relaxed: complex and molecules each at their GFN2-xTB "
            "minimum; minus the binding energy of the paper's Eq. 25."
        )
        if any(entry.half_widths for entry in result.vertical):
            st.caption("± 95 %: 95 of 100 vertical energies of the model are expected within it of its labels' level.")
    return result


def shown_complex(chosen: Loaded, found: ComplexInteractions | None, stem: str) -> Geometry:
    """The geometry that pictures, matrix and download show: the relaxed one as soon as there is one."""
    molecule = chosen.molecule
    shown, kind = Geometry(molecule.positions[0], "Geometry as described above.", chosen.origin), ""
    if found is not None and found.geometry is not None:
        relaxed = f"Relaxed with {found.geometry_level}"
        wish = st.segmented_control(
            "Geometry", [relaxed, "As given"], default=relaxed, required=True, key="complex_geometry", **KEPT
        )
        if wish != "As given":
            molecule, kind = molecule.with_positions(found.geometry.positions[0]), "_relaxed"
            source = f"{chosen.origin}, then relaxed with {found.geometry_level}"
            shown = Geometry(molecule.positions[0], f"Geometry: {relaxed[0].lower()}{relaxed[1:]}.", source)
    download("Geometry (SDF)", lambda: geometry_sdf(molecule, chosen.title), f"{stem}{kind}.sdf", key="complex_sdf")
    return shown


def _start_one(works: list[_Work], molecule: Molecule) -> None:
    titles = {"short": "Interaction energies", "long": f"Interaction energies by {LEVEL_OF_THEORY}"}
    for work in works:
        if not background.has_result(work.key):
            background.start(
                work.key,
                interactions,
                molecule,
                work.methods,
                work.relax,
                title=titles[work.lane],
                lane=work.lane,
            )


def _named_level(table: pd.DataFrame, model: Model) -> pd.DataFrame:
    """The model's level said as what it is: that of the energies it was trained on."""
    named = table.copy()
    named.loc[named["method"] == MODEL, "level of theory"] = f"{model.name}, {model.level}"
    return named


def _with_references(table: pd.DataFrame, molecule: Molecule) -> pd.DataFrame:
    """The table with a row for DFT and one for CCSD(T) where they are known at this geometry."""
    held = complexes.references()
    dimer = held.find_dimer(molecule)
    if dimer is None:
        return table
    vertical = "E_int vertical (kcal/mol)"
    rows = []
    relaxed = [
        entry
        for entry in held.dimers
        if (entry.database, entry.index, entry.geometry) == (dimer.database, dimer.index, "relaxed")
    ]
    for level, energy in dimer.interaction_energies.items():
        if short_level(level) in _ENGINES or short_level(level).startswith("ANI"):
            continue
        row: dict[str, object] = {"method": short_level(level), vertical: energy}
        if relaxed and level in relaxed[0].interaction_energies:
            row["E_int relaxed (kcal/mol)"] = relaxed[0].interaction_energies[level]
        rows.append(row | {"level of theory": f"{level}, counterpoise-corrected, from the references"})
    exact = coupled_cluster_energies().get((dimer.database, dimer.index))
    if exact is not None and dimer.geometry == "vertical":
        source = f"{COUPLED_CLUSTER}, {dimer.database}"
        rows.append({"method": COUPLED_CLUSTER, vertical: exact.interaction_energy, "level of theory": source})
    whole = pd.concat([table, pd.DataFrame(rows)], ignore_index=True)
    energies = [str(name) for name in whole.columns if "(kcal/mol)" in str(name)]
    return whole[["method", *energies, "level of theory"]]


def approach_view(model: Model, molecule: Molecule) -> None:
    """E_int while the second molecule moves along the line between the centres."""
    if molecule.n_fragments != 2:
        st.info("The approach is drawn for two molecules.")
        return
    names = choose_methods("approach_methods")
    key = f"approach_{keys.geometry_key(molecule)}_{model.sha256}_{'_'.join(names)}"
    if names and not background.running(key):
        st.button(
            "Compute the curve",
            icon=":material/play_arrow:",
            on_click=lambda: background.start(key, approach, molecule, sources(names), title="Approach"),
        )
    curves: tuple[DissociationCurve, ...] | None = background.show(key)
    if not curves:
        return
    table = pd.concat([curves[0].table, *(curve.table.iloc[:, 2:] for curve in curves[1:])], axis=1)
    joined = DissociationCurve(table, tuple(name for curve in curves for name in curve.methods))
    shown = float(closest_contact(molecule, molecule.positions[:1])[0])
    show_figure(approach_figure(joined, shown=shown), key="approach", alt="Interaction energy by distance")
    left_out = [name for name in names if name not in joined.methods]
    if left_out:
        st.info(f"{', '.join(left_out)} cannot compute this complex or is not installed here.")
    energy_table(joined.with_units(), "Approach")


def base_pair_view(model: Model) -> None:
    """The paper's table beside ours, relaxed; and the vertical energies beside CCSD(T)."""
    by_place = {(entry.database, entry.index): label for label, (entry, _) in complexes.gallery().items()}
    labels = {pair: by_place[places[0]] for pair, places in PAIRS.items() if places[0] in by_place}
    key = f"base_pairs_{model.sha256}"
    if not labels:
        st.info(
            "The geometries of A-T and G-C come with psi4-data or with the references, and neither has them here: "
            "install psi4-data to compute our columns."
        )
    elif not background.running(key):
        st.button(
            "Compute our columns",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_start_pairs,
            args=(key, labels),
        )
    found: dict[str, ComplexInteractions] = background.show(key) or {}
    st.markdown("**Relaxed, as in the paper**: complex and bases each at their own minimum")
    energy_table(paper_table(found), "Base pairs relaxed")
    st.markdown("**Vertical, at the geometries of JSCH-2005**: the bases as they are in the pair")
    energy_table(vertical_table(found), "Base pairs vertical")
    st.caption(
        "Two references, because they are two quantities: the paper's 12.4 and 25.4 kcal/mol are relaxed binding "
        "energies (Eq. 25, positive is bound) of its own choice, JSCH-2005 gives vertical ones. Ours are relaxed with "
        "GFN2-xTB from the JSCH geometries. The tables have interaction energies in kcal/mol: negative is bound."
    )
    for pair, result in found.items():
        for method, reason in result.reasons.items():
            st.info(sentence(reason), title=f"{pair}: {method} gives no energy")
        for change in result.changes:
            st.warning(sentence(change), title=f"{pair}: the relaxation changed more than the shape")


def _start_pairs(key: str, labels: dict[str, str]) -> None:
    pairs = tuple((pair, complexes.gallery_molecule(label)) for pair, label in labels.items())
    background.start(key, base_pairs, pairs, sources([MODEL, *_ENGINES]), title="Base pairs")


def reference_view(model: Model) -> None:
    """Fig. 8 and 9: the reference dimers, with the dimer of a point in 3D."""
    held = complexes.references().dimers
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
                key="geometry",
                persist_state="session",
                bind="query-params",
            )
            or geometry
        )
    else:
        st.caption("The references hold vertical dimers so far; relaxed ones appear here when they are shipped.")
    key = f"references_{geometry}_{REFERENCES.stat().st_mtime_ns}_{model.sha256}"
    if not background.running(key):
        st.button(
            "Compute with the active model",
            type="primary",
            icon=":material/play_arrow:",
            on_click=lambda: background.start(
                key, compare_references, str(REFERENCES), active_folder(), geometry, title="Reference dimers"
            ),
        )
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
    energy_table(_readable(result), f"Reference dimers {geometry}")
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
    points = [point for point in st.session_state[key].selection.points if "customdata" in point]
    if points:
        value = points[0]["customdata"]
        st.session_state[f"{_SCATTER}_row"] = int(value[0] if isinstance(value, list) else value)


def _dimer(model: Model, result: InteractionResult, row: int, geometry: str) -> None:
    entry = result.table.iloc[row]
    held = sort_dimers(complexes.references().dimers)
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
        viewer.show(dimer.molecule, dimer.molecule.positions[0], field.charges, height=320)
    with right:
        st.markdown(f"**{plain(str(entry['name']))}**")
        values = {"reference": entry["reference"], **{name: entry[name] for name in result.methods}}
        st.dataframe(
            pd.DataFrame({"method": list(values), "E_int (kcal/mol)": np.array(list(values.values()), dtype=float)}),
            hide_index=True,
            column_config={"E_int (kcal/mol)": _ENERGY},
        )
