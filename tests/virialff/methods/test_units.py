"""Tables of energies in other units."""

import pandas as pd
import pytest

from virialff.methods.tables import json_energies, with_energies_in
from virialff.units import ENERGY_UNITS

#: One kcal/mol in each unit, CODATA 2018.
ONE = {"kcal/mol": 1.0, "kJ/mol": 4.184, "eV": 0.0433641043, "Eh": 0.00159360144}


@pytest.mark.parametrize("name", ONE)
def test_energies_are_converted_and_named_and_nothing_else_is(name):
    unit = ENERGY_UNITS[name]
    table = pd.DataFrame(
        {
            "conformer": [1, 2],
            "gfn2 (kcal/mol)": [0.0, 2.0],
            "model_total_kcal_per_mol": [-3.0, None],
            "separation (Angstrom)": [2.0, 3.0],
            "gfn2 rank": pd.array([1, None], dtype="Int64"),
        }
    )
    found = with_energies_in(table, unit)
    assert found[f"gfn2 ({name})"].tolist() == pytest.approx([0.0, 2.0 * ONE[name]], rel=1e-8)
    assert found[f"model_total_{unit.suffix}"][0] == pytest.approx(-3.0 * ONE[name], rel=1e-8)
    assert found[f"model_total_{unit.suffix}"].isna()[1]
    for column in ("conformer", "separation (Angstrom)", "gfn2 rank"):
        pd.testing.assert_series_equal(found[column], table[column])
    assert table["gfn2 (kcal/mol)"].tolist() == [0.0, 2.0]
    assert json_energies([2.0, float("nan"), -0.0], unit) == [pytest.approx(2.0 * ONE[name], rel=1e-8), None, 0.0]


@pytest.mark.parametrize(
    ("name", "column"),
    [("kJ/mol", "C0_kJ_A6_per_mol"), ("eV", "C0_eV_A6"), ("Eh", "C0_Eh_A6"), ("kcal/mol", "C0_kcal_A6_per_mol")],
)
def test_coefficients_of_a_power_of_a_distance(name, column):
    found = with_energies_in(pd.DataFrame({"C0_kcal_A6_per_mol": [2.0], "sigma_A": [3.0]}), ENERGY_UNITS[name])
    assert found[column].tolist() == pytest.approx([2.0 * ONE[name]], rel=1e-8)
    assert found["sigma_A"].tolist() == [3.0]


def test_a_unit_can_be_told_from_its_column():
    assert len({unit.suffix for unit in ENERGY_UNITS.values()}) == len(ENERGY_UNITS)
