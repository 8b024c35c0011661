"""What a web page of somebody else, or a client that is no browser, tries with the app of this machine: each step of
the chain by which a visitor ran shell commands fails by itself."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from websockets.exceptions import InvalidStatus

from tests.door.conftest import Served
from tests.door.visitor import Visitor, open_websocket
from tests.small_training import small_recipe
from training.jobs import offered
from training.labelling.config import load_campaign
from virialff.children import processes_below
from virialff.errors import ConfigError
from virialff.settings import RUNS_VARIABLE

COMMANDS = "slurm: {setup: ['touch /tmp/owned']}\ncluster: slurm\nfolder: /tmp/owned\nseed: 1\n"


@pytest.fixture(scope="module")
def client(local: Served):
    with httpx.Client(base_url=local.address) as client:
        yield client


@pytest.fixture
def visitor(local: Served):
    with Visitor(local.address) as visitor:
        yield visitor


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example.", "10.1.2.3", "user@127.0.0.1", ""]
)
def test_a_name_that_is_not_ours_gets_nothing(local, client, host):
    port = urlsplit(local.address).port
    for path in ("/", "/data", "/_stcore/health", "/_stcore/host-config", "/app/static/x.js"):
        answer = client.get(path, headers={"Host": f"{host}:{port}"})
        assert answer.status_code in (400, 403), path
        assert "VirialFF" not in answer.headers.get("server", "")
    answer = client.put("/_stcore/upload_file/s/f", headers={"Host": f"{host}:{port}"}, content=b"x")
    assert answer.status_code in (400, 403)
    if host and "@" not in host:
        place = f"{host}:{port}"
        with (
            pytest.raises(InvalidStatus, match="403"),
            open_websocket(local.address, host=place, origin=f"http://{place}"),
        ):
            pass


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:3000", "null", "https://127.0.0.1"])
def test_a_page_of_somebody_else_gets_nothing(local, client, origin):
    with pytest.raises(InvalidStatus, match="403"), open_websocket(local.address, origin=origin):
        pass
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        answer = client.request(method, "/_stcore/upload_file/s/f", headers={"Origin": origin})
        assert answer.status_code == 403, method


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_browser_of_this_machine_comes_in(local, client, name):
    place = f"{name}:{urlsplit(local.address).port}"
    assert client.get("/", headers={"Host": place, "Origin": f"http://{place}"}).status_code == 200
    with open_websocket(local.address, host=place, origin=f"http://{place}"):
        pass


def test_what_is_uploaded_as_labels_is_no_configuration(local, visitor):
    visitor.open("data", data_part="Compute")
    assert visitor.upload("file", COMMANDS.encode()).status_code == 204
    # The step after: what an import leaves in its folder, chosen by its path.
    left = local.folder / "runs" / "commands" / "import-of-labels-1" / "upload.sdf"
    left.parent.mkdir(parents=True)
    left.write_text(COMMANDS)
    visitor.set("Campaign", str(left))
    assert "touch" not in visitor.text
    assert "upload.sdf" not in visitor.text
    for path in (str(left), "../../../runs/commands/import-of-labels-1/upload", "upload"):
        with pytest.raises(ConfigError, match="There is no label campaign"):
            offered.label(path, 1)
    assert local.requests() == []


def test_a_campaign_with_shell_lines_is_refused(tmp_path):
    path = tmp_path / "campaign.yaml"
    for line in (COMMANDS, COMMANDS.replace("setup: ['touch /tmp/owned']", "additional_parameters: {wrap: touch}")):
        path.write_text(line)
        with pytest.raises(ConfigError, match="administrator's settings"):
            load_campaign(path)


def test_no_path_is_read(local, visitor):
    """Neither quoted nor read: 8 GB of /dev/zero took 4 s."""
    visitor.open("data", data_store="/etc/passwd", data_path="/etc/passwd").set("Reference energies", "/dev/zero")
    shown = visitor.text
    visitor.open("train").click("Set up a full training").set("Reference energies", "/dev/zero").set(
        "A model or a run", "/etc/passwd"
    )
    shown += visitor.text
    assert "passwd" not in shown
    assert "root:" not in shown
    assert memory_mb(local.process) < 2000
    with pytest.raises(ConfigError, match="There is no label campaign '/dev/zero'"):
        offered.label("/dev/zero", 1)
    with pytest.raises(ConfigError, match="There is no folder with the files of QMugs '/dev'"):
        offered.import_qmugs("/dev", "store")


@pytest.mark.parametrize("name", ["../../app/X", "/tmp/X", "..", "jobs", ".hidden", "a/b", "-x", "a" * 65, "a\nb"])
def test_no_name_leads_elsewhere(local, visitor, name, tmp_path, monkeypatch):
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    recipe = small_recipe(local.folder / "labels" / "small.parquet", steps=3, validate_every=3) | {"name": name}
    with pytest.raises(ConfigError, match="name"):
        offered.train(yaml.safe_dump(recipe))
    if name != "jobs":
        with pytest.raises(ConfigError, match="cannot name a label store"):
            offered.import_files({"a.sdf": b""}, name, energy="e", unit="Eh", level="x")
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_as_text_writes_nowhere_else(local, visitor):
    visitor.open("train").click("Set up a full training").set("Settings as", ["YAML text"])
    recipe = small_recipe(local.folder / "labels" / "small.parquet", steps=3, validate_every=3)
    visitor.set("Recipe", yaml.safe_dump(recipe | {"name": "../../app/X"}))
    assert "cannot name a run" in visitor.text
    assert "Start training" not in visitor.widgets
    assert not list(local.folder.glob("**/X"))


def test_clearing_the_caches_makes_no_more_processes(local):
    """The short lane has two workers here, the long one has one; before, each clearing added as many."""
    with Visitor(local.address) as visitor:
        for number in range(4):
            visitor.open("data", data_store="assets/data/references.parquet", data_seed=str(number))
            visitor.clear_caches()
        assert 1 <= len(workers(local.process)) <= max(2, (os.cpu_count() or 2) // 2)


def test_uploads_fill_no_memory(local, visitor):
    """2.5 MB a tab and 3.5 MB a user are the limits of these tests."""
    megabyte = b"C" * 1_000_000
    visitor.open()
    assert [visitor.upload(f"file{n}", megabyte).status_code for n in range(4)] == [204, 204, 413, 413]
    # The same file again takes its own place.
    assert visitor.upload("file0", megabyte).status_code == 204
    with Visitor(local.address) as second:
        assert second.upload("before", megabyte).status_code == 413, "a session that no page was shown to"
        second.open()
        answers = [second.upload(f"file{n}", megabyte) for n in range(2)]
        assert [answer.status_code for answer in answers] == [204, 413]
        assert "all your browser tabs" in answers[1].text
    place, token = f"/_stcore/upload_file/{visitor.session}", visitor.client.cookies["_streamlit_xsrf"]
    visitor.client.delete(f"{place}/file0", headers={"X-Xsrftoken": token})
    assert visitor.upload("file9", b"C").status_code == 204
    without = visitor.client.put(f"{place}/x", content=iter([megabyte]))
    assert (without.status_code, without.text) == (413, "The upload has no length.")


def memory_mb(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def workers(process: int) -> list[int]:
    """The worker processes of an app."""
    below = processes_below(process)[1:]
    return [child for child in below if b"pages.components.shell.worker" in Path(f"/proc/{child}/cmdline").read_bytes()]
