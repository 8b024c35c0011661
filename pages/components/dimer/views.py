"""Results of the page Dimer: interaction energies of one complex, its contacts, relaxed geometry and approach."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.dimer.tasks import approach, interactions
from pages.components.shell import background, press
from pages.components.shell.text import plain, sentence
from pages.components.widgets import geometry
from pages.components.widgets.comparison_views import energy_table
from pages.components.widgets.gallery import references
from pages.components.widgets.methods import is_cheap, the_model
from pages.components.widgets.picked import atom_name, pick_row
from pages.components.widgets.show import download, show_figure
from pages.components.widgets.sight import contacts_said, number_of, points_of
from pages.components.widgets.tasks import Chosen
from pages.components.widgets.workspace import Workspace
from virialff.benchmarks.reference_data import COUPLED_CLUSTER, coupled_cluster_energies, short_level
from virialff.engines.dft import LEVEL_OF_THEORY
from virialff.export.ensembles import geometries_sdf, table_fields
from virialff.figures.interactions import approach_figure
from virialff.interactions.complexes import ComplexInteractions, complex_interactions
from virialff.interactions.contacts import find_contacts
from virialff.interactions.dissociation import DissociationCurve, closest_contact, dissociation_positions
from virialff.models.force_field import Model
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule
from virialff.parameters.contributions import INTERMOLECULAR, contribution_matrix, pair_contributions

# Levels whose energies are computed here rather than taken from the references.
_COMPUTED_HERE = ("GFN2-xTB", "ANI")
#: Geometries that a relaxation of complex and molecules goes through.
_STEPS = 50


class _Work(NamedTuple):
    """What one worker computes of a complex."""

    key: str
    methods: dict[str, str]
    relax: bool
    lane: background.Lane


def one_complex(work: Workspace, methods: list[Chosen]) -> ComplexInteractions | None:
    """E_int by these methods, vertical and relaxed, with what the references hold of this complex.

    Before anything is asked for, the model's; the quick ones are begun by themselves where they take seconds, relaxed
    where nobody chose how the molecules lie. Returns what there is.
    """
    model, molecule = work.model, work.shown.molecule
    quick = {method.label: method.name for method in methods if method.pace != "slow"}
    slow = {method.label: method.name for method in methods if method.pace == "slow"}
    place = keys.geometry_key(molecule)
    # DFT has a worker of its own, so that its minutes hold up nothing else; no model has a part in its results.
    lanes: tuple[tuple[background.Lane, str, dict[str, str]], ...] = (
        ("short", f"{place}_{model.sha256}", quick),
        ("long", place, slow),
    )
    works = [
        _Work(f"interaction_{relax}_{place}_{'_'.join(methods)}", methods, relax, lane)
        for relax in (False, True)
        for lane, place, methods in lanes
        if methods
    ]
    guess = work.shown.is_guess and is_cheap(molecule, _STEPS)
    if is_cheap(molecule):
        for item in works:
            began = background.known(item.key) or background.was_stopped(item.key)
            if item.lane == "short" and item.relax == guess and not began:
                _start_one([item], molecule)
    if works and not any(background.running(item.key) for item in works):
        labels = {False: "Compute as it is", True: "Relax and compute"}
        with st.container(horizontal=True):
            for relax in sorted({item.relax for item in works if not _is_known(item)}):
                press.button(
                    labels[relax],
                    partial(_start_one, [item for item in works if item.relax == relax], molecule),
                    key=f"start_{relax}",
                    type="secondary" if relax else "primary",
                    icon=":material/play_arrow:",
                )
    results: dict[bool, ComplexInteractions] = {}
    for item in works:
        found: ComplexInteractions | None = background.show(item.key)
        if found is not None:
            results[item.relax] = results[item.relax].beside(found) if item.relax in results else found
    result = results.get(True) or results.get(False) or _at_once(work, methods)
    if result is not None:
        table = _with_references(_named_level(result.table, model), molecule)
        energy_table(table, pinned="method", name="Interaction energies", headings={"level of theory": None})
        levels = zip(table["method"], table["level of theory"], strict=True)
        by_method = [f"{method}: {level}" for method, level in levels if level != method]
        st.caption(plain(". ".join(by_method), limit=1000))
        for said in result.doubts:
            st.warning(sentence(said))
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


def _is_known(item: _Work) -> bool:
    """Whether its energies are there; what relaxes a complex gives its vertical ones too."""
    relaxed = item.key.replace("interaction_False_", "interaction_True_", 1)
    return background.has_result(item.key) or background.has_result(relaxed)


def _at_once(work: Workspace, methods: list[Chosen]) -> ComplexInteractions | None:
    """What the model says before anything was asked for; None where it is not among the methods."""
    label = next((method.label for method in methods if method.pace == "instant"), None)
    if label is None:
        return None
    key = f"{work.model.sha256}_{keys.geometry_key(work.shown.molecule)}"
    return _by_model(key, label, work.model, work.shown.molecule)


@st.cache_data(show_spinner=False, max_entries=64)
def _by_model(key: str, label: str, _model: Model, _molecule: Molecule) -> ComplexInteractions:
    return complex_interactions(_molecule, {label: _model})


def keep_relaxed(work: Workspace, found: ComplexInteractions | None) -> None:
    """Make a relaxed complex the geometry that all views show, once; the given one can be chosen again."""
    given = work.shown.molecule
    if found is None or found.geometry is None:
        return
    how = f"relaxed with {found.geometry_level}"
    name = f"{how[0].upper()}{how[1:]}"
    if name not in geometry.kept_names(given):
        geometry.keep(given, name, found.geometry.positions[0], f"{work.shown.origin}, then {how}")
        st.rerun()


def contacts_view(work: Workspace, stem: str) -> None:
    """The contacts of the molecules at the shown geometry, each with the model's energy of its pair of atoms."""
    molecule, positions = work.shown.molecule, np.asarray(work.geometry.positions)
    said = contacts_said(molecule, positions)
    table = find_contacts(molecule, positions)
    if table.empty:
        st.info(said)
        return
    energies = contribution_matrix(pair_contributions(work.force_field, positions, INTERMOLECULAR), molecule.n_atoms)
    names = [atom_name(molecule, atom) for atom in range(molecule.n_atoms)]
    pairs = table[["i", "j"]].to_numpy()
    shown = pd.DataFrame(
        {
            "atoms": [f"{names[i]}–{names[j]}" for i, j in pairs],
            "contact": table["kind"],
            "distance (Å)": table["distance"],
            "pair energy (kcal/mol)": energies[pairs[:, 0], pairs[:, 1]],
            "angle (degree)": table["angle"],
            "overlap (Å)": table["inside"],
        }
    )
    key = f"contacts_{keys.graph_key(molecule)[:12]}"
    take = partial(pick_row, key, molecule, pairs)
    # The units stand below, so that all columns are in sight.
    headings = {name: name.partition(" (")[0] for name in shown.columns}
    energy_table(shown, pinned="atoms", name="Contacts", key=key, on_select=take, headings=headings)
    st.caption(
        f"{said} A row does too. Distance and overlap of the van der Waals radii are in Å, the angle at the hydrogen "
        "or halogen in degrees; the pair energy, in kcal/mol by the active model, is that of the two atoms alone. "
        "Hydrogen bonds are told by their geometry: within the van der Waals radii and above 110°."
    )


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
    active = the_model(model)
    named.loc[named["method"] == active.label, "level of theory"] = active.level
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
        if short_level(level).startswith(_COMPUTED_HERE):
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


def approach_view(work: Workspace, methods: list[Chosen], stem: str) -> None:
    """E_int while the second molecule moves along the line between the centres, by the quick ones of these methods.

    The point that is chosen in the figure or the table is what the structure shows.
    """
    molecule = work.shown.molecule.with_positions(np.asarray(work.geometry.positions))
    if molecule.n_fragments != 2:
        st.info("The approach is drawn for two molecules.")
        return
    names = {method.label: method.name for method in methods if method.pace != "slow"}
    key = f"approach_{keys.geometry_key(molecule)}_{work.model.sha256}_{'_'.join(names)}"
    if names and not background.running(key) and not background.has_result(key):
        press.button(
            "Compute the curve",
            lambda: background.start(key, approach, molecule, names, title="Approach"),
            icon=":material/play_arrow:",
            type="primary",
        )
    curves: tuple[DissociationCurve, ...] | None = background.show(key)
    if not curves:
        return
    table = pd.concat([curves[0].table, *(curve.table.iloc[:, 2:] for curve in curves[1:])], axis=1)
    joined = DissociationCurve(table, tuple(name for curve in curves for name in curve.methods))
    along = molecule.with_positions(
        dissociation_positions(molecule, molecule.positions[0], table["separation"].to_numpy())
    )
    point_key, table_key = f"point_of_{key}", f"rows_of_{key}"
    point: int | None = st.session_state.get(point_key)
    at = along.positions[point] if point is not None else molecule.positions[0]
    shown = float(closest_contact(molecule, at[None])[0])
    show_figure(
        approach_figure(joined, shown=shown),
        key="approach",
        alt="Interaction energy by distance",
        on_select=partial(_take_point, "approach", point_key),
        selection_mode="points",
    )
    if point is not None:
        what = f"point {point + 1} of {len(table)} of the approach, {shown:.2f} Å apart"
        work.sight.show(at, what, point_key)
    left_out = [name for name in names if name not in joined.methods]
    if left_out:
        st.info(plain(f"{', '.join(left_out)} cannot compute this complex or is not installed here."))
    take = partial(_take_row, table_key, point_key)
    said = joined.with_units()
    energy_table(said, pinned="separation (Angstrom)", name="Approach", key=table_key, on_select=take)
    st.caption("A click on a point, or a row, shows its geometry in the structure.")
    levels = {method.label: method.level for method in methods}
    sdf = partial(geometries_sdf, along, table_fields(said, {name: levels[name] for name in joined.methods}))
    download(f"All {len(table)} geometries (SDF)", sdf, f"{stem}_approach.sdf", key="approach_sdf")


def _take_point(key: str, point_key: str) -> None:
    # A figure that is drawn anew has no chosen point for a moment.
    number = number_of(points_of(key))
    if number is not None:
        st.session_state[point_key] = number


def _take_row(key: str, point_key: str) -> None:
    rows = st.session_state[key].selection.rows
    st.session_state[point_key] = int(rows[0]) if rows else None
