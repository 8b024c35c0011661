"""The metrics of a model card as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

_COLUMNS = ("measured on", "quantity", "values", "MAE (95 % interval)", "RMSE (95 % interval)")


def error_table(metrics: Any) -> pd.DataFrame:
    """One row per error summary found in a card's metrics, however deep; units are in the names of the quantities.

    A summary is a mapping with mae and rmse (as made by `statistics.ErrorSummary.as_row`); intervals are shown where
    the card has them. What is no summary is left to the card itself.
    """
    return pd.DataFrame(list(_rows(metrics, ())), columns=list(_COLUMNS))


def _rows(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str, str, str, str]]:
    if isinstance(value, dict) and "mae" in value and "rmse" in value:
        words = [str(entry) for entry in value.values() if isinstance(entry, str)]
        place, *quantity = (part.replace("_", " ") for part in (*path, *words))
        count = str(value.get("n_values", ""))
        yield place, ", ".join(quantity), count, _interval(value, "mae"), _interval(value, "rmse")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _rows(inner, (*path, str(key)))
    elif isinstance(value, list):
        for inner in value:
            yield from _rows(inner, path)


def _interval(summary: dict[str, Any], name: str) -> str:
    text = f"{summary[name]:.2f}"
    if f"{name}_low" in summary and f"{name}_high" in summary:
        text += f" ({summary[f'{name}_low']:.2f} to {summary[f'{name}_high']:.2f})"
    return text
