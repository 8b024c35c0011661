"""The app computes with the model that the user chose as default."""

import json
import shutil

from pages.components.widgets import methods
from virialff import load_model
from virialff.documents import read_object
from virialff.models import registry
from virialff.models.checkpoint import load_checkpoint
from virialff.models.force_field import Model
from virialff.settings import ASSETS, MODELS_VARIABLE


def choices(app) -> list[str]:
    (box,) = app.sidebar.selectbox
    return box.options


def test_the_app_follows_the_choice_of_the_user(app, tmp_path, monkeypatch):
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    source = tmp_path / "source"
    shutil.copytree(ASSETS / "models" / "default", source)
    card = read_object(source / "card.json")
    (source / "card.json").write_text(json.dumps(card | {"name": "my own"}))
    app.run()
    assert choices(app) == ["default (default)", "default", "foundation-gfn2", "paper"]

    registry.set_default(registry.add(source, "mine").name)
    app.run()
    assert choices(app)[0] == "mine (default)"
    assert not app.exception

    shutil.rmtree(tmp_path / "models" / "mine")
    app.run()
    assert "no longer there" in app.error[0].value
    assert not app.exception


def test_a_model_of_ones_own_is_called_by_its_name_in_legends(monkeypatch):
    shipped = load_model()
    own = Model(load_checkpoint(registry.find("paper").folder), name="mine")
    monkeypatch.setattr(methods, "active_folder", lambda: "a folder")
    assert (methods.the_model(shipped).label, methods.the_model(own).label) == ("Model", "mine")
    assert methods.the_model(own).level == f"mine, {own.level}"
