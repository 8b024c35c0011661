import numpy as np

from virialff import load_model
from virialff.model_card import error_table
from virialff.statistics import summarize_errors

SUMMARY = summarize_errors(np.array([1.0, -1.0, 3.0]), np.array([0, 1, 2])).as_row()


def test_summaries_at_any_depth_become_rows():
    metrics = {
        "held_out": {"total energy (kcal/mol)": SUMMARY},
        "S66 (kcal/mol)": [{"method": "model", "zero": "own", **SUMMARY}, {"method": "gfn2", **SUMMARY}],
        "note": "text",
    }
    table = error_table(metrics)
    assert list(table["measured on"]) == ["held out", "S66 (kcal/mol)", "S66 (kcal/mol)"]
    assert list(table["quantity"]) == ["total energy (kcal/mol)", "model, own", "gfn2"]
    assert table["values"][0] == "3"
    assert table["MAE (95 % interval)"][0].startswith("1.67 (")


def test_summary_without_interval():
    table = error_table({"x": {"mae": 0.5, "rmse": 1}})
    assert list(table.iloc[0]) == ["x", "", "", "0.50", "1.00"]


def test_shipped_model_has_held_out_errors():
    table = error_table(load_model().card["metrics"])
    assert any("total energy (kcal/mol)" in quantity for quantity in table["quantity"])
