"""A training of seconds on real labels: a few molecules and complexes of the data that ship, and a recipe for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from training.recipes.recipe import PRESETS
from virialff.labels.store import LabelStore, write_parquet
from virialff.settings import ASSETS

_MOST_ATOMS = 12


def small_store(path: Path, molecules: int = 40, complexes: int = 30) -> Path:
    """Write a Parquet file with the rows of so many small molecules and complexes of assets/data/gfn2.parquet."""
    wanted = {"molecule": molecules, "complex": complexes}
    parts = []
    for table in LabelStore(ASSETS / "data" / "gfn2.parquet").tables():
        keep = np.zeros(len(table), dtype=bool)
        tasks = table["task"].to_pylist()
        small = [len(numbers) <= _MOST_ATOMS for numbers in table["numbers"].to_pylist()]
        for row, (task, fits) in enumerate(zip(tasks, small, strict=True)):
            family = task.partition("/")[0]
            new = row == 0 or tasks[row - 1] != task
            if new:
                taking = fits and wanted.get(family, 0) > 0
                wanted[family] = wanted.get(family, 0) - int(taking)
            keep[row] = taking
        parts.append(table.filter(pa.array(keep)))
        if all(left <= 0 for left in wanted.values()):
            break
    write_parquet(path, parts)
    return path


def small_recipe(store: Path, **optimization: Any) -> dict[str, Any]:
    """The preset `foundation` with a small network, small batches and this data."""
    content: dict[str, Any] = yaml.safe_load((PRESETS / "foundation.yaml").read_text())
    content["name"] = "tiny"
    content["data"] |= {"labels": str(store), "fractions": [0.6, 0.2, 0.2], "split_seed": 3}
    content["network"] |= {"hidden_size": 16, "charge_width": 16, "pair_width": 16}
    content["optimization"] |= {
        "batch_pairs": 300,
        "complex_batch_pairs": 200,
        "checkpoint_seconds": 0.2,
        "validate_every": 5,
        **optimization,
    }
    return content
