"""What the model predicts of one molecule: sigma and epsilon (Fig. 11), the potential of an atom pair, downloads."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.shell.state import KEPT, LINKED, Loaded, keep_in_link, opened_with
from pages.components.shell.text import file_stem, plain
from pages.components.widgets.geometry import Geometry
from pages.components.widgets.picked import pick, picked
from pages.components.widgets.show import download, show_figure
from pages.components.widgets.trust import show_trust, trust_of
from virialff.figures.distributions import TYPICAL_VALUES, pair_parameter_histogram
from virialff.figures.pairs import TERM_LABELS, pair_curve_figure
from virialff.models.force_field import ForceField, Model
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule
from virialff.parameters.pairs import (
    LONG_RANGE_RELATIONS,
    atom_pair_curve,
    commonest_element_pairs,
    element_pair_labels,
    interesting_pair,
    pair_parameter_summary,
)
from virialff.parameters.tables import charges_table, force_field_json, pairs_table, sdf_with_charges
from virialff.text import counted, fixed

_LINK_PART = "pair"
_DEFAULT_COLORED = 4
_MOST_COLORED = 7
_MEANING = {
    "1-3": "atoms two bonds apart",
    "1-4": "atoms three bonds apart",
    "further": "atoms four or more bonds apart",
    "intermolecular": "atoms of different molecules",
}
_NEAREST, _FURTHEST, _POINTS = 0.8, 8.0, 400


@st.fragment
def parameter_distributions(force_field: ForceField) -> None:
    """Relation and element pairs to choose, histograms of sigma and epsilon, medians, and what is undefined."""
    pairs = force_field.pairs
    present = [relation for relation in LONG_RANGE_RELATIONS if (pairs["relation"] == relation).any()]
    if not present:
        st.info("All atoms of this molecule are bonded to each other: there are no non-bonded pairs.")
        return
    relation = st.segmented_control(
        "Pairs that are", present, default=present[-1], required=True, key=f"relation_{'_'.join(present)}", **LINKED
    )
    relation = relation or present[-1]
    chosen = pairs[pairs["relation"] == relation]
    st.caption(f"**{relation}**: {_MEANING[relation]}; {counted(len(chosen), 'pair')}.")
    ranked = commonest_element_pairs(chosen, len(chosen))
    colored = st.multiselect(
        "Element pairs in colour",
        ranked,
        default=ranked[:_DEFAULT_COLORED],
        max_selections=_MOST_COLORED,
        key=f"colored_{relation}_{'_'.join(ranked)}",
        **KEPT,
    )
    sigma, epsilon = st.columns(2, gap="medium")
    for column, parameter in ((sigma, "sigma"), (epsilon, "epsilon")):
        with column:
            figure = pair_parameter_histogram(pairs, parameter, relation=relation, element_pairs=colored)
            show_figure(figure, key=f"histogram_{parameter}", alt=f"Histogram of {parameter}")
    _undefined(chosen)
    _summary(pairs)


def _undefined(chosen: pd.DataFrame) -> None:
    missing = chosen["sigma"].isna()
    if missing.any():
        kinds = ", ".join(sorted(set(element_pair_labels(chosen[missing]))))
        st.caption(f"σ is undefined for {int(missing.sum())} of these pairs, whose C₀ vanishes ({kinds}).")
    else:
        st.caption("σ is defined for all of these pairs: C₀ vanishes for none.")


def _summary(pairs: pd.DataFrame) -> None:
    with st.expander("Medians by relation, and what σ and ε mean here"):
        st.dataframe(
            pair_parameter_summary(pairs),
            hide_index=True,
            column_config={
                "median sigma (Å)": st.column_config.NumberColumn("median σ (Å)", format="%.2f"),
                "median R_min (Å)": st.column_config.NumberColumn("median R_min (Å)", format="%.2f"),
                "median epsilon (kcal/mol)": st.column_config.NumberColumn("median ε (kcal/mol)", format="%.4f"),
                "without sigma": st.column_config.NumberColumn("σ undefined"),
            },
        )
        st.markdown(
            "The long-range part of a pair is −|C₀|/r⁶ + |C₁|/r¹² = 4ε[(σ/r)¹² − (σ/r)⁶], so σ = (|C₁|/|C₀|)^(1/6) is "
            "where it crosses zero, R_min = 2^(1/6) σ is its minimum and ε = C₀²/(4|C₁|) its depth. Equation 26 as "
            "printed in the paper, σ = C₀/C₁, has not the dimension of a length. Part of the short-range interaction "
            "lies in the Gaussians, so σ and ε of close pairs need not look like those of a classical force field."
        )
        st.markdown(
            "Dashed lines: " + "; ".join(f"{t.label}, {t.value:g} {t.unit}: {t.source}" for t in TYPICAL_VALUES)
        )


def pair_inspector(force_field: ForceField, geometry: Geometry, model: Model) -> None:
    """Two atoms to choose, their parameters in numbers, and the curve with the shown distance marked."""
    molecule = force_field.molecule
    if molecule.n_atoms < 2:
        st.info("A single atom has no pairs.")
        return
    names = [f"{symbol}{number}" for number, symbol in enumerate(molecule.symbols, start=1)]
    first, second = interesting_pair(force_field.pairs, force_field.charges, geometry.positions)
    key = keys.graph_key(molecule)[:12]
    if (text := opened_with(_LINK_PART)) is not None:
        _take_link(text, molecule)
    boxes = (f"first_{key}", f"second_{key}")
    if len(atoms := picked(molecule)) > 1:
        st.session_state[boxes[0]], st.session_state[boxes[1]] = atoms[-2:]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        i = _choose_atom("First atom", names, first, boxes, molecule)
        j = _choose_atom("Second atom", names, second, boxes[::-1], molecule)
        st.caption("or click two atoms in the structure", width="content")
    if i == j:
        st.info("Choose two different atoms.")
        return
    keep_in_link(_LINK_PART, "" if (i, j) == (first, second) else f"{i + 1}-{j + 1}")
    i, j = sorted((i, j))
    pairs = force_field.pairs
    pair = pairs[(pairs["i"] == i) & (pairs["j"] == j)].iloc[0]
    distance = None
    if geometry.positions is not None:
        distance = float(np.linalg.norm(geometry.positions[i] - geometry.positions[j]))
    _numbers(pair, distance)
    show_trust(trust_of(model, molecule, (i, j)))
    furthest = max(_FURTHEST, 1.2 * distance) if distance is not None else _FURTHEST
    curve = atom_pair_curve(force_field, i, j, np.linspace(_NEAREST, furthest, _POINTS))
    ink = "#fafafa" if st.context.theme.type == "dark" else "#222222"
    figure = pair_curve_figure(curve, distance=distance, ink=ink)
    show_figure(figure, key="pair_curve", alt=f"Potential curve of {names[i]} and {names[j]}")
    if pair["relation"] == "bonded":
        st.caption("Bonded pairs have no Coulomb, dispersion or repulsion term: the Gaussians carry them (Eq. 21).")
    if distance is not None:
        _at_distance(force_field, i, j, distance)


def _take_link(text: str, molecule: Molecule) -> None:
    """Pick the two atoms of a link; what names no two atoms of this molecule is said and left out."""
    numbers = [int(word) - 1 if word.isdecimal() and len(word) < 10 else -1 for word in text.split("-")]
    if len(numbers) != 2 or not all(0 <= number < molecule.n_atoms for number in numbers):
        st.warning(plain(f"The link names the pair {text}, which this molecule does not have."))
        return
    pick(molecule, numbers)
    st.rerun()  # the structure is drawn already, without them


def _choose_atom(label: str, names: list[str], start: int, boxes: Sequence[str], molecule: Molecule) -> int:
    """A box with the key `boxes[0]` whose choice is picked in the structure, with that of the other box."""
    return st.selectbox(
        label,
        range(len(names)),
        start,
        names.__getitem__,
        key=boxes[0],
        on_change=_pick_pair,
        args=(molecule, sorted(boxes)),
        width=130,
        **KEPT,
    )


def _pick_pair(molecule: Molecule, boxes: Sequence[str]) -> None:
    pick(molecule, [st.session_state[box] for box in boxes])


def _numbers(pair: pd.Series, distance: float | None) -> None:
    values = {
        "relation": str(pair["relation"]),
        "distance": "–" if distance is None else f"{distance:.3f} Å",
        "σ": _number(pair["sigma"], "Å"),
        "R_min": _number(pair["R_min"], "Å"),
        "ε": _number(pair["epsilon"], "kcal/mol", "{:.4f}"),
    }
    with st.container(horizontal=True):
        for label, value in values.items():
            st.metric(label, value, width="content")


def _number(value: float, unit: str, form: str = "{:.3f}") -> str:
    return f"{form.format(value)} {unit}" if np.isfinite(value) else "undefined"


def _at_distance(force_field: ForceField, i: int, j: int, distance: float) -> None:
    terms = atom_pair_curve(force_field, i, j, np.array([distance])).drop(columns="r").iloc[0]
    names = [TERM_LABELS.get(term, term) for term in terms.index]
    with st.container(horizontal=True):
        for name, value in zip(names, terms, strict=True):
            st.metric(name, fixed(value, 3, sign=True), width="content")
    st.caption(f"Energies in kcal/mol at the shown distance, {distance:.3f} Å.")


def download_row(loaded: Loaded, force_field: ForceField, model: Model, geometry: Geometry) -> None:
    """Buttons for charges and pairs (CSV), SDF with charges, and JSON."""
    stem = file_stem(loaded.title, loaded.molecule.formula)
    molecule, positions = loaded.molecule, geometry.positions

    def sdf() -> str:
        whole = molecule if loaded.has_own_geometry else molecule.with_positions(np.asarray(positions))
        note = "as given" if loaded.has_own_geometry else geometry.source
        return sdf_with_charges(whole, force_field.charges, model=model, geometry=note)

    with st.container(horizontal=True):
        download("Charges (CSV)", lambda: charges_table(molecule, force_field.charges), f"{stem}_charges.csv")
        download("Atom pairs (CSV)", lambda: pairs_table(force_field, positions), f"{stem}_pairs.csv")
        download(
            "Structure with charges (SDF)",
            sdf,
            f"{stem}_charges.sdf",
            disabled=positions is None,
            help=geometry.note if not loaded.has_own_geometry else "Every conformer as given, with its charges.",
        )
        download("Everything (JSON)", lambda: force_field_json(force_field, model=model), f"{stem}_virialff.json")
