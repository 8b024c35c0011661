"""What the model predicts of one molecule: sigma and epsilon (Fig. 11), the potential of an atom pair, downloads."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.shell.state import KEPT, LINKED, keep_in_link, opened_with
from pages.components.shell.text import file_stem, plain
from pages.components.widgets import card
from pages.components.widgets.picked import atom_name, pick, pick_row, picked
from pages.components.widgets.show import download
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
#: Columns of the table of pairs and the form of their numbers, by parameter.
_NUMBERS = {"sigma": ("σ (Å)", "%.3f"), "epsilon": ("ε (kcal/mol)", "%.4f"), "R_min": ("R_min (Å)", "%.3f")}
_MOST_ROWS = 200


def parameter_distributions(work: Workspace, *, in_sight: bool) -> None:
    """Relation and element pairs to choose, histograms of sigma and epsilon, the pairs of a bar, medians.

    Where they are `in_sight`, the pairs of chosen bars are lit in the structure.
    """
    molecule, pairs = work.shown.molecule, work.force_field.pairs
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
    behind, said = [], []
    for column, parameter in zip(st.columns(2, gap="medium"), ("sigma", "epsilon"), strict=True):
        with column:
            figure = pair_parameter_histogram(pairs, parameter, relation=relation, element_pairs=colored)
            key = f"histogram_{parameter}_{relation}_{keys.graph_key(molecule)[:12]}"
            points = clicked(figure, key, f"Histogram of {parameter}")
        bars = [point["customdata"] for point in points if "customdata" in point]
        if bars:
            behind.append(pairs_of_bars(pairs, parameter, bars, relation=relation, element_pairs=colored))
            said += [f"{name}, {_SYMBOLS[parameter]} {text}" for name, *_, text in bars]
    if behind:
        chosen = pairs.loc[sorted(set().union(*(table.index for table in behind)))]
        what = f"{counted(len(chosen), 'pair')}: {'; '.join(said)}"
        if in_sight:
            work.sight.light_pairs(chosen[["i", "j"]].to_numpy(), what)
    else:
        what = "all pairs of the histograms; click a bar for its own"
    _pairs(work, chosen, what)
    _undefined(chosen)
    _summary(pairs)


def _pairs(work: Workspace, chosen: pd.DataFrame, what: str) -> None:
    """The deepest of these pairs in numbers, each with its spread and how far training covered it; a row is picked."""
    molecule = work.shown.molecule
    _, spread = card.spreads(work.model, molecule)
    shown = chosen.sort_values("epsilon", ascending=False).head(_MOST_ROWS)
    atoms = shown[["i", "j"]].to_numpy()
    names = [atom_name(molecule, atom) for atom in range(molecule.n_atoms)]
    columns: dict[str, object] = {"atoms": [f"{names[i]}–{names[j]}" for i, j in atoms]}
    for parameter, (label, _) in _NUMBERS.items():
        columns[label] = shown[parameter].to_numpy()
        if spread is not None:
            columns[f"± {label}"] = getattr(spread, parameter)[shown.index.to_numpy()]
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
            f"{sign}{label}": st.column_config.NumberColumn(format=form)
            for label, form in _NUMBERS.values()
            for sign in ("", "± ")
        }
        | {"atoms": st.column_config.Column(pinned=True)},
        placeholder="–",
        alt="Lennard-Jones parameters of the pairs; a chosen row is picked in the structure",
    )
    more = f" The {len(shown)} deepest of {len(chosen)}." if len(shown) < len(chosen) else ""
    st.caption(f"A row picks its two atoms; the tab Atom pair has their curve.{_spread_said(spread)}{more}")


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


def pair_inspector(work: Workspace, *, in_sight: bool) -> None:
    """Two atoms to choose, their parameters in numbers, and the curve with the shown distance marked.

    Where the inspector is `in_sight`, the pair is lit in the structure.
    """
    force_field, geometry = work.force_field, work.geometry
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
    _, spread = card.spreads(work.model, molecule)
    _numbers(pair, distance, spread)
    said = _spread_said(spread) if pair["relation"] != "bonded" else ""
    show_trust(trust_of(work.model, molecule, (i, j)), more=said)
    if in_sight and set(picked(molecule)) != {i, j}:
        work.sight.light_pairs(np.array([[i, j]]), f"the pair {names[i]}–{names[j]}")
    furthest = max(_FURTHEST, 1.2 * distance) if distance is not None else _FURTHEST
    curve = atom_pair_curve(force_field, i, j, np.linspace(_NEAREST, furthest, _POINTS))
    ink = "#fafafa" if st.context.theme.type == "dark" else "#222222"
    figure = pair_curve_figure(curve, distance=distance, ink=ink)
    points = clicked(figure, f"pair_curve_{i}_{j}_{key}", f"Potential curve of {names[i]} and {names[j]}")
    if pair["relation"] == "bonded":
        st.caption("Bonded pairs have no Coulomb, dispersion or repulsion term: the Gaussians carry them (Eq. 21).")
    for point in points[:1]:
        _at_distance(force_field, i, j, float(point["x"]), "the chosen point")
    if distance is not None:
        _at_distance(force_field, i, j, distance, "the shown distance")


def _take_link(text: str, molecule: Molecule) -> None:
    """Pick the two atoms of a link; what names no two atoms of this molecule is said and left out."""
    numbers = [int(word) - 1 if word.isdecimal() and len(word) < 10 else -1 for word in text.split("-")]
    if len(numbers) != 2 or not all(0 <= number < molecule.n_atoms for number in numbers):
        st.warning(plain(f"The link names the pair {text}, which this molecule does not have."))
        return
    pick(molecule, numbers)


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

    of_charges, of_pairs = card.spreads(model, molecule)

    def table() -> pd.DataFrame:
        known = {f"{key}_e": others[name].values for key, name in SCHEMES.items() if name in others}
        return charges_table(molecule, force_field.charges, spread=of_charges).assign(**known)

    with st.container(horizontal=True):
        download("Charges (CSV)", table, f"{stem}_charges.csv")
        download("Atom pairs (CSV)", partial(pairs_table, force_field, positions, of_pairs), f"{stem}_pairs.csv")
        download(
            "Structure with charges (SDF)",
            sdf,
            f"{stem}_charges.sdf",
            disabled=positions is None,
            help=geometry.note if not loaded.has_own_geometry else "Every conformer as given, with its charges.",
        )
        download("Everything (JSON)", lambda: force_field_json(force_field, model=model), f"{stem}_virialff.json")
