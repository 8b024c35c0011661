"""Cards of several models side by side."""

from typing import Any

from virialff.card_comparison import compare_cards


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
