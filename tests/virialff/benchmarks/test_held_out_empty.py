"""A store whose test part has no molecules, as small imports have, is compared on its complexes alone."""

import numpy as np
import pandas as pd

from virialff.benchmarks.held_out import HeldOutComparison


def test_statistics_without_a_molecule():
    empty = pd.DataFrame(columns=["molecule", "n_heavy", "n_atoms", "detail", "reference", "model"], dtype=float)
    interactions = pd.DataFrame({"complex": [1, 1], "reference": [-1.0, -2.0], "model": [-1.5, -2.5]})
    comparison = HeldOutComparison(
        level_of_theory="GFN2-xTB",
        levels={"model": "GFN2-xTB"},
        largest_training=5,
        energies=empty,
        forces={},
        dipoles=pd.DataFrame(columns=["molecule", "reference"], dtype=float),
        interactions=interactions,
        shifts={},
        reasons={},
    )
    statistics = comparison.statistics
    assert statistics["quantity"].tolist() == ["interaction energy of complexes (kcal/mol)"]
    np.testing.assert_allclose(statistics["mae"], 0.5)
