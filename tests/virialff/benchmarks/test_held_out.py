"""Statistics of methods on held-out labels."""

import dataclasses

import numpy as np
import pandas as pd

from virialff.benchmarks.held_out import HeldOutComparison


def comparison_of(energies: pd.DataFrame, interactions: pd.DataFrame) -> HeldOutComparison:
    """Of one model that was trained on molecules of up to five heavy atoms."""
    return HeldOutComparison(
        level_of_theory="GFN2-xTB",
        levels={"model": "GFN2-xTB"},
        largest_training=5,
        energies=energies,
        forces={},
        dipoles=pd.DataFrame(columns=["molecule", "reference"], dtype=float),
        interactions=interactions,
        shifts={},
        reasons={},
    )


def test_statistics_without_a_molecule():
    """A store whose test part has no molecules, as small imports have, is compared on its complexes alone."""
    empty = pd.DataFrame(
        columns=["molecule", "n_heavy", "n_atoms", "rare", "detail", "reference", "model"], dtype=float
    )
    interactions = pd.DataFrame({"complex": [1, 1], "reference": [-1.0, -2.0], "model": [-1.5, -2.5]})
    statistics = comparison_of(empty, interactions).statistics
    assert statistics["quantity"].tolist() == ["interaction energy of complexes (kcal/mol)"]
    np.testing.assert_allclose(statistics["mae"], 0.5)


def test_errors_of_molecules_with_rare_parts_stand_apart():
    energies = pd.DataFrame(
        {
            "molecule": [1, 2, 2, 3, 4],
            "n_heavy": [3, 5, 5, 4, 9],
            "n_atoms": [8, 9, 9, 10, 20],
            "rare": [False, True, True, False, False],
            "detail": "minimum_gfn2",
            "reference": [0.0, 0.0, 1.0, 0.0, 0.0],
            "model": [1.0, 8.0, 11.0, -2.0, 5.0],
        }
    )
    comparison = comparison_of(energies, pd.DataFrame(columns=["complex", "reference"], dtype=float))
    rows = comparison.statistics
    errors = rows[rows["quantity"] == "total energy (kcal/mol)"].set_index("sizes")["mae"]
    assert errors["up to 5 heavy atoms, as in training"] == 21.0 / 4
    assert errors["up to 5 heavy atoms, nothing of them marked as rare in training"] == 1.5
    assert errors["up to 5 heavy atoms, marked as rare in training"] == 9.0
    usual = dataclasses.replace(comparison, energies=energies.assign(rare=False)).statistics["sizes"]
    assert not usual.str.contains("rare").any()
