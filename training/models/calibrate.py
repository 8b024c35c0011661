"""The intervals of a model, fitted to its errors on held-out labels: what `virialff calibrate` and `ship` write."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.models.held_out_errors import MOST_GROUPS, held_out_errors, held_out_index, most_labelled
from training.models.intervals import interval_entry
from virialff.benchmarks.held_out import SplitRule
from virialff.errors import ConfigError
from virialff.models.force_field import Model
from virialff.models.intervals import QUANTITIES, parameter_hashes
from virialff.settings import ASSETS

#: The labels that ship.
LABELS = ASSETS / "data"


def calibrate(
    model: Model,
    labels: Path = LABELS,
    *,
    most_groups: int = MOST_GROUPS,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """What the key `intervals` of the card holds: by quantity the scale, and what share of held-out errors it holds.

    labels: a store; molecules that the model's split trains on are left out, and so is what is kept for evaluation.
    most_groups: molecules, and again complexes, of each split and level that are measured.

    Raises ConfigError where nothing can be measured, StoreError where the labels cannot be read.
    """
    index = held_out_index(labels, SplitRule.of_card(model.name, model.card))
    level = model.level_of_theory
    other_level = most_labelled(index, without=level)
    if level not in index and other_level is None:
        raise ConfigError(f"{labels} holds no labels: give another store.")

    def errors(of: str | None) -> dict[Any, Any]:
        if of is None or not index[of].splits:
            return {}

        def tell(done: int, total: int) -> None:
            if progress is not None:
                progress(f"held-out labels of {of}", done, total)

        return held_out_errors(model, labels, index[of], most_groups=most_groups, progress=tell)

    own = errors(level if level in index else None)
    other = errors(other_level)
    entries = {name: interval_entry(own.get(name), level, other.get(name), other_level or "") for name in QUANTITIES}
    quantities = {name: entry for name, entry in entries.items() if entry is not None}
    if not quantities:
        raise ConfigError(
            f"{labels} has too few validation and test labels to calibrate {model.name}: give a store with more."
        )
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "sha256": parameter_hashes(model.card),
        "quantities": quantities,
    }
