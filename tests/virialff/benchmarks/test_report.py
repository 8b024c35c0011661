import json

import pytest

from virialff.benchmarks import report
from virialff.benchmarks.conformers import conformer_set
from virialff.benchmarks.noncovalent import S66, run
from virialff.benchmarks.physics import check_physics


@pytest.mark.usefixtures("psi4_data")
def test_report_of_a_model_goes_into_a_card(random_model, monkeypatch):
    monkeypatch.setattr(report, "conformer_set", lambda: conformer_set(3, molecules=["CCCO", "OCCN"]))
    physics = check_physics(random_model)
    metrics = json.loads(json.dumps(report.card_metrics(random_model, physics), allow_nan=False))
    card = metrics["interactions"]
    s66 = card["s66 vertical against CCSD(T)/CBS (kcal/mol)"]
    assert list(s66) == ["all", "hydrogen-bonded", "dispersion", "mixed"]
    assert s66["all"]["n_values"] == 66
    assert card["s66x8 vertical against CCSD(T)/CBS (kcal/mol)"]["all"]["n_values"] == 528
    assert s66["all"]["rmse"] == pytest.approx(
        run(S66, {"model": random_model}).summary("model").rmse.estimate, abs=1e-4
    )
    assert [entry["pair"] for entry in card["base pairs vertical (kcal/mol)"]] == ["A-T", "A-T", "G-C"]
    assert [entry["dimer"] for entry in card["dimers"]] == ["water", "benzene T-shaped", "benzene sandwich"]
    assert len(physics.compressions) == 66
    assert card["S66 dimers bound more strongly behind the wall"] == [
        index for index, result in physics.compressions.items() if result.compressed_minimum < result.contact_minimum
    ]
