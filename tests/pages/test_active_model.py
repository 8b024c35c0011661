"""The app computes with the model that the user chose as default."""

import json
import shutil

from virialff.models import registry
from virialff.settings import ASSETS, MODELS_VARIABLE


def sidebar_text(app) -> str:
    return "\n".join(block.value for block in app.sidebar.markdown)


def test_the_app_follows_the_choice_of_the_user(app, tmp_path, monkeypatch):
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    source = tmp_path / "source"
    shutil.copytree(ASSETS / "models" / "default", source)
    card = json.loads((source / "card.json").read_text())
    (source / "card.json").write_text(json.dumps(card | {"name": "my own"}))
    app.run()
    assert "Active model" in sidebar_text(app)
    assert "my own" not in sidebar_text(app)

    registry.set_default(registry.add(source, "mine").name)
    app.run()
    assert "my own" in sidebar_text(app)
    assert not app.exception

    shutil.rmtree(tmp_path / "models" / "mine")
    app.run()
    assert "no longer there" in app.error[0].value
    assert not app.exception
