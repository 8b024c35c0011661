"""Page Models: the cards, the choice for the session and for all, a model packed, received, compared and removed."""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path

import pytest

from tests.administration import administer
from tests.pages.test_benchmarks import words_of
from tests.pages.test_train import button, labelled, text_of
from tests.virialff.sample_models import make_model
from training.jobs.control import list_jobs
from training.jobs.offered import RECEIVED
from virialff import access
from virialff.access import OWNER, User
from virialff.administrator import Role
from virialff.models import registry
from virialff.models.received import pack
from virialff.models.trust import trust
from virialff.settings import MODELS_VARIABLE, RUNS_VARIABLE


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders of one's own for models and jobs."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    return tmp_path / "models"


@pytest.fixture
def page(app, models):
    app.run()
    return app.switch_page("pages/models.py").run()


def open_tab(page, name: str):
    page.session_state["models_tab"] = name
    return page.run()


def key_button(page, key: str):
    return page.button(key=key)


def test_each_model_has_its_three_sentences(page):
    assert not page.exception
    words = text_of(page)
    for entry in registry.registered_models():
        card = json.loads((entry.folder / "card.json").read_text("utf-8"))
        found = trust(card)
        assert all(sentence in words for sentence in (found.trained_for, found.beside, found.not_for))
    assert "Errors on molecules that it never saw" not in words
    page.session_state["details_paper"] = True
    page.run()
    assert not page.exception
    assert "Errors on molecules that it never saw" in text_of(page)
    assert len(page.table)


def test_a_model_is_used_in_this_session_alone(page):
    key_button(page, "use_paper").click().run()
    assert not page.exception
    assert page.query_params["model"] == "paper"
    assert key_button(page, "use_paper").disabled
    assert registry.default_name() == "default"


def test_the_default_is_chosen_and_is_there_for_others(page, models, app):
    key_button(page, "default_foundation-gfn2").click().run()
    assert not page.exception
    assert not page.error
    assert registry.default_name() == "foundation-gfn2"
    assert key_button(page, "default_foundation-gfn2").disabled
    assert page.sidebar.selectbox[0].options[0] == "foundation-gfn2 (default)"


def test_a_default_that_is_gone_is_said_and_can_be_chosen_anew(page, models, tmp_path):
    registry.add(make_model(tmp_path / "source"), "mine")
    registry.set_default("mine")
    (models / "mine").rename(tmp_path / "elsewhere")
    page.run()
    assert not page.exception
    assert any("no longer there" in error.value for error in page.error)
    key_button(page, "default_paper").click().run()
    assert not page.error
    assert registry.default_name() == "paper"


def wait_for_job(page):
    deadline = time.monotonic() + 120
    while not all(job.is_over for job in list_jobs(RECEIVED)):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    return page.run()


def upload(page, content: bytes, name: str = "from elsewhere.zip"):
    open_tab(page, "Add a model")
    return page.file_uploader(key="model_upload").set_value((name, content, "application/zip")).run()


def test_what_was_downloaded_is_added_elsewhere_compared_and_removed(page, models):
    content = pack(registry.find("default").folder)
    assert "member-2.safetensors" in zipfile.ZipFile(io.BytesIO(content)).namelist()
    upload(page, content)
    assert labelled(page.text_input, "Name of the model").value == "from-elsewhere"
    labelled(page.text_input, "Name of the model").set_value("default").run()
    assert "ships with virialff" in text_of(page)
    assert button(page, "Add it").disabled
    labelled(page.text_input, "Name of the model").set_value("received").run()
    button(page, "Add it").click().run()
    wait_for_job(page)
    assert not page.exception
    (job,) = list_jobs(RECEIVED)
    assert job.state == "finished", job.reason
    shipped, received = registry.load_model("default"), registry.load_model("received")
    assert received.sha256 == shipped.sha256
    assert len(received.members) == len(shipped.members)

    open_tab(page, "Compare two")
    labelled(page.selectbox, "Second model").set_value("paper").run()
    assert not page.exception
    table = words_of(page.table[0])
    assert {"default", "paper"} <= set(table.columns)
    assert (table[["default", "paper"]] != "").all().all()
    labelled(page.toggle, "Only what both were measured on").set_value(False).run()
    assert len(page.table[0].value) > len(table)

    open_tab(page, "All models")
    key_button(page, "remove_received").click().run()
    assert not page.exception
    assert not page.error
    assert "received" not in [entry.name for entry in registry.registered_models()]


def test_a_zip_that_is_no_model_is_refused_with_its_reason(page, models):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../card.json", "{}")
    upload(page, packed.getvalue())
    button(page, "Add it").click().run()
    wait_for_job(page)
    assert not page.exception
    assert "leads outside it" in text_of(page)
    assert not models.exists() or not any(models.glob("[!.]*"))


def test_the_default_cannot_be_removed(page, models, tmp_path):
    registry.add(make_model(tmp_path / "source"), "mine")
    registry.set_default("mine")
    page.run()
    key_button(page, "remove_mine").click().run()
    assert any("is used where none is named" in error.value.replace("\\", "") for error in page.error)
    assert registry.find("mine").default


@pytest.mark.parametrize(
    ("user", "words"),
    [
        (User("reader@example.org", Role.READER), "is for administrators"),
        (User("worker@example.org", Role.WORKER), "is for administrators"),
        (None, "read-only"),
    ],
)
def test_only_administrators_choose_and_remove(page, models, tmp_path, monkeypatch, user, words):
    registry.add(make_model(tmp_path / "source"), "mine")
    administer(monkeypatch, tmp_path, text="[users]\n")
    if user is None:
        monkeypatch.setenv("VIRIALFF_READ_ONLY", "1")
    else:
        monkeypatch.setattr(access, "_identify", lambda: user)
    page.run()
    for key in ("default_paper", "remove_mine"):
        key_button(page, key).click().run()
        assert not page.exception
        assert words in text_of(page)
    assert registry.default_name() == "default"
    assert registry.find("mine")
    upload(page, pack(registry.find("mine").folder), "other.zip")
    button(page, "Add it").click().run()
    if user is None or user.role < Role.WORKER:
        assert list_jobs(RECEIVED) == []
        assert ("read-only" if user is None else "is for a worker or administrator") in text_of(page)
    else:
        wait_for_job(page)
        assert list_jobs(RECEIVED)[0].owner == user.name
    monkeypatch.setattr(access, "_identify", lambda: OWNER)


def test_a_damaged_model_is_a_sentence_and_can_be_removed(page, models, tmp_path):
    registry.add(make_model(tmp_path / "source"), "mine")
    (models / "mine" / "card.json").write_text("{")
    page.run()
    assert not page.exception
    assert any("mine" in (error.value + str(error.proto)) for error in page.error)
    open_tab(page, "Compare two")
    labelled(page.selectbox, "Second model").set_value("mine").run()
    assert not page.exception
    open_tab(page, "All models")
    key_button(page, "remove_mine").click().run()
    assert not page.error
    assert not (models / "mine").exists()
