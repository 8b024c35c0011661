"""The metrics of several model cards side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from virialff.model_card import with_interval


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
