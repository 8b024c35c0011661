"""What each atom pair contributes to an energy: tables, matrices, and the strongest pairs."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from virialff.models.force_field import ForceField

INTERMOLECULAR = ("intermolecular",)
#: Pairs that are not bonded to each other.
NONBONDED = ("1-3", "1-4", "further", "intermolecular")
#: Non-bonded pairs whose energy is not part of bending an angle.
BEYOND_ANGLES = ("1-4", "further", "intermolecular")
TERMS = ("coulomb", "dispersion", "repulsion", "gaussians", "total")


def pair_contributions(
    force_field: ForceField, positions: np.ndarray, relations: Collection[str] | None = None
) -> pd.DataFrame:
    """The energy of every atom pair, term by term, the largest magnitude first.

    The two rows of a model that is not symmetric in i, j are added up.

    Parameters
    ----------
    force_field : ForceField
        Of the molecule or complex.
    positions : ndarray, shape (n_atoms, 3)
        In Angstrom.
    relations : collection of str, optional
        Those of `virialff.molecules.topology.RELATIONS` to keep, by default all.

    Returns
    -------
    DataFrame
        A row a pair: i < j from 0, elements, relation, distance in Angstrom, the terms and total in kcal/mol,
        negative = attractive. Over
        intermolecular pairs total sums to the vertical E_int.

    Raises
    ------
    ShapeError
        If `positions` have another shape.

    See Also
    --------
    contribution_matrix : One term as a matrix.
    """
    pairs = force_field.pairs
    table = force_field.decompose(positions).table()
    table["i"], table["j"] = np.sort(table[["i", "j"]].to_numpy(), axis=1).T
    table["relation"] = pairs["relation"]
    if relations is not None:
        table = table[table["relation"].isin(list(relations))]
    table = table.groupby(["i", "j", "relation"], as_index=False, sort=False)[list(TERMS)].sum()
    i, j = table["i"].to_numpy(), table["j"].to_numpy()
    symbols = np.array(force_field.molecule.symbols)
    table.insert(2, "element_i", symbols[i])
    table.insert(3, "element_j", symbols[j])
    table.insert(5, "distance", np.linalg.norm(np.asarray(positions)[i] - np.asarray(positions)[j], axis=-1))
    order = np.argsort(-table["total"].abs().to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def contribution_matrix(contributions: pd.DataFrame, n_atoms: int, term: str = "total") -> np.ndarray:
    """A term of `pair_contributions` as a symmetric matrix (n_atoms, n_atoms), kcal/mol; NaN where there is no pair."""
    matrix = np.full((n_atoms, n_atoms), np.nan)
    i, j = contributions["i"].to_numpy(), contributions["j"].to_numpy()
    matrix[i, j] = matrix[j, i] = contributions[term].to_numpy()
    return matrix


def strongest_pairs(contributions: pd.DataFrame, count: int) -> pd.DataFrame:
    """The `count` most attractive and the `count` most repulsive pairs by total."""
    ordered = contributions.sort_values("total", kind="stable")
    attractive = ordered[ordered["total"] < 0].head(count)
    repulsive = ordered[ordered["total"] > 0].tail(count)[::-1]
    return pd.concat([attractive, repulsive], ignore_index=True)


def contributions_with_units(contributions: pd.DataFrame) -> pd.DataFrame:
    """The table for people and files: atoms from 1, units in the column names."""
    names = {"distance": "distance_A"} | {term: f"{term}_kcal_per_mol" for term in TERMS}
    table = contributions.rename(columns=names)
    table.insert(0, "atom_i", table.pop("i") + 1)
    table.insert(1, "atom_j", table.pop("j") + 1)
    return table
