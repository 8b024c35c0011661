"""What the cards have measured side by side, with which the page Benchmarks opens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.components.shell.state import KEPT, LINKED
from pages.components.shell.text import one_line, plain, sentence
from pages.components.widgets.card_tables import errors_table, own_sets, statistic
from pages.components.widgets.show import show_figure
from virialff.benchmarks.named import named_table
from virialff.benchmarks.report import NAMED, OWN_SETS
from virialff.errors import VirialffError
from virialff.figures.errors import method_error_figure
from virialff.models import registry
from virialff.models.card import SIDE_BY_SIDE, side_by_side_table
from virialff.models.checkpoint import CARD_FILE, load_checkpoint
from virialff.models.registry import RegisteredModel

_UNIT = " (kcal/mol)"


@st.cache_resource(show_spinner=False, max_entries=64)
def _comparison(folder: str, version: int, _entry: RegisteredModel) -> Mapping[str, Any]:
    card = load_checkpoint(_entry.folder).card
    found = card["metrics"].get(SIDE_BY_SIDE)
    return found if isinstance(found, Mapping) else {}


def comparisons(entries: list[RegisteredModel]) -> dict[str, Mapping[str, Any]]:
    """What was measured beside other methods, by the model whose card has it; a damaged model is said."""
    found = {}
    for entry in entries:
        file = entry.folder / CARD_FILE
        try:
            version = file.stat().st_mtime_ns if file.is_file() else 0
            comparison = _comparison(str(entry.folder), version, entry)
        except VirialffError as error:
            st.error(sentence(error), title=f"The model {one_line(entry.name)} cannot be loaded")
            continue
        if comparison.get("errors"):
            found[entry.name] = comparison
    return found


def results() -> None:
    """Errors of a model and of the methods that were measured with it, as a figure and a table."""
    found = comparisons(registry.registered_models())
    if not found:
        st.info("No card has errors beside other methods: measure a model, or make one of a training with that.")
        return
    names = list(found)
    default = registry.default_name()
    if st.session_state.get("benchmarks_card") not in (None, *names):
        del st.session_state["benchmarks_card"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "As measured with the model",
            names,
            names.index(default) if default in names else 0,
            key="benchmarks_card",
            format_func=one_line,
            width=260,
            **LINKED,
        )
        whole = st.toggle("By size and class too", key="benchmarks_sizes", **KEPT, help="In the table below.")
    comparison = found[name]
    rows = comparison["errors"]
    every = [row for row in rows if row["sizes"] == "all"]
    drawn = [
        {**row, "words": f"{row['quantity'].removesuffix(_UNIT)}, {row['set']}"}
        for row in every
        if row["quantity"].endswith(_UNIT) and "per atom" not in row["quantity"] and row.get("mae") is not None
    ]
    show_figure(method_error_figure(drawn), key="benchmarks_errors", alt="Mean absolute error of each method")
    st.caption("None of the models was trained on these molecules. Intervals are of 95 %, by molecule.")
    table = side_by_side_table(rows if whole else every, statistic("benchmarks_statistic"))
    errors_table(table if whole else table.drop(columns="sizes"), "errors.csv", "Errors (CSV)")
    if comparison.get("notes"):
        with st.expander("What was measured and what was left out"):
            st.markdown("\n".join(f"- {plain(str(note), limit=1000)}" for note in comparison["notes"]))
    own_sets(
        side_by_side_table(comparison.get(OWN_SETS, []), "value"), named_table(comparison.get(NAMED, [])), "shipped"
    )
