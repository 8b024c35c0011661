"""Page Data in a real browser: counts, a row in full, and an SDF file that is no labels."""

import re

from playwright.sync_api import Page, expect

from tests.browser import driving


def test_a_store_its_figures_and_one_of_its_rows(page: Page):
    driving.open_app(page, "/data?data_store=assets%2Fdata%2Fqmugs.parquet")
    expect(page.get_by_role("button", name="Counts (CSV)")).to_be_visible(timeout=driving.SLOW)
    expect(page.get_by_text("Molecules and complexes").first).to_be_visible()
    driving.open_tab(page, "Elements, sizes, energies")
    expect(page.get_by_text("(Fig. 3)")).to_be_visible(timeout=driving.SLOW)
    expect(page.locator(".js-plotly-plot:visible")).to_have_count(3)
    page.get_by_role("tab", name="Rows", exact=True).click()
    expect(page.get_by_text(re.compile("rows fit"))).to_be_visible(timeout=driving.SLOW)
    driving.settled(page)
    table = page.locator("[data-testid=stDataFrame]:visible").first
    box = driving.at_rest(page, table)
    page.mouse.click(box["x"] + 16, box["y"] + 54)
    expect(page.get_by_role("button", name="Atoms (CSV)")).to_be_visible(timeout=driving.SLOW)
    assert driving.drawn_fraction(driving.structure_pixels(page)) > 0.005
    # The link reopens the tab and the store.
    assert "data_tab=Rows" in page.url
    assert "data_store=assets" in page.url


def test_a_link_to_a_path_opens_a_store_that_is_offered(page: Page):
    driving.open_app(page, "/data?data_store=%2Fetc%2Fpasswd")
    expect(page.get_by_role("button", name="Counts (CSV)")).to_be_visible(timeout=driving.SLOW)
    expect(page.get_by_text("passwd")).to_have_count(0)
    expect(page.get_by_role("tab", name="Compute")).to_be_visible()
