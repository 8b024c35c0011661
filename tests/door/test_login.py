"""The app for others: a login by OpenID, an allow-list with roles, and what each role may do on the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
import yaml
from websockets.exceptions import InvalidStatus

from tests.door.conftest import Served, served
from tests.door.visitor import Visitor, log_in, open_websocket
from tests.small_training import small_recipe


@contextmanager
def client_of(shared: Served, user: str, **claims: object) -> Iterator[httpx.Client]:
    """Somebody who has logged in."""
    with httpx.Client(base_url=shared.address, timeout=90, follow_redirects=True) as client:
        log_in(client, user, {"email": user, **claims}, shared.provider)
        yield client


def test_nothing_is_shown_without_login(shared):
    with Visitor(shared.address) as visitor:
        visitor.open("train")
        assert set(visitor.widgets) == {"Log in"}
        assert visitor.upload("file", b"C").status_code == 413
        assert visitor.open("data", data_store="assets/data/dft.parquet").widgets.keys() == {"Log in"}


def test_numbers_of_the_server_are_for_its_machine(shared, local):
    for path in ("/_stcore/metrics", "/data/_stcore/metrics", "/_stcore/metrics/"):
        assert httpx.get(f"{shared.address}{path}").status_code == 403, path
    assert httpx.get(f"{local.address}/_stcore/metrics").status_code == 200


@pytest.mark.parametrize(
    ("user", "claims", "sentence"),
    [
        ("mallory@example.org", {}, "not among the users of this installation"),
        ("worker@example.org.evil", {}, "not among the users of this installation"),
        ("worker@example.org", {"email_verified": False}, "is not verified"),
    ],
)
def test_who_is_not_on_the_list_stays_outside(shared, user, claims, sentence):
    with client_of(shared, user, **claims) as client, Visitor(shared.address, client) as visitor:
        visitor.open("train")
        assert sentence in visitor.text
        assert set(visitor.widgets) == {"Log out"}
        assert visitor.upload("file", b"C").status_code == 413


def test_a_reader_looks_and_a_worker_starts_what_is_his(shared):
    recipe = small_recipe(shared.folder / "labels" / "small.parquet", steps=10**6, validate_every=3)
    text = yaml.safe_dump(recipe)
    with client_of(shared, "reader@example.org") as client, Visitor(shared.address, client) as reader:
        reader.open("train").click("Set up a full training").set("Settings as", ["YAML text"]).set(
            "Recipe", text
        ).click("Start training")
        assert "reader@example.org, reader" in reader.text
        assert "is for a worker or administrator, and reader@example.org is a reader" in reader.text
        assert shared.requests() == []
    with client_of(shared, "Worker@example.org") as client, Visitor(shared.address, client) as worker:
        worker.open("train").click("Set up a full training").set("Settings as", ["YAML text"]).set(
            "Recipe", text
        ).click("Start training")
        assert [request.owner for request in shared.requests()] == ["worker@example.org"]
    with client_of(shared, "other@example.org") as client, Visitor(shared.address, client) as other:
        other.open("train").click("Stop")
        assert "Stopping a job of another user is for administrators" in other.text
    with client_of(shared, "administrator@example.org") as client, Visitor(shared.address, client) as administrator:
        administrator.open("train").click("Stop")
        assert "of another user" not in administrator.text
        assert list(shared.folder.glob("runs/jobs/*/stop.json"))


def test_a_cookie_that_somebody_made_is_no_login(shared):
    with httpx.Client(base_url=shared.address, timeout=90) as client:
        client.cookies.set("_streamlit_user", "2|1:0|10:1|15:_streamlit_user|4:e30=|00")
        with Visitor(shared.address, client) as visitor:
            assert set(visitor.open().widgets) == {"Log in"}


def test_only_the_names_of_the_administrator_are_ours(shared):
    ours, theirs = "virialff.example.org", "evil.example"
    with open_websocket(shared.address, host=ours, origin=f"https://{ours}"):
        pass
    for host, origin in ((theirs, f"http://{theirs}"), (ours, f"https://{theirs}")):
        with pytest.raises(InvalidStatus, match="403"), open_websocket(shared.address, host=host, origin=origin):
            pass


def test_open_to_others_and_without_login_nothing_is_served(tmp_path):
    with served(tmp_path, "--server.address", "0.0.0.0", healthy=False) as app:
        for path in ("/", "/train", "/_stcore/health"):
            answer = httpx.get(app.address + path)
            assert answer.status_code == 403
            assert "Set up login" in answer.text
        with pytest.raises(InvalidStatus, match="403"), open_websocket(app.address):
            pass
