"""`virialff models`: what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest

from tests.virialff.sample_models import flip_a_byte
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
    assert {entry["name"]: entry["default"] for entry in json.loads(out)}["default"] is False
    _, out, _ = run(capsys, "list")
    assert f"* mine: {facts['level_of_theory']}, sha256 {facts['sha256'][:12]}\n" in out
    assert str(models) in out
    assert run(capsys, "default")[1].startswith("mine: ")
    assert run(capsys, "default", "default")[0] == 0
    assert run(capsys, "remove", "mine", "--json") == (0, '{"removed": "mine"}\n', "")
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
