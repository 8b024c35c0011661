"""Names, roles and contrast of every page by axe-core: WCAG 2.1, levels A and AA, in both themes."""

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from pages.components.shell.entry import PAGES
from tests.browser import driving

LOOKED_AT: dict[Literal["light", "dark"], tuple[str, ...]] = {
    "light": ("", *PAGES[1:]),
    # What differs is in the theme.
    "dark": ("", "scan", "train"),
}
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
#: Of Streamlit itself: the menu's groups are lists in a list; what scrolls is reached by keyboard in browsers of today.
STREAMLITS = {
    "list": "stSidebarNavItems",
    "listitem": "st-emotion-cache",
    "scrollable-region-focusable": "stVerticalBlock",
}


#: How often a page is looked at before what axe finds counts: while it changes, a button that fades is hard to read.
LOOKS = 4


def violations(browser: Browser, address: str, theme: Literal["light", "dark"]) -> list[str]:
    context = browser.new_context(
        viewport={"width": 1400, "height": 900}, base_url=address, color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
    found = []
    for name in LOOKED_AT[theme]:
        driving.open_app(page, f"/{name}?smiles=CC(=O)Nc1ccccc1")
        found += [f"{name}: {violation}" for violation in sorted(violations_at_rest(page))]
    context.close()
    return found


def violations_at_rest(page: Page) -> set[str]:
    """What axe finds each time that the page has come to rest."""
    remaining = None
    for _ in range(LOOKS):
        driving.settled(page)
        page.wait_for_timeout(1000)
        found = set()
        for violation in Axe().run(page, options={"runOnly": RULES}).response["violations"]:
            for node in violation["nodes"]:
                if STREAMLITS.get(violation["id"], "nowhere") not in node["html"]:
                    found.add(f"{violation['help']}: {node['html'][:200]}")
        remaining = found if remaining is None else remaining & found
        if not remaining:
            break
    return remaining or set()


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_can_be_read_and_named(browser: Browser, server: str, theme: Literal["light", "dark"]):
    assert violations(browser, server, theme) == []


@pytest.mark.slow
def test_what_cannot_be_read_at_rest_is_found(browser: Browser, server: str):
    page = browser.new_page(viewport={"width": 1400, "height": 900}, base_url=server)
    driving.open_app(page, "/models")
    driving.settled(page)
    page.locator("h1").evaluate("heading => { heading.style.color = '#eeeeee'; }")
    assert any("contrast" in violation for violation in violations_at_rest(page))
    # And what is only hard to read for a moment is not.
    page.locator("h1").evaluate("heading => { setTimeout(() => { heading.style.color = ''; }, 3000); }")
    assert violations_at_rest(page) == set()
    page.close()
