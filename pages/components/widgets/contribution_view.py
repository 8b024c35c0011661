"""What each atom pair contributes: the strongest pairs as lines in the structure, a matrix, and a table."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.shell.state import KEPT
from pages.components.widgets.picked import pick, pick_row
from pages.components.widgets.show import download, show_figure, without_signed_zeros
from pages.components.widgets.sight import Sight, points_of
from pages.components.widgets.structure import Line
from virialff.figures.pairs import TERM_LABELS, contribution_figure
from virialff.models.force_field import ForceField
from virialff.molecules.molecule import Molecule
from virialff.parameters.contributions import (
    TERMS,
    contribution_matrix,
    contributions_with_units,
    pair_contributions,
    strongest_pairs,
)
from virialff.text import counted, fixed

_ATTRACTIVE, _REPULSIVE = "#0072B2", "#D55E00"
_MOST_LINES = 15
_ROWS = 200
_WORDS = ("atoms", "relation")
_LABELS = {term: TERM_LABELS.get(term, term) for term in TERMS}


def contribution_view(
    force_field: ForceField,
    positions: np.ndarray,
    kinds: Mapping[str, Sequence[str]],
    sight: Sight,
    *,
    key: str,
    stem: str,
) -> None:
    """Pairs of one geometry (n_atoms, 3) in A, the strongest as lines in the structure.

    `kinds` names sets of relations to choose from, the first by default.
    """
    molecule = force_field.molecule
    kind = next(iter(kinds))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if len(kinds) > 1:
            kind = st.selectbox("Pairs that are", list(kinds), key=f"{key}_kind", width=330, **KEPT)
        term = st.selectbox(
            "Term", TERMS, len(TERMS) - 1, format_func=_LABELS.__getitem__, key=f"{key}_term", width=160, **KEPT
        )
        count = st.number_input("Lines of either sign", 0, _MOST_LINES, 5, key=f"{key}_lines", width=160, **KEPT)
    table = pair_contributions(force_field, positions, kinds[kind])
    if table.empty:
        st.info("There are no such pairs.")
        return
    table["total"], everything = table[term], table["total"]
    strongest = strongest_pairs(table, int(count))
    pairs, energies = strongest[["i", "j"]].to_numpy().tolist(), strongest["total"].tolist()
    sight.lines = [
        Line(i, j, _ATTRACTIVE if energy < 0 else _REPULSIVE, f"{fixed(energy, 2, sign=True)} kcal/mol")
        for (i, j), energy in zip(pairs, energies, strict=True)
    ]
    st.caption(
        "Lines in the structure are the strongest pairs of either sign: blue attracts, orange repels. A click on a "
        "line, a cell or a row picks its atoms."
    )
    names = np.array([f"{symbol}{number}" for number, symbol in enumerate(molecule.symbols, start=1)])
    matrix = contribution_matrix(table, molecule.n_atoms)
    rows = columns = np.arange(molecule.n_atoms)
    if kinds[kind] == ("intermolecular",) and molecule.n_fragments == 2:
        rows, columns = np.flatnonzero(molecule.fragments == 0), np.flatnonzero(molecule.fragments == 1)
    show_figure(
        contribution_figure(matrix[np.ix_(rows, columns)], names[rows].tolist(), names[columns].tolist()),
        key=f"{key}_matrix",
        alt=f"Heat map of the {term} energy of each atom pair",
        on_select=partial(_pick_cell, f"{key}_matrix", molecule, rows, columns),
        selection_mode="points",
    )
    table["total"] = everything
    total = fixed(table[term].sum(), 2, sign=True)
    st.caption(
        f"Sum of {_LABELS[term]} over these {counted(len(table), 'pair')}: {total} kcal/mol "
        "(negative attracts). Rows and columns are atoms. The table is in kcal/mol too."
    )
    rows_shown = _readable(table.head(_ROWS), names)
    if table["relation"].nunique() == 1:
        rows_shown = rows_shown.drop(columns="relation")
    st.dataframe(
        without_signed_zeros(rows_shown, 3),
        hide_index=True,
        key=f"{key}_table",
        on_select=partial(pick_row, f"{key}_table", molecule, table[["i", "j"]].to_numpy()),
        selection_mode="single-row",
        height=min(38 + 35 * len(rows_shown), 260),
        column_config={
            str(name): st.column_config.NumberColumn(str(name).replace(" (kcal/mol)", ""), format="%.3f")
            for name in rows_shown
            if name not in _WORDS
        }
        | {
            _WORDS[0]: st.column_config.Column(pinned=True),
            "distance (Å)": st.column_config.NumberColumn("r (Å)", format="%.3f"),
        },
    )
    download(
        "Contributions (CSV)", lambda: contributions_with_units(table), f"{stem}_contributions.csv", key=f"{key}_csv"
    )


def _pick_cell(key: str, molecule: Molecule, rows: np.ndarray, columns: np.ndarray) -> None:
    cells = [point["customdata"] for point in points_of(key) if "customdata" in point]
    if cells:
        row, column, *_ = cells[0]
        pick(molecule, [rows[int(row)], columns[int(column)]])


def _readable(table: pd.DataFrame, names: np.ndarray) -> pd.DataFrame:
    """The contributions for show: the atoms by name, the total first so that a narrow table has it."""
    shown = pd.DataFrame({"atoms": [f"{a}–{b}" for a, b in zip(names[table["i"]], names[table["j"]], strict=True)]})
    shown["relation"] = table["relation"].to_numpy()
    shown["distance (Å)"] = table["distance"].to_numpy()
    for term in sorted(TERMS, key=lambda name: name != "total"):
        shown[f"{_LABELS[term]} (kcal/mol)"] = table[term].to_numpy()
    return shown
