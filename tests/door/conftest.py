"""Two running apps for all of these tests: one for this machine alone, one for others with login."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import oidc_provider_mock  # type: ignore[import-untyped]
import pytest

from tests.browser.conftest import ROOT, START_SECONDS, free_port, wait_until_healthy
from tests.small_training import small_store
from training.jobs.record import Request

USERS = {
    "reader@example.org": "reader",
    "worker@example.org": "worker",
    "other@example.org": "worker",
    "administrator@example.org": "administrator",
}
SETTINGS = """
[users]
{users}
[app]
hosts = ["virialff.example.org"]
[folders]
labels = ["{labels}"]
[quota]
upload_mb = 2.5
uploads_mb = 3.5
"""
SECRETS = """
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a long text of the tests that signs what a browser keeps"
client_id = "virialff"
client_secret = "of the tests"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""


class Served(NamedTuple):
    """A running app: its address, its folder, the number of its process, and who vouches for its users."""

    address: str
    folder: Path
    process: int
    provider: str = ""

    def requests(self) -> list[Request]:
        """What its jobs were asked to do."""
        found = [*self.folder.glob("runs/jobs/*/job.json"), *self.folder.glob("runs/commands/*/job.json")]
        return [Request.model_validate_json(path.read_bytes()) for path in found]


def wait_until_refused(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Wait until the app answers, which it does by a refusal."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            assert httpx.get(f"{address}/_stcore/health").status_code == 403
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError(f"the server did not answer: {log.read_text()[-3000:]}")


@contextmanager
def served(
    folder: Path, *options: str, secrets: str = "", provider: str = "", healthy: bool = True
) -> Iterator[Served]:
    port = free_port()
    labels = folder / "labels"
    labels.mkdir()
    small_store(labels / "small.parquet", molecules=10, complexes=5)
    users = "\n".join(f'"{name}" = "{role}"' for name, role in USERS.items())
    text = SETTINGS.format(users=users, labels=labels)
    (folder / "settings.toml").write_text(text if secrets else text.replace('hosts = ["virialff.example.org"]', ""))
    if secrets:
        (folder / ".streamlit").mkdir()
        (folder / ".streamlit" / "secrets.toml").write_text(secrets.format(port=port, provider=provider))
    environment = {
        **os.environ,
        "HOME": str(folder),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "VIRIALFF_JOBS": str(folder / "runs"),
        "VIRIALFF_MODELS": str(folder / "models"),
        "VIRIALFF_SETTINGS": str(folder / "settings.toml"),
    }
    log = folder / "log.txt"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), *options]
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            if healthy:
                wait_until_healthy(process, f"http://127.0.0.1:{port}", log)
            else:
                wait_until_refused(process, f"http://127.0.0.1:{port}", log)
            yield Served(f"http://127.0.0.1:{port}", folder, process.pid, provider)
        finally:
            process.terminate()
            process.wait(timeout=20)
    assert "Traceback" not in log.read_text(), log.read_text()[-5000:]


@pytest.fixture(scope="session")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("local")) as app:
        yield app


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with oidc_provider_mock.run_server_in_thread() as server:
        provider = f"http://localhost:{server.server_port}"
        folder = tmp_path_factory.mktemp("shared")
        with served(folder, "--server.address", "0.0.0.0", secrets=SECRETS, provider=provider) as app:
            yield app
