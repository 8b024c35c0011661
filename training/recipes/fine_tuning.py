"""The recipe by which a model is trained on with a user's own reference energies."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.recipes.optimization import Optimization
from training.recipes.presets import shown_path
from virialff.models.checkpoint import load_checkpoint

#: Few labels: small steps from weights that are good already, small batches, the average of the last hundred steps.
_SETTINGS = Optimization(
    steps=600,
    batch_pairs=1500,
    complex_batch_pairs=1500,
    conformers=8,
    learning_rate=2.0e-4,
    warmup_steps=50,
    average_decay=0.99,
    relative_weight=2.0,
    force_weight=3.0,
    repulsion_scale=10.0,
    dipole_weight=10.0,
    validate_every=50,
)
#: Of small sets too some molecules are held out in each part.
_FRACTIONS = (0.7, 0.15, 0.15)


def fine_tuning(model: Path, labels: Sequence[str], level_of_theory: str, *, name: str) -> dict[str, Any]:
    """Values of a recipe that starts from a model and has its network.

    model: folder of the model. labels: label stores, as a recipe names them. Raises CheckpointError for a model that
    cannot be read.
    """
    network = load_checkpoint(model).network.config
    return {
        "name": name,
        "level_of_theory": level_of_theory,
        "initial": shown_path(model),
        "data": {
            "labels": labels[0] if len(labels) == 1 else list(labels),
            "split_seed": 2026,
            "fractions": list(_FRACTIONS),
        },
        "network": {
            key: list(value) if isinstance(value, tuple) else value for key, value in network.to_dict().items()
        },
        "optimization": {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in dataclasses.asdict(_SETTINGS).items()
        },
    }
