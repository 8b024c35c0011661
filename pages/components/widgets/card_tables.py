"""Tables and figures of model cards and of what is measured of models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from pages.components.shell.text import file_stem, plain
from pages.components.widgets.show import download, show_figure, wrapped_table
from virialff.benchmarks.named import named_table
from virialff.benchmarks.report import NAMED, OWN_SETS
from virialff.figures.errors import calibration_figure
from virialff.models.card import SIDE_BY_SIDE, error_table, side_by_side_table

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


def details(card: Mapping[str, Any], name: str) -> None:
    """What a card holds beyond the three sentences: errors, limits, other methods, own sets, calibration, all as JSON.

    `name`: of the registered model, which the downloads and keys carry.
    """
    stem = file_stem(name)
    metrics = card.get("metrics", {})
    if card["limitations"]:
        st.markdown("**What it cannot do**")
        st.markdown("\n".join(f"- {plain(str(limit), limit=1000)}" for limit in card["limitations"]))
    errors = error_table(metrics)
    if len(errors):
        st.markdown("**Errors on molecules that it never saw**")
        wrapped_table(errors)
    beside = metrics.get(SIDE_BY_SIDE, {})
    if isinstance(beside, Mapping):
        if beside.get("errors"):
            st.markdown("**Beside other methods** (mean absolute errors with 95 % intervals; n values)")
            wrapped_table(side_by_side_table(beside["errors"]))
            for note in beside.get("notes", []):
                st.caption(plain(str(note), limit=1000))
        own_sets(
            side_by_side_table(beside.get(OWN_SETS, []), "value"), named_table(beside.get(NAMED, [])), f"card_{stem}"
        )
    if found := calibrations_in(metrics):
        calibration(found, f"card_{name}")
    st.caption(plain(f"sha256 of the parameters: {card['sha256']}"))
    with st.container(horizontal=True):
        with st.popover("The whole card"):
            st.json(card, expanded=1)
        download("Card (JSON)", json.dumps(card, indent=1, ensure_ascii=False), f"{stem}_card.json", key=f"card_{name}")


def own_sets(table: pd.DataFrame, named: pd.DataFrame, key: str) -> None:
    """Figures of our own test sets and the named molecules, each with its table to download; nothing for none."""
    if len(table):
        st.markdown("**Our own test sets, with 95 % intervals**")
        errors_table(table.rename(columns={"sizes": "class"}), f"{key}_own_test_sets.csv", "Own test sets (CSV)")
    if len(named):
        st.markdown("**Named molecules**")
        errors_table(named, f"{key}_named_molecules.csv", "Named molecules (CSV)")


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


def errors_table(table: pd.DataFrame, file: str, label: str) -> None:
    """A table of errors as it is, and as a file."""
    wrapped_table(table)
    download(label, table, file)
