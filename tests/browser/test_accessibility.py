"""Names, roles and contrast of every page by axe-core: WCAG 2.1, levels A and AA, in both themes."""

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

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


def violations(browser: Browser, address: str, theme: Literal["light", "dark"]) -> list[str]:
    context = browser.new_context(viewport={"width": 1400, "height": 900}, base_url=address, color_scheme=theme)
    page = context.new_page()
    found = []
    for name in LOOKED_AT[theme]:
        driving.open_app(page, f"/{name}?smiles=CC(=O)Nc1ccccc1")
        driving.settled(page)
        page.wait_for_timeout(1000)
        for violation in Axe().run(page, options={"runOnly": RULES}).response["violations"]:
            for node in violation["nodes"]:
                if STREAMLITS.get(violation["id"], "nowhere") not in node["html"]:
                    found.append(f"{name}: {violation['help']}: {node['html'][:200]}")
    context.close()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_can_be_read_and_named(browser: Browser, server: str, theme: Literal["light", "dark"]):
    assert violations(browser, server, theme) == []
