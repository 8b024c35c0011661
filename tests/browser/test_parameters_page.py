"""Page Parameters in a real browser: a draw, a click on a bar, the molecules behind it."""

import re

from playwright.sync_api import Page, expect

from tests.browser import driving


def test_bar_of_a_drawn_set_shows_its_molecules(page: Page):
    driving.open_app(page, "/parameters?data=DFT+molecules&count=10&split=all&quantity=Atomic+charge")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Parameters"))
    driving.settled(page)
    expect(page.get_by_role("heading", name="Molecules behind a bar")).to_be_visible(timeout=driving.SLOW)
    driving.settled(page)
    expect(page.get_by_text("drawn with the seed 1")).to_be_visible()
    figure = page.locator(".js-plotly-plot").first
    bars = figure.locator(".bars").first.locator("path")
    expect(bars.first).to_be_attached()
    figure.scroll_into_view_if_needed()
    driving.at_rest(page, figure)
    heights = [(box["height"], k) for k in range(bars.count()) if (box := bars.nth(k).bounding_box())]
    box = bars.nth(max(heights)[1]).bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_text(re.compile(r"values in \d+ molecules"))).to_be_visible(timeout=driving.SLOW)
    driving.settled(page)
    expect(page.get_by_role("img", name=re.compile("^Structure of .* marked")).first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="All values of this bar (CSV)").click()
    header, *rows = download.value.path().read_text().splitlines()
    assert header == "molecule,smiles,atom,element,atomic charge (e)"
    assert len(rows) > 0
    # The link reopens the same choices.
    assert "quantity=Atomic" in page.url
    assert "count=10" in page.url
