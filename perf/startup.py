"""Seconds from starting the app, nothing of it in memory, to a page that one can use, in real Chromium.

"Usable" is the structure editor drawn and the page's script at rest; beside it, the time from the start to the
charges of a molecule opened by its link. Run by `make perf`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from perf.browser import app, browser, open_page, table, wait_until_idle

RUNS = 3
AIM_SECONDS = 10


def editor_ready(page: Page) -> None:
    """Wait for the structure editor and for the script to end."""
    frame = page.frame_locator("iframe[title*=ketcher]")
    expect(frame.get_by_role("button", name="Apply")).to_be_visible(timeout=120_000)
    wait_until_idle(page)


def charges_ready(page: Page) -> None:
    """Wait for the charge table of ethanol, opened by a link."""
    expect(page.get_by_text("Sum of the charges")).to_be_visible(timeout=120_000)
    wait_until_idle(page)


def measure(path: str, ready: Callable[[Page], None]) -> float:
    """Seconds from the start of the server process until `ready` returns."""
    with browser() as chromium:
        page = chromium.new_page()
        start = time.perf_counter()
        with app() as address:
            open_page(page, address + path)
            ready(page)
            return time.perf_counter() - start


def main() -> None:
    rows = [("from the start of the server to", "median of " + str(RUNS), "aim")]
    for name, path, ready in (
        ("the editor, ready to draw", "/", editor_ready),
        ("the charges of a linked molecule", "/?smiles=CCO", charges_ready),
    ):
        seconds = statistics.median(measure(path, ready) for _ in range(RUNS))
        rows.append((name, f"{seconds:.1f} s", f"< {AIM_SECONDS} s"))
    print(table("Cold start", rows))


if __name__ == "__main__":
    main()
