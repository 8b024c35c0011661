"""Names, titles and links of others with Markdown, HTML and icons in them: the browser asks no other host for anything.

The fixture `page` fails a test whose page asks another host.
"""

import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser import driving
from tests.pages.test_text_of_others import HOST, HOSTILE, HOSTILE_NAME, hostile_file

_LINKS = ("smiles", "model", "scan", "methods", "pair", "contact", "data_store", "rows_text", "smarts", "view")


@pytest.fixture
def dialogs(page: Page) -> list[str]:
    """What scripts have put before the user."""
    found: list[str] = []

    def note(dialog: Dialog) -> None:
        found.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    return found


def settle(page: Page) -> None:
    driving.settled(page)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=driving.SLOW)
    for kind in ("img", "a"):
        assert page.locator(f"{kind}[src*='{HOST}'], {kind}[href*='{HOST}'], {kind}[href^='javascript:']").count() == 0


def test_a_file_asks_no_other_host(page: Page, dialogs: list[str]):
    driving.open_app(page)
    driving.upload(page, f"{HOSTILE_NAME}.sdf", hostile_file())
    driving.expect_formula(page, "C₂H₆O")
    expect(page.get_by_text(re.compile(re.escape(HOST))).first).to_be_visible()
    settle(page)
    for name in ("Conformers", "Scan", "Dimer", "Parameters", "Benchmarks", "Models", "Data", "Train"):
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name, timeout=driving.SLOW)
        settle(page)
    assert dialogs == []


@pytest.mark.parametrize("smiles", ["CCO.O", HOSTILE])
def test_links_ask_no_other_host(page: Page, dialogs: list[str], smiles: str):
    query = urlencode(dict.fromkeys(_LINKS, HOSTILE) | {"smiles": smiles})
    for name in ("", "energies", "dimer", "parameters", "data"):
        driving.open_app(page, f"/{name}?{query}")
        settle(page)
    assert dialogs == []
