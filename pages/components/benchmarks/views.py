"""Results of an evaluation: tables of errors, parity and error histograms (Fig. 6, 7), calibration."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.shell.text import file_stem, plain
from pages.components.widgets.card_tables import calibration, errors_table, own_sets, statistic
from pages.components.widgets.show import download, show_figure
from virialff.benchmarks.report import SideBySide, evaluation_json
from virialff.figures.errors import error_histogram, parity_figure


def measured(result: SideBySide) -> None:
    """All that `virialff evaluate` gives: errors, parity, histograms, base pairs, checks, calibration, notes."""
    table = result.wide(statistic("measured_statistic"))
    if len(table):
        errors_table(table, "evaluation.csv", "Errors (CSV)")
    own_sets(result.own_sets_table(), result.named_table(), "measured")
    if result.held_out is not None and len(result.held_out.energies):
        energies = result.held_out.energies
        _predictions(energies, "total energy", "Total energies of minima (Fig. 7)", result.held_out.methods)
        interactions = result.held_out.interactions
        if len(interactions):
            _predictions(interactions, "interaction energy", "Interaction energies", result.held_out.methods)
    if len(result.base_pairs):
        st.markdown("**Base pairs, interaction energy (kcal/mol)**")
        st.dataframe(result.base_pairs.round(2), hide_index=True)
    for name, found in result.calibration.items():
        st.markdown(f"**{plain(name)}**")
        calibration({quantity: entry.as_dict() for quantity, entry in found.items()}, name)
    for name, checks in result.physics.items():
        with st.expander(f"Checks of the parameters of {plain(name)}"):
            st.dataframe(checks.table, hide_index=True)
    if result.notes:
        with st.expander("What was measured and what was left out"):
            st.markdown("\n".join(f"- {plain(note, limit=1000)}" for note in result.notes))
    download("Everything (JSON)", lambda: evaluation_json(result), "evaluation.json")


def _predictions(table: pd.DataFrame, quantity: str, title: str, methods: tuple[str, ...]) -> None:
    reference = table["reference"].to_numpy(dtype=float)
    predictions = {name: table[name].to_numpy(dtype=float) for name in methods if name in table}
    predictions = {name: values for name, values in predictions.items() if np.isfinite(values - reference).any()}
    if not predictions:
        return
    st.markdown(f"**{title}**")
    left, right = st.columns(2, gap="medium")
    with left:
        figure = parity_figure(reference, predictions, quantity=quantity, unit="kcal/mol")
        show_figure(figure, key=f"parity_{quantity}", alt=f"Predicted against reference {quantity}")
    with right:
        errors = {name: values - reference for name, values in predictions.items()}
        figure = error_histogram(errors, quantity=quantity, unit="kcal/mol")
        show_figure(figure, key=f"errors_{quantity}", alt=f"Distribution of the errors of the {quantity}")
    renamed = {name: f"{name} (kcal/mol)" for name in ("reference", *predictions)}
    download(
        f"Predictions, {quantity} (CSV)",
        lambda: table.rename(columns=renamed),
        f"{file_stem(quantity)}_predictions.csv",
    )
