"""The real app in a process of its own and real Chromium in front of it, for the measurements."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 120
#: Chromium looks for updates and hosts of its own otherwise; measurements must not wait for that.
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def chromium() -> str:
    """Path of Chromium. Raises SystemExit with a sentence where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("no Chromium was found; on Debian: apt-get install chromium")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    with sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=chromium(), args=QUIET)
        try:
            yield instance
        finally:
            instance.close()


@contextmanager
def app() -> Iterator[str]:
    """Start the app and yield its address at once, before it answers; end it afterwards."""
    with app_process() as (address, _):
        yield address


@contextmanager
def app_process() -> Iterator[tuple[str, int]]:
    """The same, with the number of the server's process."""
    port = free_port()
    options = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true"]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for_port(address: str) -> None:
    """Wait until the server listens. Raises SystemExit after START_SECONDS."""
    port = urlsplit(address).port
    deadline = time.monotonic() + START_SECONDS
    while True:
        # A bare connection costs next to nothing, where a browser that tries again would slow down what is measured.
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        if time.monotonic() > deadline:
            raise SystemExit(f"the app did not answer in {START_SECONDS} s")
        time.sleep(0.05)


def open_page(page: Page, address: str) -> None:
    """Load the address as soon as the server listens. Raises SystemExit after START_SECONDS."""
    wait_for_port(address)
    page.goto(address, wait_until="domcontentloaded")


def wait_until_idle(page: Page) -> None:
    """Wait until Streamlit has run the page's script to its end."""
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_attached(timeout=60_000)


def wait_for(page: Page, condition: str, argument: str) -> None:
    """Wait until a JavaScript function of `argument` is true in the page, asked at every frame that Chromium draws.

    Playwright's `expect` asks after 0.1, 0.35, 0.85 and 1.85 s, too coarse to measure with.
    """
    page.wait_for_function(condition, arg=argument, polling="raf", timeout=60_000)


def table(title: str, rows: list[tuple[str, str, str]]) -> str:
    """Three aligned columns under a title: what, measured, aim."""
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([title, *(f"  {line}" for line in lines)])
