"""Tables of conformer energies."""

from dataclasses import replace

import numpy as np
import pytest

from virialff.conformers.generation import search
from virialff.methods.comparison import Comparison
from virialff.methods.runs import MethodEnergies
from virialff.methods.tables import ensemble_table, relative_energies_above, relative_energy_table
from virialff.models.intervals import ErrorScale, MemberEnergies, Uncertainty
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


def test_intervals_count_from_the_same_conformer_as_the_energies(comparison):
    energies = MemberEnergies(np.array([[-10.0, -12.0, -11.0], [-10.0, -13.0, -11.0]]), None, 5, False)
    scale = ErrorScale((1.0, 0.0, 0.1, 0.0, 0.0), (1.0, 2.0, 3.0), "GFN2-xTB")
    known = replace(comparison, uncertainties={"Model": Uncertainty("conformers", scale, energies)})
    table = relative_energy_table(known)
    assert table["Model ± 95 % (kcal/mol)"].tolist() == pytest.approx([3.6, 0.0, 3.3])
    assert "GFN2-xTB ± 95 % (kcal/mol)" not in table
    assert relative_energy_table(known, 2)["Model ± 95 % (kcal/mol)"].tolist() == pytest.approx([3.3, 3.3, 0.0])
    assert {"Model ± 68 % (kcal/mol)", "Model ± 95 % (kcal/mol)"} <= set(ensemble_table(known, shares=(0.68, 0.95)))
