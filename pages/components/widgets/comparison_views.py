"""Views of several methods' energies of the same geometries, shared by the pages that compare them."""

from typing import Any

import pandas as pd
import streamlit as st

from pages.components.shell.state import KEPT
from pages.components.shell.text import file_stem
from pages.components.widgets.show import download, without_signed_zeros
from virialff.methods.comparison import Comparison
from virialff.methods.runs import MethodEnergies

PREFERRED_REFERENCE = "GFN2-xTB"


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
    with st.container(horizontal=True, gap="medium"):
        for run in runs:
            seconds = run.seconds_per_conformer
            if seconds is not None:
                text = f"{1000 * seconds:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
                st.metric(f"{run.name}, per {noun}", text, width="content")
    st.caption(f"Time measured on this computer; the first {noun}, which also pays for loading, is not counted.")


def energy_table(table: pd.DataFrame, *, pinned: str, name: str = "") -> None:
    """A table with energies to two decimals, populations in per cent and one column in sight; named, with its CSV."""
    formats: dict[str, Any] = {}
    for column in table.columns.astype(str):
        if "(kcal/mol)" in column:
            formats[column] = st.column_config.NumberColumn(format="%.2f")
        elif "(Angstrom)" in column:
            formats[column] = st.column_config.NumberColumn(format="%.3f")
        elif " population " in column:
            formats[column] = st.column_config.NumberColumn(format="percent")
    formats[pinned] = st.column_config.Column(pinned=True)
    height = min(38 + 35 * len(table), 420)
    shown = without_signed_zeros(table, 2)
    st.dataframe(shown, hide_index=True, column_config=formats, height=height, placeholder="–")
    if name:
        download(f"{name} (CSV)", table, f"{file_stem(name.lower())}.csv", key=f"csv_{name}")
