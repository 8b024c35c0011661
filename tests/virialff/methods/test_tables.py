"""Tables of conformer energies."""

import numpy as np
import pytest

from virialff.conformers.generation import search
from virialff.methods.comparison import Comparison
from virialff.methods.runs import MethodEnergies
from virialff.methods.tables import relative_energies_above, relative_energy_table
from virialff.molecules.molecule import Molecule


@pytest.fixture
def comparison() -> Comparison:
    first = MethodEnergies("Model", "level", np.array([-10.0, -12.0, -11.0]))
    second = MethodEnergies("GFN2-xTB", "level", np.array([-99.0, np.nan, -100.0]), {2: "failed"})
    return Comparison(search(Molecule.from_smiles("CCCO"), 4).molecule, (first, second))


def test_each_method_counts_from_its_own_lowest(comparison):
    relative = relative_energies_above(comparison)
    np.testing.assert_array_equal(relative["Model"], [2, 0, 1])
    np.testing.assert_array_equal(relative["GFN2-xTB"], [1, np.nan, 0])


def test_all_methods_count_from_one_conformer(comparison):
    relative = relative_energies_above(comparison, 2)
    np.testing.assert_array_equal(relative["Model"], [1, -1, 0])
    np.testing.assert_array_equal(relative["GFN2-xTB"], [1, np.nan, 0])


def test_table_has_energies_then_ranks_and_no_rank_without_an_energy(comparison):
    table = relative_energy_table(comparison)
    assert list(table.columns) == [
        "conformer",
        "Model (kcal/mol)",
        "GFN2-xTB (kcal/mol)",
        "Model rank",
        "GFN2-xTB rank",
    ]
    assert list(table["Model rank"]) == [3, 1, 2]
    assert table["GFN2-xTB rank"].isna().tolist() == [False, True, False]
