"""A distribution over many molecules: choices, figure, and the molecules and atoms behind a bar."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.shell.link_values import say_unusable
from pages.components.shell.model import force_field, named_model
from pages.components.shell.on_disk import on_disk
from pages.components.shell.state import KEPT, LINKED, keep_in_link, opened_with
from pages.components.shell.text import one_line, sentence
from pages.components.widgets.show import download, ink, show_figure
from pages.components.widgets.viewer import page_theme
from pages.components.widgets.workspace import two_columns
from virialff.elements import ELEMENTS
from virialff.errors import VirialffError
from virialff.figures.depiction import structure_drawing
from virialff.figures.distributions import distribution_figure, sigma_epsilon_figure
from virialff.figures.pairs import pair_curve_figure
from virialff.molecules.patterns import smarts_like
from virialff.molecules.topology import RELATIONS
from virialff.parameters.classical import FORCE_FIELDS, ValueRange, openff_pair, pair_range, pair_values
from virialff.parameters.distributions import (
    QUANTITIES,
    Distribution,
    Grouping,
    Selection,
    commonest_groups,
    distribution,
    items_table,
    sigma_epsilon,
)
from virialff.parameters.pairs import atom_pair_curve
from virialff.parameters.samples import ParameterSample
from virialff.text import counted

_LABELS = {
    "sigma": "σ",
    "R_min": "R_min",
    "epsilon": "ε",
    "atomic charge": "Atomic charge",
    "molecular charge": "Molecular charge",
}
_ALL = "all"
_MOST_GROUPS = 7
_DEFAULT_GROUPS = 4
_ROWS_SHOWN = 200
#: Rows of a CSV that the app makes.
_MOST_VALUES = 1_000_000
_DRAWN = 6
_DEPICTION_HEIGHT = 170
#: Of columns of a bar's table, as they are shown.
_HEADINGS = {
    "atom_i": "first atom",
    "atom_j": "second atom",
    "element_i": "its element",
    "element_j": "element of second",
    "sigma (Å)": "σ (Å)",
    "epsilon (kcal/mol)": "ε (kcal/mol)",
}
_CHART = "parameter_chart"
_BIN = "parameter_bin"
_LINK_PART = "bar"
# Distances of a pair curve in Angstrom.
_NEAREST, _FURTHEST, _POINTS = 1.5, 8.0, 261


@st.fragment
def distribution_view(samples: dict[str, ParameterSample], key: str, *, whole: bool) -> None:
    """Everything about the parameters of these samples, by the name of the model; `key` stands for their content.

    whole: they are all that there will be, so that the bar of a link is one of theirs. What is asked for is on the
    left, what was found on the right.
    """
    left, right = two_columns(0.3)
    with left:
        asked = _asked(samples)
    if asked is None:
        return
    with right:
        _found(samples, key, asked, whole=whole)


@dataclass(frozen=True)
class _Asked:
    """What the controls say."""

    quantity: str
    selection: Selection
    by: Grouping
    groups: tuple[str, ...]
    pair: str | None  #: elements of the lines of classical force fields and of the map; None but for pairs


def _asked(samples: dict[str, ParameterSample]) -> _Asked | None:
    """The controls; None where a SMARTS cannot be used, which is said."""
    quantity = (
        st.segmented_control(
            "Distribution of",
            list(_LABELS),
            default="sigma",
            required=True,
            format_func=_LABELS.__getitem__,
            key="quantity",
            **LINKED,
        )
        or "sigma"
    )
    selection = _selection(quantity)
    by = _grouping(quantity, len(samples))
    try:
        groups = _chosen_groups(samples, quantity, selection, by)
    except VirialffError as error:
        st.error(sentence(error), title="This SMARTS cannot be used")
        return None
    pair = _classical_pair(groups, by) if QUANTITIES[quantity].kind == "pairs" else None
    return _Asked(quantity, selection, by, groups, pair)


def _found(samples: dict[str, ParameterSample], key: str, asked: _Asked, *, whole: bool) -> None:
    try:
        # What is a part only is soon another one: kept, the parts of one large set would be many times its size.
        found = _kept(key, samples, asked) if whole else _counted(samples, asked)
    except VirialffError as error:
        st.error(sentence(error), title="This SMARTS cannot be used")
        return
    if not len(found.values):
        st.info("No pair, atom or molecule of the set is meant by these choices.")
        return
    place = f"{key}_{asked.quantity}_{asked.selection}_{asked.by}_{asked.groups}"
    _figure(found, _ranges(found, asked.pair), asked.by, place)
    if found.n_undefined:
        st.caption(
            f"{_LABELS[asked.quantity]} is undefined for {counted(found.n_undefined, 'pair')}, whose C₀ or C₁ vanishes."
        )
    _behind(found, samples, place, whole=whole)
    if asked.pair is not None:
        _map(samples, asked)
    st.subheader("In numbers")
    _summary(found, samples, asked.quantity)


def _map(samples: dict[str, ParameterSample], asked: _Asked) -> None:
    """Sigma against epsilon of one element pair, with the atom types of classical force fields."""
    assert asked.pair is not None
    st.subheader(f"σ and ε of {asked.pair}")
    pairs = {one_line(name): sigma_epsilon(sample, asked.selection, asked.pair) for name, sample in samples.items()}
    types = {}
    first, _, second = asked.pair.partition("–")
    for name in FORCE_FIELDS:
        try:
            values = pair_values(name, first, second)
        except VirialffError as error:
            st.info(sentence(error), title=f"No types of {name}")
            continue
        if len(values):
            types[name] = values
    if not any(len(sigma) for sigma, _ in pairs.values()):
        st.info(f"No pair {asked.pair} of the set is meant by these choices.")
        return
    show_figure(sigma_epsilon_figure(pairs, types), key="sigma_epsilon", alt=f"Sigma against epsilon, {asked.pair}")
    several = "Lines join equal numbers of pairs, one colour a model." if len(pairs) > 1 else "Bright: many pairs."
    st.caption(f"{several} Marks: the types of classical force fields, by Lorentz and Berthelot.")


def _selection(quantity: str) -> Selection:
    kind = QUANTITIES[quantity].kind
    relation = None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if kind == "pairs":
            choice = st.selectbox(
                "Pairs that are",
                [_ALL, *RELATIONS[1:]],
                key="relation",
                help="1-3: two bonds apart; 1-4: three bonds apart; further: four or more; intermolecular: atoms of "
                "different molecules of a complex.",
                width=170,
                **LINKED,
            )
            relation = None if choice == _ALL else choice
        first = st.text_input(
            "Atoms that match SMARTS" if kind != "pairs" else "One atom matches SMARTS",
            key="smarts",
            placeholder="any, for example [OX2H]",
            help="The first atom of the SMARTS is meant, or the one with the map number 1: [H:1]O is the hydrogen on "
            "an oxygen. Hydrogens are atoms of their own.",
            width=250,
            **LINKED,
        )
        second = ""
        if kind == "pairs":
            second = st.text_input(
                "the other matches SMARTS", key="smarts_other", placeholder="any", width=250, **LINKED
            )
    return Selection(relation, first or "", second or "")


def _grouping(quantity: str, n_models: int) -> Grouping:
    kind = QUANTITIES[quantity].kind
    options: dict[str, Grouping] = {}
    if kind != "molecules":
        options["element pair" if kind == "pairs" else "element"] = "element"
    if kind == "pairs":
        options["relation"] = "relation"
    options["model"] = "model"
    if len(options) == 1:
        return "model"
    default = "model" if n_models > 1 else next(iter(options))
    chosen = st.segmented_control(
        "Colours by", list(options), default=default, required=True, key=f"by_{kind}_{n_models}", **KEPT
    )
    return options[chosen or default]


def _chosen_groups(
    samples: dict[str, ParameterSample], quantity: str, selection: Selection, by: Grouping
) -> tuple[str, ...]:
    if by != "element":
        return ()
    ranked = commonest_groups(samples, quantity, selection)
    what = "Element pairs in colour" if QUANTITIES[quantity].kind == "pairs" else "Elements in colour"
    chosen = st.multiselect(
        what,
        ranked,
        default=ranked[:_DEFAULT_GROUPS],
        max_selections=_MOST_GROUPS,
        key=f"groups_{'_'.join(ranked)}",
        **KEPT,
    )
    return tuple(chosen)


@st.cache_resource(show_spinner="Counting…", max_entries=8)
def _kept(key: str, _samples: dict[str, ParameterSample], asked: _Asked) -> Distribution:
    return on_disk(_counted(_samples, asked))


def _counted(samples: dict[str, ParameterSample], asked: _Asked) -> Distribution:
    return distribution(samples, asked.quantity, selection=asked.selection, by=asked.by, groups=asked.groups)


def _classical_pair(groups: tuple[str, ...], by: Grouping) -> str:
    """The two elements whose values of classical force fields are shown."""
    pairs = [f"{a}–{b}" for a in ("C", "N", "O", "F", "P", "S", "Cl", "Br", "H") for b in ("C", "N", "O", "S", "H")]
    shown = [name for name in groups if name in pairs] if by == "element" else []
    options = list(dict.fromkeys([*shown, "C–C", "C–H", "C–O", "C–N", "O–H", "H–H", "N–O", "O–O", "N–N", "S–H", "C–S"]))
    return st.selectbox(
        "Amber, CHARMM and OpenFF for", options, key=f"classical_{'_'.join(options)}", width=250, **KEPT
    )


def _ranges(found: Distribution, pair: str | None) -> list[ValueRange]:
    """What classical force fields use for one element pair."""
    if pair is None:
        return []
    first, _, second = pair.partition("–")
    ranges = []
    for name in FORCE_FIELDS:
        try:
            entry = pair_range(name, first, second, found.quantity)
        except VirialffError as error:
            st.info(sentence(error), title=f"No lines of {name}")
            continue
        if entry is not None:
            ranges.append(entry)
    return ranges


def _figure(found: Distribution, ranges: list[ValueRange], by: Grouping, key: str) -> None:
    figure = distribution_figure(found, ranges, overlaid=by == "model")

    def take_click() -> None:
        points = st.session_state[_CHART].selection.points
        if points:
            st.session_state[f"{_BIN}_{key}"] = int(points[0]["customdata"][1])

    show_figure(
        figure,
        key=_CHART,
        on_select=take_click,
        selection_mode="points",
        alt=f"Histogram of {found.quantity} by {by}",
    )
    lines = "Lines above: smallest to largest value of the force field's atom types for this pair, the mark at the "
    note = f"{lines}median. Dashed: the value that the paper calls typical of GROMOS. " if ranges else ""
    st.caption(f"{note}Click a bar to see the molecules and atoms in it. The outermost bars reach to the extremes.")


def _summary(found: Distribution, samples: dict[str, ParameterSample], quantity: str) -> None:
    # In short titles, so that all columns are in sight.
    table = found.summary().rename(
        columns=lambda name: name.replace("standard deviation", "SD").replace("mean magnitude", "mean |x|")
    )
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            str(name): st.column_config.NumberColumn(format="%.4f") for name in table.columns if "(" in str(name)
        },
    )
    stem = quantity.replace(" ", "_")
    with st.container(horizontal=True):
        for label, make, name in (
            ("Histogram (CSV)", found.table, f"{stem}_histogram.csv"),
            ("Statistics (CSV)", found.summary, f"{stem}_statistics.csv"),
        ):
            download(label, make, name)
        all_values = partial(_all_values, found, samples)
        too_many = len(found.values) > _MOST_VALUES
        download(
            "All values (CSV)",
            all_values,
            f"{stem}_values.csv",
            disabled=too_many,
            help=f"More than {_MOST_VALUES:,}: choose fewer."
            if too_many
            else "Every atom, pair or molecule, lowest first.",
        )


def _all_values(found: Distribution, samples: dict[str, ParameterSample]) -> pd.DataFrame:
    """A row a value of every model, lowest first."""
    tables = []
    for number, name in enumerate(found.models):
        table = items_table(found, samples[name], np.flatnonzero(found.model_of == number))
        if len(found.models) > 1:
            table.insert(0, "model", name)
        tables.append(table)
    table = pd.concat(tables, ignore_index=True)
    return table.sort_values(table.columns[-1], kind="stable", ignore_index=True)


def _behind(found: Distribution, samples: dict[str, ParameterSample], key: str, *, whole: bool) -> None:
    """The molecules and atoms of the bar that was clicked or chosen; of pairs, the potential of one of them."""
    unit = QUANTITIES[found.quantity].unit
    edges = found.edges
    filled = [number for number in range(len(edges) - 1) if found.counts[:, number].any()]
    if whole:
        _take_bar(filled, f"{_BIN}_{key}")
    st.subheader("Molecules behind a bar")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            "Bar",
            filled,
            index=None,
            placeholder="click one above, or choose",
            # A kept widget keeps its function: of the edges alone, not of all values.
            format_func=lambda k: f"{edges[k]:.3g} to {edges[k + 1]:.3g} {unit}",
            key=f"{_BIN}_{key}",
            width=280,
            **KEPT,
        )
        name = next(iter(samples))
        if len(samples) > 1:
            name = st.selectbox("Model", list(samples), format_func=one_line, key=f"bar_model_{key}", width=220, **KEPT)
    if whole:
        keep_in_link(_LINK_PART, "" if number is None else str(number))
    if number is None:
        return
    rows = found.rows_in(number)
    rows = rows[found.model_of[rows] == found.models.index(name)]
    table = items_table(found, samples[name], rows)
    if table.empty:
        st.info("This model has no value there.")
        return
    shown = f"; the first {_ROWS_SHOWN} are shown" if len(table) > _ROWS_SHOWN else ""
    where = counted(table["molecule"].nunique(), "molecule")
    hint = " Click the box before a row to see its potential." if "atom_i" in table.columns else ""
    st.caption(f"{counted(len(table), 'value')} in {where}{shown}. Atoms count from 1.{hint}")
    _depictions(samples[name], table)
    event = st.dataframe(
        table.head(_ROWS_SHOWN),
        hide_index=True,
        height=min(38 + 35 * len(table), 240),
        on_select="rerun",
        selection_mode="single-row",
        # SMILES are narrow, so that the value is in sight.
        column_config=_HEADINGS | {"smiles": st.column_config.TextColumn("SMILES", width="small")},
        key=f"bar_rows_{key}_{number}_{name}",
    )
    download("All values of this bar (CSV)", table, f"{found.quantity.replace(' ', '_')}_bar.csv")
    if "atom_i" in table.columns:
        selected = event.selection.rows
        _pair_curve(samples[name], name, table.iloc[selected[0] if selected else 0])


def _take_bar(filled: list[int], key: str) -> None:
    """Choose the bar of the link; one that is not there is said and left out."""
    text = opened_with(_LINK_PART)
    if text is None:
        return
    if text.isdecimal() and int(text) in filled:
        st.session_state[key] = int(text)
    else:
        say_unusable(_LINK_PART, ": that bar is not here, or is empty")


def _pair_curve(sample: ParameterSample, name: str, row: pd.Series) -> None:
    """The potential of one pair by the model of the sample."""
    molecule = sample.molecule(int(row["molecule"]) - 1)
    i, j = int(row["atom_i"]) - 1, int(row["atom_j"]) - 1
    try:
        field = force_field(named_model(name), molecule)
    except VirialffError as error:
        st.error(sentence(error))
        return
    title = f"{row['element_i']}{i + 1} and {row['element_j']}{j + 1} of molecule {row['molecule']}"
    st.markdown(f"**Potential of {title}, {row['relation']}**")
    curve = atom_pair_curve(field, i, j, np.linspace(_NEAREST, _FURTHEST, _POINTS))
    show_figure(pair_curve_figure(curve, ink=ink()), key="bar_pair_curve", alt=f"Potential of {title}")
    first, second, sigma, epsilon = openff_pair(molecule.to_rdkit(), i, j)
    st.caption(
        f"OpenFF 2.2.1 has σ {sigma:.2f} Å and ε {epsilon:.3g} kcal/mol for these two (types {first} and {second})."
    )


def _like(smarts: str, other: str = "") -> None:
    st.session_state["smarts"] = smarts
    st.session_state["smarts_other"] = other


def _depictions(sample: ParameterSample, table: pd.DataFrame) -> None:
    """Some of the molecules with the atoms in question marked; of pairs, the first of each molecule."""
    atoms = [name for name in ("atom", "atom_i", "atom_j") if name in table.columns]
    with st.container(horizontal=True, gap="small"):
        for _, row in table.drop_duplicates("molecule").head(_DRAWN).iterrows():
            molecule = sample.molecule(int(row["molecule"]) - 1)
            marked = [int(row[name]) - 1 for name in atoms]
            symbols = " and ".join(f"{ELEMENTS[sample.elements[_first(sample, row) + k]]}{k + 1}" for k in marked)
            dark = page_theme() == "dark"
            drawing = structure_drawing(
                molecule, marked=marked, hydrogens=False, width=240, height=_DEPICTION_HEIGHT, dark=dark
            )
            with st.container(border=True, width=172, gap="small"):
                st.image(drawing.svg, width=138, alt=f"Structure of {molecule.formula}, {symbols} marked")
                st.caption(f"molecule {row['molecule']}: {molecule.formula}" + (f", {symbols}" if symbols else ""))
                if marked:
                    mol = molecule.to_rdkit()
                    st.button(
                        "Atoms like this one" if len(marked) == 1 else "Pairs like this one",
                        key=f"like_{row['molecule']}_{'_'.join(map(str, marked))}",
                        on_click=_like,
                        args=tuple(smarts_like(mol, atom) for atom in marked),
                        help="Narrows the distribution to atoms with the same element and the same neighbours.",
                    )


def _first(sample: ParameterSample, row: pd.Series) -> int:
    return int(sample.first_atoms[int(row["molecule"]) - 1])
