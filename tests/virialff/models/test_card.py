"""Tables of model cards."""

from typing import Any

import numpy as np

from virialff import load_model
from virialff.benchmarks.statistics import summarize_errors
from virialff.models.card import compare_cards, error_table, side_by_side_table


def test_cards_side_by_side():
    summary: dict[str, Any] = {"n_values": 3, "mae": 1.0, "mae_low": 0.5, "mae_high": 1.5, "rmse": 2.0}
    row: dict[str, Any] = {
        "set": "S66",
        "quantity": "E_int (kcal/mol)",
        "sizes": "all",
        "method": "GFN2-xTB",
        **summary,
    }
    cards: dict[str, dict[str, Any]] = {
        "first": {"metrics": {"held_out": {"energy": summary}, "beside": {"errors": [row]}}},
        "second": {"metrics": {"held_out": {"energy": summary | {"mae": 4.0}}, "interactions": "not measured"}},
        "bare": {},
    }
    table = compare_cards(cards).set_index("quantity")
    assert list(table.columns) == ["measured on", "first", "second", "bare", "GFN2-xTB"]
    assert list(table.loc["energy"]) == ["held out", "1.00 (0.50 to 1.50)", "4.00 (0.50 to 1.50)", "", ""]
    assert table.loc["E int (kcal/mol), all", "GFN2-xTB"] == "1.00 (0.50 to 1.50)"
    assert list(compare_cards(cards, "rmse").set_index("quantity").loc["energy"])[1] == "2.00"
    assert len(compare_cards({})) == 0


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


def row(method: str, mae: float, n: int, quantity: str = "total energy (kcal/mol)"):
    return {
        "set": "held out",
        "quantity": quantity,
        "sizes": "all",
        "method": method,
        "n_values": n,
        "mae": mae,
        "mae_low": mae - 0.1,
        "mae_high": mae + 0.1,
        "rmse": 2 * mae,
    }


def test_a_column_a_method_and_its_own_number_of_values_where_it_has_fewer():
    rows = [row("mine", 1.0, 1200), row("ANI", 2.0, 800), row("mine", 3.0, 10, "E_int (kcal/mol)")]
    table = side_by_side_table(rows)
    assert table.to_dict("records") == [
        {
            "set": "held out",
            "quantity": "total energy (kcal/mol)",
            "sizes": "all",
            "n": "1,200",
            "mine": "1.00 (0.90 to 1.10)",
            "ANI": "2.00 (1.90 to 2.10), n 800",
        },
        {
            "set": "held out",
            "quantity": "E_int (kcal/mol)",
            "sizes": "all",
            "n": "10",
            "mine": "3.00 (2.90 to 3.10)",
            "ANI": "",
        },
    ]
    assert side_by_side_table(rows, "rmse")["mine"].tolist() == ["2.00", "6.00"]
    assert side_by_side_table([]).empty


def test_what_compares_methods_is_no_row_of_the_models_own_errors():
    metrics = {"held_out": {"energy": {"mae": 1.0, "rmse": 2.0}}, "side by side": {"errors": [row("mine", 1.0, 3)]}}
    assert error_table(metrics)["measured on"].tolist() == ["held out"]
