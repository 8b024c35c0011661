"""Three sentences about a model, which follow from its card."""

import copy
import json
from typing import Any

import pytest

from virialff.models.trust import standings, trust
from virialff.settings import ASSETS

CARDS: dict[str, dict[str, Any]] = {
    name: json.loads((ASSETS / "models" / name / "card.json").read_text("utf-8"))
    for name in ("default", "foundation-gfn2", "paper")
}


def test_the_shipped_models_stand_as_their_cards_say():
    found = {name: {entry.quantity: entry.verdict for entry in standings(card)} for name, card in CARDS.items()}
    assert found["default"]["total energies"] == "better"
    assert found["paper"]["interaction energies"] == "worse"
    # GFN2-xTB is what this one was trained on, so it is not measured beside it there.
    assert "total energies" not in found["foundation-gfn2"]
    rows = CARDS["default"]["metrics"]["side by side"]["errors"]
    row = next(
        row for row in rows if row["method"] == "default" and row["sizes"] == "all" and row["set"].startswith("held")
    )
    assert f"total energies ({row['mae']:.1f} against" in trust(CARDS["default"]).beside


def test_what_it_was_trained_for():
    default, paper = trust(CARDS["default"]), trust(CARDS["paper"])
    assert "at wB97X-D/def2-SVP, trained on 1,651 molecules (2,251 geometries)" in default.trained_for
    assert default.trained_for.endswith("starting from foundation-gfn2.")
    assert "starting from" not in trust(CARDS["foundation-gfn2"]).trained_for
    # Its complexes were in the labels, and no loss of its recipe looked at them.
    assert "complexes" not in paper.trained_for
    assert "forces and complexes (not trained on)" in paper.not_for
    assert "(GFN2-xTB is more than twice as good)" in paper.not_for
    assert "not trained on" not in default.not_for


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ({}, "nobody knows how good it is"),
        (
            {"held_out": {"total energy (kcal/mol)": {"mae": 3.21, "rmse": 4.0, "n_values": 7}}},
            "not measured beside GFN2-xTB; on molecules that it never saw its mean error is 3.2 kcal/mol in total "
            "energies (7 values).",
        ),
    ],
)
def test_a_model_that_was_hardly_measured_says_so(metrics, words):
    card = copy.deepcopy(CARDS["default"]) | {"metrics": metrics}
    assert words in trust(card).beside
    assert standings(card) == []


def test_elements_are_those_that_training_had():
    card = copy.deepcopy(CARDS["default"]) | {"environments": {"C(-H,-H,-H,-H)": 3, "H(-C)": 3}}
    assert "molecules of H and C at" in trust(card).trained_for
