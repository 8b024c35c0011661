"""The metrics of model cards as tables: of one, and of several side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

#: Key of the metrics that compare the model with others; it has a table of its own.
SIDE_BY_SIDE = "side by side"
_COLUMNS = ("measured on", "quantity", "values", "MAE (95 % interval)", "RMSE (95 % interval)")


def error_table(metrics: Any) -> pd.DataFrame:
    """One row per error summary found in a card's metrics, however deep; units are in the names of the quantities.

    A summary is a mapping with mae and rmse (as made by `statistics.ErrorSummary.as_row`); intervals are shown where
    the card has them. What is no summary is left to the card itself, what compares models to `side_by_side_table`.
    """
    rows = [
        (
            place,
            quantity,
            str(summary.get("n_values", "")),
            with_interval(summary, "mae"),
            with_interval(summary, "rmse"),
        )
        for place, quantity, summary in _own_errors(metrics)
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def error_records(metrics: Any) -> list[dict[str, Any]]:
    """The same as numbers: measured_on, quantity (with its unit), and whatever the summary has (n_values, mae, ...)."""
    return [
        {"measured_on": place, "quantity": quantity}
        | {name: value for name, value in summary.items() if isinstance(value, int | float)}
        for place, quantity, summary in _own_errors(metrics)
    ]


def _own_errors(metrics: Any) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    if isinstance(metrics, dict):
        metrics = {name: value for name, value in metrics.items() if name != SIDE_BY_SIDE}
    yield from _rows(metrics, ())


def side_by_side_table(rows: Iterable[Mapping[str, Any]], statistic: str = "mae") -> pd.DataFrame:
    """Errors of several methods beside each other: one row a set, quantity and sizes, a column a method, as text.

    rows: set, quantity (with its unit), sizes, method, n_values and `statistic` (mae, rmse or mean_signed) with _low
    and _high, as `benchmarks.report` makes them. The column `n` is the number of values of the method that has
    most; a method that has fewer says how many.
    """
    groups: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((str(row["set"]), str(row["quantity"]), str(row["sizes"])), []).append(row)
    table = []
    for (place, quantity, sizes), members in groups.items():
        most = max(int(row["n_values"]) for row in members)
        line = {"set": place, "quantity": quantity, "sizes": sizes, "n": f"{most:,}"}
        for row in members:
            text = with_interval(row, statistic)
            fewer = int(row["n_values"])
            line[str(row["method"])] = text if fewer == most else f"{text}, n {fewer:,}"
        table.append(line)
    return pd.DataFrame(table).fillna("")


def _rows(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Where it was measured, what, and the numbers."""
    if isinstance(value, dict) and "mae" in value and "rmse" in value:
        words = [str(entry) for entry in value.values() if isinstance(entry, str)]
        place, *quantity = (part.replace("_", " ") for part in (*path, *words))
        yield place, ", ".join(quantity), value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _rows(inner, (*path, str(key)))
    elif isinstance(value, list):
        for inner in value:
            yield from _rows(inner, path)


def with_interval(summary: Mapping[str, Any], name: str) -> str:
    """A statistic of a summary, with its interval where it has one: "1.00 (0.50 to 1.50)"."""
    if summary.get(name) is None:
        return ""
    text = f"{summary[name]:.2f}"
    if summary.get(f"{name}_low") is not None and summary.get(f"{name}_high") is not None:
        text += f" ({summary[f'{name}_low']:.2f} to {summary[f'{name}_high']:.2f})"
    return text


def compare_cards(cards: Mapping[str, Mapping[str, Any]], statistic: str = "mae") -> pd.DataFrame:
    """What the cards of several models say of the same quantities: a row a quantity, a column a model or method.

    cards: by the name of the model. statistic: mae or rmse, with its interval where a card has it. A summary that names
    its `method` counts for that method, others for the model of the card; "" where a card has not measured a quantity.
    """
    rows: dict[tuple[str, str], dict[str, str]] = {}
    methods: dict[str, None] = dict.fromkeys(cards)
    for model, card in cards.items():
        for place, quantity, method, summary in _summaries(card.get("metrics", {}), ()):
            name = method or model
            methods[name] = None
            rows.setdefault((place, quantity), {})[name] = with_interval(summary, statistic)
    table = [
        {"measured on": place, "quantity": quantity} | {name: found.get(name, "") for name in methods}
        for (place, quantity), found in rows.items()
    ]
    return pd.DataFrame(table, columns=["measured on", "quantity", *methods])


def _summaries(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Where it was measured, what, by which method ("" for the model itself), and the numbers."""
    if isinstance(value, dict) and isinstance(value.get("mae"), float) and isinstance(value.get("rmse"), float):
        method = str(value.get("method", ""))
        words = [str(entry) for key, entry in value.items() if isinstance(entry, str) and key != "method"]
        place, *quantity = (part.replace("_", " ") for part in ((*words,) if words else path))
        yield place, ", ".join(quantity), method, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _summaries(inner, (*path, str(key)))
    elif isinstance(value, list):
        for inner in value:
            yield from _summaries(inner, path)
