"""`virialff models`: what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest

from tests.virialff.sample_models import change_card, flip_a_byte
from virialff.cli import main
from virialff.models import registry
from virialff.models.registry import load_model

pytestmark = pytest.mark.usefixtures("models")


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["models", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_command_from_adding_to_removing(model, models, capsys):
    code, out, err = run(capsys, "add", model, "--default", "--json")
    facts = json.loads(out)
    assert (code, err) == (0, "")
    assert (facts["name"], facts["default"], facts["shipped"]) == ("mine", True, False)
    assert facts["folder"] == str(models / "mine")
    _, out, _ = run(capsys, "list", "--json")
    assert {entry["name"]: entry["default"] for entry in json.loads(out)["models"]}["default"] is False
    _, out, _ = run(capsys, "list")
    assert f"* mine: {facts['level_of_theory']}, sha256 {facts['sha256'][:12]}\n" in out
    assert str(models) in out
    assert run(capsys, "default")[1].startswith("mine: ")
    assert run(capsys, "default", "default")[0] == 0
    code, out, err = run(capsys, "remove", "mine", "--json")
    assert (code, json.loads(out)["removed"], err) == (0, "mine", "")
    code, out, err = run(capsys, "remove", "mine")
    assert (code, out) == (4, "")
    assert err == "virialff: there is no model 'mine' to remove; `virialff models list` shows yours\n"


def test_a_model_damaged_later_is_listed_with_the_reason(model, models, capsys):
    registry.add(model)
    flip_a_byte(models / "mine")
    code, out, _ = run(capsys, "list")
    assert code == 1
    assert "  mine: not usable: " in out
    assert "is damaged or not the file its card describes" in out
    code, out, err = run(capsys, "default", "mine")
    assert (code, out) == (4, "")
    assert "is damaged" in err
    assert load_model().name != "mine"


def test_a_card_in_short(capsys):
    model = load_model("paper")
    code, out, err = run(capsys, "show", "paper")
    assert (code, err) == (0, "")
    assert out.startswith(f"paper: energies of {model.level_of_theory}, elements H C N O F P S Cl Br\n")
    assert model.sha256 in out
    # Its recipe has no loss of complexes.
    assert "trained on 1,226 molecules (1,522 geometries)\n  Beside GFN2-xTB" in out
    assert all(limit in out for limit in model.card["limitations"])
    facts = json.loads(run(capsys, "show", "paper", "--json")[1])
    held_out = model.card["metrics"]["held_out"]["total energy (kcal/mol)"]
    row = next(row for row in facts["errors"] if row["quantity"] == "total energy (kcal/mol)")
    assert (row["measured_on"], row["n_values"], row["mae"]) == ("held out", held_out["n_values"], held_out["mae"])
    assert f"{held_out['mae']:.2f} (" in out
    code, out, err = run(capsys, "show", "nothing")
    assert (code, out) == (4, "")
    assert err.startswith("virialff: there is no model 'nothing'; ")


def test_a_card_with_the_least_is_shown_too(model, capsys):
    change_card(model, metrics={}, data={}, recipe="by hand", limitations=[], date=None)
    code, out, _ = run(capsys, "show", model)
    assert code == 0
    assert "made on an unknown date by the recipe by hand" in out
    assert "trained on" not in out


def test_a_model_is_called_by_its_name_here(model, models, capsys):
    change_card(model, name="recipe-7")
    registry.add(model, "mine")
    for words in (["CCO", "--model", "mine"], ["CCO", "--model", str(models / "mine")]):
        assert main(["params", *words]) == 0
        out = capsys.readouterr().out
        assert "; model mine (" in out
        assert "recipe-7" not in out
    assert main(["params", "CCO", "--model", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"]["name"] == "mine"
    registry.set_default("mine")
    assert main(["distribution", "CCO"]) == 0
    assert "; model mine\n" in capsys.readouterr().out
    assert json.loads(run(capsys, "show", "--json")[1])["name"] == "mine"
    assert load_model(model).name == "recipe-7", "a model elsewhere has the name in its card alone"


def test_where_nobody_chose_a_default_that_is_what_is_said(models, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(registry, "SHIPPED", tmp_path / "nowhere")
    for words in (["models", "list"], ["models", "show"], ["models", "default"], ["params", "CCO"]):
        assert main(words) == 4
        err = capsys.readouterr().err
        assert "the model 'default', which comes with virialff and is used where none is chosen, is not in" in err
        assert "chosen as default" not in err
    models.mkdir(parents=True)
    (models / ".default").write_text("gone\n")
    assert main(["models", "list"]) == 4
    assert "the model 'gone', which was chosen as default, is no longer there" in capsys.readouterr().err
