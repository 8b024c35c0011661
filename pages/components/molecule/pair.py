"""One atom pair: its parameters and its potential curve, term by term."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.widgets.figure import show_figure
from pages.components.widgets.geometry import Geometry
from virialff.figures import TERM_LABELS, pair_curve_figure
from virialff.models.force_field import ForceField
from virialff.molecules import keys
from virialff.parameters.pairs import atom_pair_curve, interesting_pair

_NEAREST, _FURTHEST, _POINTS = 0.8, 8.0, 400


@st.fragment
def pair_inspector(force_field: ForceField, geometry: Geometry) -> None:
    """Two atoms to choose, their parameters in numbers, and the curve with the shown distance marked."""
    molecule = force_field.molecule
    if molecule.n_atoms < 2:
        st.info("A single atom has no pairs.")
        return
    names = [f"{symbol}{number}" for number, symbol in enumerate(molecule.symbols, start=1)]
    first, second = interesting_pair(force_field.pairs, force_field.charges, geometry.positions)
    key = keys.graph_key(molecule)[:12]
    with st.container(horizontal=True):
        i = _choose_atom("First atom", names, first, f"first_{key}")
        j = _choose_atom("Second atom", names, second, f"second_{key}")
    if i == j:
        st.info("Choose two different atoms.")
        return
    i, j = sorted((i, j))
    pairs = force_field.pairs
    pair = pairs[(pairs["i"] == i) & (pairs["j"] == j)].iloc[0]
    distance = None
    if geometry.positions is not None:
        distance = float(np.linalg.norm(geometry.positions[i] - geometry.positions[j]))
    _numbers(pair, distance)
    furthest = max(_FURTHEST, 1.2 * distance) if distance is not None else _FURTHEST
    curve = atom_pair_curve(force_field, i, j, np.linspace(_NEAREST, furthest, _POINTS))
    ink = "#fafafa" if st.context.theme.type == "dark" else "#222222"
    figure = pair_curve_figure(curve, distance=distance, ink=ink)
    show_figure(figure, key="pair_curve", alt=f"Potential curve of {names[i]} and {names[j]}")
    if pair["relation"] == "bonded":
        st.caption("Bonded pairs have no Coulomb, dispersion or repulsion term: the Gaussians carry them (Eq. 21).")
    if distance is not None:
        _at_distance(force_field, i, j, distance)


def _choose_atom(label: str, names: list[str], start: int, key: str) -> int:
    return st.selectbox(label, range(len(names)), start, names.__getitem__, key=key, persist_state="session", width=160)


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
            st.metric(name, f"{value:+.3f}", width="content")
    st.caption(f"Energies in kcal/mol at the shown distance, {distance:.3f} Å.")
