"""Element-pair labels and summaries of sigma, epsilon and R_min by topological relation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from virialff.models.force_field import ForceField

#: Relations whose pairs carry the long-range terms of Eq. 21; bonded pairs have none.
LONG_RANGE_RELATIONS = ("1-3", "1-4", "further", "intermolecular")
_LABEL_ORDER = {element: rank for rank, element in enumerate(("C", "N", "O", "F", "P", "S", "Cl", "Br", "H"))}


def element_pair_label(first: str, second: str) -> str:
    """Label of an unordered element pair, carbon first and hydrogen last: C-H, N-O, O-H."""
    a, b = sorted((first, second), key=_LABEL_ORDER.__getitem__)
    return f"{a}–{b}"


def element_pair_labels(pairs: pd.DataFrame) -> pd.Series:
    """Label of each row of a pair table with the columns element_i and element_j."""
    labels = [element_pair_label(a, b) for a, b in zip(pairs["element_i"], pairs["element_j"], strict=True)]
    return pd.Series(labels, index=pairs.index, dtype="object")


def commonest_element_pairs(pairs: pd.DataFrame, count: int) -> list[str]:
    """The `count` element pairs with the most rows, the commonest first; ties in alphabetical order."""
    counts = element_pair_labels(pairs).value_counts()
    ranked = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return [str(label) for label, _ in ranked[:count]]


def pair_parameter_summary(pairs: pd.DataFrame) -> pd.DataFrame:
    """One row per relation: number of pairs, how many have no sigma (C0 = 0), and the medians.

    Columns: relation, pairs, without sigma, median sigma (Å), median R_min (Å), median epsilon (kcal/mol). Medians
    are over the pairs where the value is defined, NaN where there is none.
    """
    rows = []
    for relation in LONG_RANGE_RELATIONS:
        chosen = pairs[pairs["relation"] == relation]
        if len(chosen):
            rows.append(
                {
                    "relation": relation,
                    "pairs": len(chosen),
                    "without sigma": int(chosen["sigma"].isna().sum()),
                    "median sigma (Å)": _median(chosen["sigma"]),
                    "median R_min (Å)": _median(chosen["R_min"]),
                    "median epsilon (kcal/mol)": _median(chosen["epsilon"]),
                }
            )
    return pd.DataFrame(rows)


def _median(values: pd.Series) -> float:
    defined = values.to_numpy(dtype=float)
    defined = defined[np.isfinite(defined)]
    return float(np.median(defined)) if len(defined) else float("nan")


def interesting_pair(pairs: pd.DataFrame, charges: np.ndarray, positions: np.ndarray | None = None) -> tuple[int, int]:
    """The non-bonded pair i < j to show first: the strongest attraction of charges, at its distance when known.

    1-3 pairs come last, bonded pairs only when there is nothing else. `charges` (n_atoms,) in e, `positions`
    (n_atoms, 3) in A. Raises ValueError for a table without rows.
    """
    if pairs.empty:
        raise ValueError("a single atom has no pairs")
    relation = pairs["relation"].to_numpy()
    for wanted in (("1-4", "further", "intermolecular"), ("1-3",), ("bonded",)):
        rows = np.flatnonzero(np.isin(relation, wanted))
        if len(rows):
            break
    i, j = pairs["i"].to_numpy()[rows], pairs["j"].to_numpy()[rows]
    attraction = charges[i] * charges[j]
    if positions is not None:
        attraction = attraction / np.linalg.norm(positions[i] - positions[j], axis=1)
    best = int(attraction.argmin())
    return int(i[best]), int(j[best])


def atom_pair_curve(force_field: ForceField, i: int, j: int, distances: np.ndarray) -> pd.DataFrame:
    """Potential of atoms i and j (from 0) along distances (n,) in A: r, the four terms and total in kcal/mol.

    A model that is not symmetric in i, j has a row for either order; their mean is what enters the energy. Raises
    KeyError when the two atoms make no pair (i = j, or no such atom).
    """
    pairs = force_field.pairs
    either = ((pairs["i"] == i) & (pairs["j"] == j)) | ((pairs["i"] == j) & (pairs["j"] == i))
    rows = np.flatnonzero(either)
    if not len(rows):
        raise KeyError((i, j))
    curves = [force_field.pair_curve(int(row), distances) for row in rows]
    return pd.concat(curves).groupby(level=0).mean()
