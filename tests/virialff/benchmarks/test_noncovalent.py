import numpy as np
import pandas as pd
import pytest

from tests.virialff.sample_methods import FunctionMethod
from virialff.benchmarks.noncovalent import (
    BASE_PAIRS,
    PAPER_BINDING_ENERGIES,
    S66,
    S66X8,
    InteractionResult,
    InteractionSet,
    run,
)
from virialff.benchmarks.psi4_databases import read_database
from virialff.engines import get_engine
from virialff.errors import EvaluationSetError, ShapeError
from virialff.molecules.molecule import Molecule

pytestmark = pytest.mark.usefixtures("psi4_data")


@pytest.fixture(scope="module")
def gfn2_result():
    return run(S66, {"GFN2-xTB": get_engine("gfn2")})


def test_gfn2_on_s66(gfn2_result):
    """0.73 kcal/mol with xtb 6.5; a wrong sign, unit or geometry would show here."""
    summary = gfn2_result.summary("GFN2-xTB")
    assert summary.n_values == summary.n_groups == 66
    assert summary.mae.estimate == pytest.approx(0.73, abs=0.02)
    assert summary.mae.low < summary.mae.estimate < summary.mae.high
    assert summary.mean_signed.estimate > 0  # GFN2-xTB binds too weakly


def test_table_holds_every_complex_with_its_reference(gfn2_result):
    table = gfn2_result.table
    assert table["index"].tolist() == list(range(1, 67))
    assert table.loc[0, ["name", "category", "reference"]].tolist() == ["Water Dimer", "hydrogen-bonded", -4.918]
    assert table["GFN2-xTB"].notna().all()
    assert gfn2_result.levels == {"GFN2-xTB": "GFN2-xTB"}
    assert "GFN2-xTB (kcal/mol)" in gfn2_result.with_units()
    assert np.allclose(gfn2_result.errors["GFN2-xTB"], table["GFN2-xTB"] - table["reference"])


def test_statistics_by_category(gfn2_result):
    rows = gfn2_result.statistics.set_index("category")
    assert rows["n_values"].to_dict() == {"all": 66, "hydrogen-bonded": 23, "dispersion": 23, "mixed": 20}
    assert 66 * rows.loc["all", "mae"] == pytest.approx((rows["n_values"] * rows["mae"])[1:].sum())
    assert ((rows["rmse_low"] <= rows["rmse"]) & (rows["rmse"] <= rows["rmse_high"])).all()


def test_the_reference_itself_has_no_error():
    lookup = {item.numbers.tobytes() + item.positions.tobytes(): item for item in read_database("S66")}

    def reference(molecule, positions):
        return np.array(
            [lookup[molecule.numbers.tobytes() + place.tobytes()].interaction_energy for place in positions]
        )

    result = run(S66, {"reference again": FunctionMethod(reference)})
    assert result.summary("reference again").rmse.estimate == 0.0


def test_a_model_is_evaluated_by_its_force_field(random_model):
    result = run(S66, {"model": random_model}, indices=[1, 24])
    energies = []
    for index in (1, 24):
        molecule = Molecule.from_rdkit(read_database("S66")[index - 1].to_rdkit())
        parts = [molecule.fragment(0), molecule.fragment(1)]
        apart = sum(random_model.force_field(part).energy(part.positions[0]) for part in parts)
        energies.append(float(random_model.force_field(molecule).energy(molecule.positions[0]) - apart))
    assert result.table["model"].to_numpy() == pytest.approx(energies, abs=2e-3)
    assert result.levels == {"model": "none (random parameters)"}


def test_what_a_method_cannot_compute_stays_in_the_table_with_its_reason(random_model):
    """JSCH 12 holds 4-thiouracil; the random model says it was not trained on sulfur."""
    result = run(InteractionSet("JSCH", ("JSCH",), "CCSD(T)/CBS"), {"model": random_model}, indices=[3, 12])
    assert result.table["model"].notna().tolist() == [True, False]
    assert "was not trained on it" in result.reasons["model", 12]
    assert result.summary("model").n_values == 1


def test_s66x8_curve_of_the_water_dimer():
    result = run(S66X8, {"GFN2-xTB": get_engine("gfn2")}, indices=[1])
    assert result.table["separation_factor"].tolist() == [0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 1.5, 2.0]
    assert result.summary("GFN2-xTB").n_groups == 1
    assert abs(result.errors["GFN2-xTB"]).max() < 0.5
    assert result.table["GFN2-xTB"].idxmin() in (1, 2, 3)


def test_base_pairs():
    result = run(BASE_PAIRS, {"GFN2-xTB": get_engine("gfn2")})
    assert result.table["category"].tolist() == ["A-T", "A-T", "G-C"]
    assert result.table["reference"].tolist() == [-16.86, -16.66, -32.06]
    assert abs(result.errors["GFN2-xTB"]).max() < 2.5
    assert PAPER_BINDING_ENERGIES.loc["G-C", "model"] == 30.5


def test_complexes_of_two_sets_with_one_number_are_two():
    table = pd.DataFrame({"set": ["S66", "JSCH"], "index": 3, "category": "", "reference": 1.0, "mine": [1.0, 3.0]})
    summary = InteractionResult(table, ("mine",), "reference").summary("mine")
    assert (summary.n_groups, summary.rmse.high) == (2, 2.0)


def test_progress_counts_every_geometry():
    seen = []
    nothing = {"nothing": FunctionMethod(lambda _, positions: np.zeros(len(positions)))}
    run(S66, nothing, indices=[3, 5], progress=lambda *n: seen.append(n))
    assert seen == [(1, 2), (2, 2)]


def test_bad_requests_are_refused():
    with pytest.raises(EvaluationSetError, match="S66 has no complex 67"):
        run(S66, {}, indices=[67])
    with pytest.raises(ShapeError, match="expected \\(1,\\)"):
        run(S66, {"wrong": FunctionMethod(lambda *_: np.zeros((1, 2)))}, indices=[1])
    with pytest.raises(ValueError, match="cannot be named 'reference'"):
        run(S66, {"reference": FunctionMethod(lambda *_: np.zeros(1))}, indices=[1])
