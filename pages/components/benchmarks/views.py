"""Results of an evaluation: cards side by side, parity and error histograms (Fig. 6, 7), calibration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.shell.text import file_stem, plain
from pages.components.widgets.show import download, show_figure, wrapped_table
from virialff.benchmarks.named import named_table
from virialff.benchmarks.report import NAMED, OWN_SETS, SideBySide, evaluation_json
from virialff.figures.errors import calibration_figure, error_histogram, parity_figure
from virialff.models.card import SIDE_BY_SIDE, compare_cards, error_table, side_by_side_table
from virialff.models.registry import RegisteredModel

_STATISTICS = {"mean absolute error": "mae", "root mean square error": "rmse"}


def statistic(key: str) -> str:
    """MAE or RMSE."""
    chosen = st.segmented_control(
        "Statistic, with its 95 % interval",
        list(_STATISTICS),
        default="mean absolute error",
        required=True,
        key=key,
        persist_state="session",
    )
    return _STATISTICS[chosen or "mean absolute error"]


def cards_side_by_side(cards: Mapping[str, Mapping[str, Any]]) -> None:
    """Every quantity that a card has, a column a model or method."""
    table = compare_cards(cards, statistic("cards_statistic"))
    if not len(table):
        st.info("The cards hold no errors.")
        return
    _table(table, "cards.csv", "Errors in the cards (CSV)")
    st.caption("Empty where a card has not measured it. Different models may have been tested on different data.")


def one_card(registered: RegisteredModel, card: Mapping[str, Any]) -> None:
    """A card: what it was trained on, its errors, what it cannot do, calibration, the whole as JSON."""
    st.markdown(
        f"Trained on energies of **{plain(str(card['level_of_theory']))}**; "
        f"{plain(', '.join(card['elements']))}; {'ships with virialff' if registered.shipped else 'your own'}."
    )
    errors = error_table(card.get("metrics", {}))
    if len(errors):
        wrapped_table(errors)
    for limit in card.get("limitations", []):
        st.markdown(f"- {plain(str(limit), limit=1000)}")
    beside = card.get("metrics", {}).get(SIDE_BY_SIDE, {})
    own_sets(
        side_by_side_table(beside.get(OWN_SETS, []), "value"),
        named_table(beside.get(NAMED, [])),
        f"card_{file_stem(registered.name)}",
    )
    found = calibrations_in(card.get("metrics", {}))
    if found:
        calibration(found, f"card_{registered.name}")
    with st.container(horizontal=True):
        with st.popover("The whole card"):
            st.json(card, expanded=1)
        download(
            "Card (JSON)",
            json.dumps(card, indent=1, ensure_ascii=False),
            f"{file_stem(registered.name)}_card.json",
            key=f"card_{registered.name}",
        )


def own_sets(table: pd.DataFrame, named: pd.DataFrame, key: str) -> None:
    """Figures of our own test sets and the named molecules, each with its table to download; nothing for none."""
    if len(table):
        st.markdown("**Our own test sets, with 95 % intervals**")
        _table(table.rename(columns={"sizes": "class"}), f"{key}_own_test_sets.csv", "Own test sets (CSV)")
    if len(named):
        st.markdown("**Named molecules**")
        _table(named, f"{key}_named_molecules.csv", "Named molecules (CSV)")


def calibrations_in(value: Any) -> dict[str, Mapping[str, Any]]:
    """The calibrations anywhere in a card's metrics, by quantity."""
    if not isinstance(value, Mapping):
        return {}
    if isinstance(value.get("bins"), Mapping) and "unit" in value and "quantity" in value:
        return {str(value["quantity"]): value}
    found: dict[str, Mapping[str, Any]] = {}
    for inner in value.values():
        found |= calibrations_in(inner)
    return found


def calibration(found: Mapping[str, Mapping[str, Any]], key: str) -> None:
    """Spread of a model's members against its error."""
    st.markdown("**Spread of the members against the error**")
    try:
        figure = calibration_figure(found)
    except ValueError as error:
        st.info(plain(str(error)))
        return
    show_figure(figure, key=f"calibration_{key}", alt="Root mean square error against spread of the members")
    st.caption("On the line the spread is as large as the error; above it the model is too sure.")


def measured(result: SideBySide) -> None:
    """All that `virialff evaluate` gives: errors, parity, histograms, base pairs, checks, calibration, notes."""
    table = result.wide(statistic("measured_statistic"))
    if len(table):
        _table(table, "evaluation.csv", "Errors (CSV)")
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


def _table(table: pd.DataFrame, file: str, label: str) -> None:
    wrapped_table(table)
    download(label, table, file)
