"""A real server and a real browser; every page that a test opens is watched for failed and foreign requests."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Error, Page, Request, Response, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90
DEFAULT_MILLISECONDS = 60_000
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--enable-unsafe-swiftshader",
)
# The editor's own error when it is taken off the page while it is still starting.
KETCHER_CLOSING = "reading 'eventBus'"

expect.set_options(timeout=DEFAULT_MILLISECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(process: subprocess.Popen, address: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with code {process.returncode}: {log.read_text()[-3000:]}")
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise RuntimeError(f"the server did not answer within {START_SECONDS} s: {log.read_text()[-3000:]}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the app, started as a user starts it; no uncaught error may be in its log at the end."""
    port = free_port()
    log = tmp_path_factory.mktemp("server") / "log.txt"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with log.open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=environment)
        try:
            wait_until_healthy(process, f"http://127.0.0.1:{port}", log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)
    text = log.read_text()
    assert "Traceback" not in text, text[-5000:]


class Server:
    """The app on a port of its own, with folders of its own for jobs and models."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._log = folder / "server.log"
        self.environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "VIRIALFF_JOBS": str(folder / "runs"),
            "VIRIALFF_MODELS": str(folder / "models"),
            "VIRIALFF_SETTINGS": str(folder / "settings.toml"),
        }
        (folder / "settings.toml").write_text(f'[folders]\nlabels = ["{folder}"]\n')
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        with self._log.open("a") as output:
            self._process = subprocess.Popen(
                command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env=self.environment
            )
        wait_until_healthy(self._process, self.address, self._log)

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout=20)

    def log(self) -> str:
        return self._log.read_text()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start()
    yield server
    server.kill()
    command = [sys.executable, "-m", "virialff.cli", "jobs", "stop", "tiny"]
    subprocess.run(command, cwd=ROOT, env=server.environment, capture_output=True, check=False)
    assert "Traceback" not in server.log(), server.log()[-5000:]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a worker."""
    program = shutil.which("chromium")
    assert program is not None
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(CHROMIUM_ARGUMENTS))
        yield chromium
        chromium.close()


class Watch:
    """Collects what a page asks the network for and what went wrong."""

    def __init__(self, page: Page, address: str) -> None:
        self.host = urlsplit(address).netloc
        self.foreign: list[str] = []
        self.failed: list[str] = []
        self.errors: list[str] = []
        page.on("request", self._request)
        page.on("response", self._response)
        page.on("requestfailed", self._failure)
        page.on("pageerror", self._error)

    def _error(self, error: Error) -> None:
        if KETCHER_CLOSING not in str(error):
            self.errors.append(str(error))

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https", "ws", "wss"} and address.netloc != self.host:
            self.foreign.append(request.url)

    def _response(self, response: Response) -> None:
        # A link to a page: Streamlit looks for its server below the page's path first, then at the root.
        path = urlsplit(response.url).path
        if "/_stcore/" in path and not path.startswith("/_stcore/"):
            return
        if response.status >= 400:
            self.failed.append(f"{response.status} {response.url}")

    def _failure(self, request: Request) -> None:
        # Leaving a page aborts what it was still loading; that is no failure of the server.
        if request.failure != "net::ERR_ABORTED":
            self.failed.append(f"{request.failure} {request.url}")


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A fresh browser session; fails the test on failed requests, requests to other hosts and script errors."""
    context = browser.new_context(viewport={"width": 1300, "height": 1000}, base_url=server)
    opened = context.new_page()
    opened.set_default_timeout(DEFAULT_MILLISECONDS)
    watch = Watch(opened, server)
    yield opened
    context.close()
    assert watch.foreign == []
    assert watch.failed == []
    assert watch.errors == []
