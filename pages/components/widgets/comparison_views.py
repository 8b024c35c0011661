"""Views of several methods' energies of the same geometries, shared by the pages that compare them."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from pages.components.shell import collected
from pages.components.shell.state import KEPT
from pages.components.shell.text import file_stem, plain
from pages.components.widgets.show import download, without_signed_zeros
from virialff.methods.comparison import Comparison
from virialff.methods.runs import MethodEnergies

PREFERRED_REFERENCE = "GFN2-xTB"
_ENERGY_UNIT = "(kcal/mol)"


def choose_reference(result: Comparison, key: str) -> str:
    """A box to choose the reference among the methods; GFN2-xTB where it is one of them."""
    labels = [method.name for method in result.methods]
    preferred = labels.index(PREFERRED_REFERENCE) if PREFERRED_REFERENCE in labels else 0
    return st.selectbox("Reference", labels, preferred, key=f"{key}_{'_'.join(labels)}", width=220, **KEPT)


def show_agreement(table: pd.DataFrame) -> None:
    """The agreement of methods in numbers, a column for each pair, so that it fits a narrow window."""
    columns = {}
    for _, row in table.iterrows():
        columns[row["methods"]] = [
            "–" if pd.isna(value) else f"{value:d}" if name == "conformers" else f"{value:.2f}"
            for name, value in row.drop("methods").items()
        ]
    st.table(pd.DataFrame(columns, index=list(table.columns[1:])))
    st.caption(
        "RMSE and MAE are of energies relative to each method's own lowest conformer. Correlations need at least three "
        "conformers with different energies."
    )


def timing(runs: list[MethodEnergies], *, noun: str = "conformer") -> None:
    """Time per conformer, or whatever the geometries are, of each method."""
    said = [
        f"{plain(run.name)} {1000 * seconds:.1f} ms" if seconds < 1 else f"{plain(run.name)} {seconds:.2f} s"
        for run in runs
        if (seconds := run.seconds_per_conformer) is not None
    ]
    if said:
        st.caption(
            f"Time per {noun} on this computer: {', '.join(said)}. The first {noun}, which also pays for loading, is "
            "not counted."
        )


def in_angstrom(label: str) -> str:
    """A label of the library with its unit as the app writes it."""
    return label.replace("(A)", "(Å)").replace("(Angstrom)", "(Å)")


def in_two_decimals(table: pd.DataFrame) -> pd.DataFrame:
    """The table as it is shown: no signed zeros, lengths in Å."""
    return without_signed_zeros(table, 2).rename(columns=in_angstrom)


def energies_by(column: str) -> str:
    """The title of a table of energies that has this column in front."""
    return f"Energies by {in_angstrom(column)}"


def energy_table(
    table: pd.DataFrame,
    *,
    pinned: str,
    name: str = "",
    key: str | None = None,
    on_select: Callable[[], None] | None = None,
    headings: Mapping[str, str | None] | None = None,
) -> None:
    """A table with energies to two decimals, populations in per cent and one column in sight; named, with its CSV.

    `headings` are shorter ones of columns, whose units stand elsewhere; a column with None is not shown. `on_select` is
    called when a row is chosen, which is then in the session state under `key`.
    """
    formats: dict[str, Any] = {}
    columns = [str(column) for column in table.columns]
    # Where many columns have it, the unit stands below the table, so that more of them are in sight.
    below = sum(_ENERGY_UNIT in column for column in columns) > 2
    for column in columns:
        shown = in_angstrom(column)
        heading = (headings or {}).get(column)
        if _ENERGY_UNIT in column:
            heading = heading or (shown.replace(_ENERGY_UNIT, "").strip() if below else None)
            formats[shown] = st.column_config.NumberColumn(heading, format="%.2f")
        elif "(Å)" in shown:
            formats[shown] = st.column_config.NumberColumn(heading, format="%.3f", pinned=column == pinned)
        elif "(degree)" in column:
            formats[shown] = st.column_config.NumberColumn(heading, format="%.1f", pinned=column == pinned)
        elif " population " in column:
            formats[shown] = st.column_config.NumberColumn(heading, format="percent")
        if column in (headings or {}) and heading is None:
            formats[shown] = None
    formats.setdefault(in_angstrom(pinned), st.column_config.Column(pinned=True))
    selection: dict[str, Any] = {"on_select": on_select, "selection_mode": "single-row"} if on_select else {}
    rounded = in_two_decimals(table)
    collected.table(name or energies_by(pinned), rounded)
    st.dataframe(
        rounded,
        hide_index=True,
        column_config=formats,
        height=min(38 + 35 * len(table), 420),
        placeholder="–",
        key=key,
        **selection,
    )
    if below:
        st.caption("Energies in kcal/mol.")
    if name:
        download(f"{name} (CSV)", table, f"{file_stem(name.lower())}.csv", key=f"csv_{name}")
