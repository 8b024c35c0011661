"""Results of the page Dimer: one complex, the base pairs, and the reference dimers."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import streamlit as st

from pages.components.dimer.tasks import approach, interactions
from pages.components.shell import background
from pages.components.shell.model import active_folder
from pages.components.shell.state import KEPT, Loaded
from pages.components.shell.text import sentence
from pages.components.widgets.comparison_views import energy_table
from pages.components.widgets.gallery import references
from pages.components.widgets.geometry import Geometry
from pages.components.widgets.show import download, show_figure
from virialff.benchmarks.reference_data import (
    COUPLED_CLUSTER,
    coupled_cluster_energies,
    short_level,
)
from virialff.engines import DFT_ENGINES
from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.export.ensembles import geometry_sdf
from virialff.figures.interactions import approach_figure
from virialff.interactions.complexes import ComplexInteractions
from virialff.interactions.dissociation import DissociationCurve, closest_contact
from virialff.methods.method import MODEL, first_usable
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
        table = _with_references(_named_level(result.table, model), molecule)
        energy_table(table, pinned="method", name="Interaction energies")
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
    held = references()
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
    energy_table(joined.with_units(), pinned="separation (Angstrom)", name="Approach")
