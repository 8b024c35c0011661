import json

import pytest

from virialff.benchmarks.report import report_interactions


@pytest.mark.usefixtures("psi4_data")
def test_report_of_a_model_goes_into_a_card(random_model):
    report = report_interactions(random_model)
    card = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    s66 = card["s66 vertical against CCSD(T)/CBS (kcal/mol)"]
    assert list(s66) == ["all", "hydrogen-bonded", "dispersion", "mixed"]
    assert s66["all"]["n_values"] == 66
    assert card["s66x8 vertical against CCSD(T)/CBS (kcal/mol)"]["all"]["n_values"] == 528
    assert s66["all"]["rmse"] == pytest.approx(report.s66.summary("model").rmse.estimate, abs=1e-4)
    assert [entry["pair"] for entry in card["base pairs vertical (kcal/mol)"]] == ["A-T", "A-T", "G-C"]
    assert [entry["dimer"] for entry in card["dimers"]] == ["water", "benzene T-shaped", "benzene sandwich"]
    assert len(report.physics.compressions) == 66
    assert card["S66 dimers bound more strongly behind the wall"] == [
        index
        for index, result in report.physics.compressions.items()
        if result.compressed_maximum > result.contact_minimum
    ]
