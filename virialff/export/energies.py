"""Tables of conformer energies and ranks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from virialff.methods.comparison import Comparison


def relative_energies_above(comparison: Comparison, conformer: int | None = None) -> dict[str, np.ndarray]:
    """Each method's energies (n_conformers,) in kcal/mol above conformer `conformer` (from 0).

    None counts from each method's own lowest conformer; NaN marks a conformer without an energy.
    """
    if conformer is None:
        return {method.name: method.relative for method in comparison.methods}
    return {method.name: method.energies - method.energies[conformer] for method in comparison.methods}


def relative_energy_table(comparison: Comparison, conformer: int | None = None) -> pd.DataFrame:
    """One row per conformer (from 1): relative energies in kcal/mol as `relative_energies_above`, then ranks."""
    columns: dict[str, object] = {"conformer": np.arange(1, len(comparison.positions) + 1)}
    for label, values in relative_energies_above(comparison, conformer).items():
        columns[f"{label} (kcal/mol)"] = values
    for method in comparison.methods:
        ranks = [None if np.isnan(rank) else int(rank) for rank in method.ranks]
        columns[f"{method.name} rank"] = pd.array(ranks, dtype="Int64")
    return pd.DataFrame(columns)
