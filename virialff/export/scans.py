"""Scans as tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from virialff.conformers.scans import Scan
from virialff.export.energies import relative_energies_above
from virialff.methods.comparison import Comparison


def scan_differences(relative: dict[str, np.ndarray], reference: str) -> dict[str, np.ndarray]:
    """Each other method's relative energies (n_points,) minus those of `reference`, kcal/mol. Raises KeyError."""
    return {name: values - relative[reference] for name, values in relative.items() if name != reference}


def scan_table(
    scan: Scan, comparison: Comparison, reference: str | None = None, point: int | None = None
) -> pd.DataFrame:
    """A row a point: the coordinate, "<method> (kcal/mol)", and "<method> - <reference> (kcal/mol)" where one is named.

    Energies count from each method's own lowest point, or from point `point` (from 0). NaN marks a point without one.
    Raises KeyError for a reference that is not among the methods.
    """
    relative = relative_energies_above(comparison, point)
    table = pd.DataFrame({scan.label: scan.values})
    for name, values in relative.items():
        table[f"{name} (kcal/mol)"] = values
    if reference is not None:
        for name, values in scan_differences(relative, reference).items():
            table[f"{name} - {reference} (kcal/mol)"] = values
    return table
