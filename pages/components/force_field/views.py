"""What the model predicts of one molecule: sigma and epsilon (Fig. 11), the potential of an atom pair, downloads."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.components.shell import collected
from pages.components.shell.link_values import say_unusable
from pages.components.shell.state import KEPT, LINKED, keep_in_link, opened_with
from pages.components.shell.text import file_stem, plain
from pages.components.widgets import card
from pages.components.widgets.picked import atom_name, pick, pick_row, picked
from pages.components.widgets.show import download, ink
from pages.components.widgets.sight import clicked
from pages.components.widgets.trust import pair_levels, show_trust, trust_of
from pages.components.widgets.workspace import Workspace
from virialff.figures.distributions import TYPICAL_VALUES, pair_parameter_histogram, pairs_of_bars
from virialff.figures.pairs import TERM_LABELS, pair_curve_figure
from virialff.methods.charge_schemes import SCHEMES, AtomCharges
from virialff.models.force_field import ForceField
from virialff.models.members import PairSpread
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
_SYMBOLS = {"sigma": "σ", "epsilon": "ε"}
_HISTOGRAM = "Histogram of {}"
#: Beginnings of the keys of widgets.
_RELATION, _COLORED = "relation_", "colored_"
#: Columns of the table of pairs and the form of their numbers, by parameter.
_NUMBERS = {"sigma": ("σ (Å)", "%.3f"), "epsilon": ("ε (kcal/mol)", "%.4f"), "R_min": ("R_min (Å)", "%.3f")}
_MOST_ROWS = 200


def figures_of_closed_tabs(work: Workspace, pair: tuple[int, int] | None) -> None:
    """The report has the curve of the pair and the histograms also where their tabs are closed."""
    molecule, pairs = work.shown.molecule, work.force_field.pairs
    if pair is not None and pair[0] != pair[1]:
        i, j = sorted(pair)
        curve = partial(_curve, work.force_field, i, j, _distance(work, i, j), ink())
        collected.figure(_curve_title(molecule, i, j), curve)
    if present := _present(pairs):
        chosen = {key: value for key, value in st.session_state.items() if str(key).startswith((_RELATION, _COLORED))}
        for parameter in _SYMBOLS:
            collected.figure(_HISTOGRAM.format(parameter), partial(_histogram, pairs, parameter, present, chosen))


def _histogram(pairs: pd.DataFrame, parameter: str, present: Sequence[str], chosen: Mapping[Any, Any]) -> go.Figure:
    """As it is shown where its relation and colours are `chosen` by the keys of their widgets, or not yet."""
    relation, ranked = _ranked(pairs, present, chosen)
    colored = chosen.get(_colored_key(relation, ranked), ranked[:_DEFAULT_COLORED])
    return pair_parameter_histogram(pairs, parameter, relation=relation, element_pairs=colored)


def _ranked(pairs: pd.DataFrame, present: Sequence[str], chosen: Mapping[Any, Any]) -> tuple[str, list[str]]:
    """The relation that is chosen by the key of its widget, and the element pairs of it, commonest first."""
    relation = chosen.get(_relation_key(present)) or present[-1]
    return relation, commonest_element_pairs(pairs[pairs["relation"] == relation], len(pairs))


def _present(pairs: pd.DataFrame) -> list[str]:
    """The relations of the pairs that are not bonded."""
    found = set(pairs["relation"].unique())
    return [relation for relation in LONG_RANGE_RELATIONS if relation in found]


def _relation_key(present: Sequence[str]) -> str:
    return _RELATION + "_".join(present)


def _colored_key(relation: str, ranked: Sequence[str]) -> str:
    return f"{_COLORED}{relation}_{'_'.join(ranked)}"


def parameter_distributions(work: Workspace) -> None:
    """Relation and element pairs to choose, histograms of sigma and epsilon, the pairs of a bar, medians.

    The pairs of chosen bars are lit in the structure.
    """
    molecule, pairs = work.shown.molecule, work.force_field.pairs
    present = _present(pairs)
    if not present:
        st.info("All atoms of this molecule are bonded to each other: there are no non-bonded pairs.")
        return
    st.segmented_control(
        "Pairs that are", present, default=present[-1], required=True, key=_relation_key(present), **LINKED
    )
    relation, ranked = _ranked(pairs, present, st.session_state)
    chosen = pairs[pairs["relation"] == relation]
    st.caption(f"**{relation}**: {_MEANING[relation]}; {counted(len(chosen), 'pair')}.")
    colored = st.multiselect(
        "Element pairs in colour",
        ranked,
        default=ranked[:_DEFAULT_COLORED],
        max_selections=_MOST_COLORED,
        key=_colored_key(relation, ranked),
        **KEPT,
    )
    behind, said = [], []
    for column, parameter in zip(st.columns(2, gap="medium"), _SYMBOLS, strict=True):
        with column:
            figure = _histogram(pairs, parameter, present, st.session_state)
            key = f"histogram_{parameter}_{relation}_{keys.graph_key(molecule)[:12]}"
            points = clicked(figure, key, _HISTOGRAM.format(parameter))
        bars = [point["customdata"] for point in points if "customdata" in point]
        if bars:
            behind.append(pairs_of_bars(pairs, parameter, bars, relation=relation, element_pairs=colored))
            said += [f"{name}, {_SYMBOLS[parameter]} {text}" for name, *_, text in bars]
    if behind:
        chosen = pairs.loc[sorted(set().union(*(table.index for table in behind)))]
        what = f"{counted(len(chosen), 'pair')}: {'; '.join(said)}"
        work.sight.light_pairs(chosen[["i", "j"]].to_numpy(), what)
    else:
        what = "all pairs of the histograms; click a bar for its own"
    _pairs(work, chosen, what)
    _undefined(chosen)
    _summary(pairs)


def _pairs(work: Workspace, chosen: pd.DataFrame, what: str) -> None:
    """The deepest of these pairs in numbers, each with its spread and how far training covered it; a row is picked."""
    molecule = work.shown.molecule
    spread = card.pair_spread(work.model, work.force_field)
    shown = chosen.sort_values("epsilon", ascending=False).head(_MOST_ROWS)
    atoms = shown[["i", "j"]].to_numpy()
    names = [atom_name(molecule, atom) for atom in range(molecule.n_atoms)]
    columns: dict[str, object] = {"atoms": [f"{names[i]}–{names[j]}" for i, j in atoms]}
    for parameter, (label, _) in _NUMBERS.items():
        columns[label] = shown[parameter].to_numpy()
        if spread is not None:
            columns[_spread_of(label)] = getattr(spread, parameter)[shown.index.to_numpy()]
    columns["trust"] = [level.value for level in pair_levels(work.model, molecule, atoms)]
    key = f"pairs_{keys.graph_key(molecule)[:12]}"
    st.markdown(f"**Pairs**: {plain(what)}")
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height=min(38 + 35 * len(shown), 250),
        key=key,
        on_select=partial(pick_row, key, molecule, atoms),
        selection_mode="single-row",
        column_config={
            name: st.column_config.NumberColumn(name.partition(" (")[0], format=form)
            for label, form in _NUMBERS.values()
            for name in (label, _spread_of(label))
        }
        | {"atoms": st.column_config.Column(pinned=True)},
        placeholder="–",
        alt="Lennard-Jones parameters of the pairs; a chosen row is picked in the structure",
    )
    more = f" The {len(shown)} deepest of {len(chosen)}." if len(shown) < len(chosen) else ""
    st.caption(
        "σ and R_min in Å, ε in kcal/mol. A row picks its two atoms; the tab Atom pair has their curve."
        f"{_spread_said(spread)}{more}"
    )


def _spread_of(label: str) -> str:
    """The heading of the spread beside that of a number, short so that all columns fit."""
    return f"± {label.partition(' ')[0]}"


def _spread_said(spread: PairSpread | None) -> str:
    return "" if spread is None else f" ±: standard deviation over the model's {spread.n_models} parameter sets."


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


def shown_pair(work: Workspace) -> tuple[int, int] | None:
    """The atoms (from 0) of the pair that is looked at, those picked last or chosen, and puts them into the address.

    None for a single atom. In their boxes, whether these are drawn or not; the two may be the same.
    """
    molecule = work.shown.molecule
    if molecule.n_atoms < 2:
        return None
    boxes = _boxes(molecule)
    if len(atoms := picked(molecule)) > 1:
        st.session_state[boxes[0]], st.session_state[boxes[1]] = atoms[-2:]
    first = interesting_pair(work.force_field.pairs, work.force_field.charges, work.geometry.positions)
    i, j = (st.session_state.setdefault(box, atom) for box, atom in zip(boxes, first, strict=True))
    keep_in_link(_LINK_PART, "" if i == j or (i, j) == first else f"{i + 1}-{j + 1}")
    return i, j


def _boxes(molecule: Molecule) -> tuple[str, str]:
    """Keys of the boxes with the first and the second atom of the pair."""
    key = keys.graph_key(molecule)[:12]
    return f"first_{key}", f"second_{key}"


def pair_inspector(work: Workspace, pair_shown: tuple[int, int] | None) -> None:
    """Two atoms to choose, at first `pair_shown` (from 0), their numbers, and the curve with the shown distance marked.

    The pair is lit in the structure. None for a single atom.
    """
    force_field, molecule = work.force_field, work.shown.molecule
    if pair_shown is None:
        st.info("A single atom has no pairs.")
        return
    names = [atom_name(molecule, atom) for atom in range(molecule.n_atoms)]
    boxes = _boxes(molecule)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        for label, box in zip(("First atom", "Second atom"), boxes, strict=True):
            st.selectbox(
                label,
                range(len(names)),
                format_func=names.__getitem__,
                key=box,
                on_change=_pick_pair,
                args=(molecule, boxes),
                width=130,
                **KEPT,
            )
        st.caption("or click two atoms in the structure", width="content")
    i, j = sorted(pair_shown)
    if i == j:
        st.info("Choose two different atoms.")
        return
    pairs = force_field.pairs
    pair = pairs[(pairs["i"] == i) & (pairs["j"] == j)].iloc[0]
    distance = _distance(work, i, j)
    spread = card.pair_spread(work.model, work.force_field)
    _numbers(pair, distance, spread)
    said = _spread_said(spread) if pair["relation"] != "bonded" else ""
    show_trust(trust_of(work.model, molecule, (i, j)), more=said)
    if set(picked(molecule)) != {i, j}:
        work.sight.light_pairs(np.array([[i, j]]), f"the pair {names[i]}–{names[j]}")
    figure = _curve(force_field, i, j, distance, ink())
    points = clicked(figure, f"pair_curve_{i}_{j}_{boxes[0]}", _curve_title(molecule, i, j))
    if pair["relation"] == "bonded":
        st.caption("Bonded pairs have no Coulomb, dispersion or repulsion term: the Gaussians carry them (Eq. 21).")
    for point in points[:1]:
        _at_distance(force_field, i, j, float(point["x"]), "the chosen point")
    if distance is not None:
        _at_distance(force_field, i, j, distance, "the shown distance")


def _distance(work: Workspace, i: int, j: int) -> float | None:
    positions = work.geometry.positions
    return None if positions is None else float(np.linalg.norm(positions[i] - positions[j]))


def _curve_title(molecule: Molecule, i: int, j: int) -> str:
    return f"Potential curve of {atom_name(molecule, i)} and {atom_name(molecule, j)}"


def _curve(force_field: ForceField, i: int, j: int, distance: float | None, ink: str) -> go.Figure:
    furthest = max(_FURTHEST, 1.2 * distance) if distance is not None else _FURTHEST
    curve = atom_pair_curve(force_field, i, j, np.linspace(_NEAREST, furthest, _POINTS))
    return pair_curve_figure(curve, distance=distance, ink=ink)


def take_link(molecule: Molecule) -> None:
    """Pick the two atoms of the link that opened the session; what names no two atoms of it is said and left out."""
    if (text := opened_with(_LINK_PART)) is None or molecule.n_atoms < 2:
        return
    numbers = [int(word) - 1 if word.isdecimal() and len(word) < 10 else -1 for word in text.split("-")]
    if len(numbers) != 2 or not all(0 <= number < molecule.n_atoms for number in numbers):
        say_unusable(_LINK_PART, ": this molecule has no such pair")
        return
    pick(molecule, numbers)


def _pick_pair(molecule: Molecule, boxes: Sequence[str]) -> None:
    pick(molecule, [st.session_state[box] for box in boxes])


def _numbers(pair: pd.Series, distance: float | None, spread: PairSpread | None) -> None:
    values = {
        "relation": str(pair["relation"]),
        "distance": "–" if distance is None else f"{distance:.3f} Å",
        "σ": _number(pair, "sigma", "Å", spread),
        "R_min": _number(pair, "R_min", "Å", spread),
        "ε": _number(pair, "epsilon", "kcal/mol", spread),
    }
    with st.container(horizontal=True):
        for label, value in values.items():
            st.metric(label, value, width="content")


def _number(pair: pd.Series, parameter: str, unit: str, spread: PairSpread | None) -> str:
    """A parameter of a pair with its spread, to as many decimals as are said everywhere."""
    value, form = float(pair[parameter]), _NUMBERS[parameter][1]
    if not np.isfinite(value):
        return "undefined"
    half = "" if spread is None else f" ± {form % getattr(spread, parameter)[pair.name]}"
    return f"{form % value}{half} {unit}"


def _at_distance(force_field: ForceField, i: int, j: int, distance: float, what: str) -> None:
    terms = atom_pair_curve(force_field, i, j, np.array([distance])).drop(columns="r").iloc[0]
    names = [TERM_LABELS.get(term, term) for term in terms.index]
    with st.container(horizontal=True):
        for name, value in zip(names, terms, strict=True):
            st.metric(name, fixed(value, 3, sign=True), width="content")
    st.caption(f"Energies in kcal/mol at {what}, {distance:.3f} Å.")


def download_row(work: Workspace, others: Mapping[str, AtomCharges]) -> None:
    """Buttons for charges and pairs (CSV), SDF with charges, and JSON; `others` are charges by the names of SCHEMES."""
    loaded, force_field, model, geometry = work.shown, work.force_field, work.model, work.geometry
    stem = file_stem(loaded.title, loaded.molecule.formula)
    molecule, positions = loaded.molecule, geometry.positions

    def sdf() -> str:
        whole = molecule if loaded.has_own_geometry else molecule.with_positions(np.asarray(positions))
        note = "as given" if loaded.has_own_geometry else geometry.source
        return sdf_with_charges(whole, force_field.charges, model=model, geometry=note)

    def charges() -> pd.DataFrame:
        known = {f"{key}_e": others[name].values for key, name in SCHEMES.items() if name in others}
        spread = card.charge_spread(model, force_field)
        return charges_table(molecule, force_field.charges, spread=spread).assign(**known)

    def pairs() -> pd.DataFrame:
        return pairs_table(force_field, positions, card.pair_spread(model, force_field))

    with st.container(horizontal=True):
        download("Charges (CSV)", charges, f"{stem}_charges.csv")
        download("Atom pairs (CSV)", pairs, f"{stem}_pairs.csv")
        download(
            "Structure with charges (SDF)",
            sdf,
            f"{stem}_charges.sdf",
            disabled=positions is None,
            help=geometry.note if not loaded.has_own_geometry else "Every conformer as given, with its charges.",
        )
        download("Everything (JSON)", lambda: force_field_json(force_field, model=model), f"{stem}_virialff.json")
