"""Page Dimer in a real browser: a gallery complex by a link, and a point of the reference figure."""

import re

from playwright.sync_api import Page, expect

from tests.browser import driving


def test_gallery_complex_from_a_link(page: Page):
    driving.open_app(page, "/dimer?dimer=S66+1%3A+Water+Dimer")
    driving.expect_formula(page, "H₄O₂")
    page.get_by_role("button", name="Compute as it is").click()
    with page.expect_download(timeout=driving.SLOW) as download:
        page.get_by_role("button", name="Interaction energies (CSV)").click(timeout=driving.SLOW)
    header, *rows = download.value.path().read_text().splitlines()
    # The references hold this dimer relaxed too.
    assert header == "method,E_int vertical (kcal/mol),± 95 % (kcal/mol),E_int relaxed (kcal/mol),level of theory"
    energies = {row.split(",")[0]: float(row.split(",")[1]) for row in rows}
    assert set(energies) == {"model", "GFN2-xTB", "ANI", "wB97X-D/def2-SVP", "CCSD(T)/CBS"}
    assert all(-9 < energy < -3 for energy in energies.values())
    frame = page.frame_locator("iframe[title^='Strongest atom pairs']")
    frame.locator("body[data-drawn=true]").wait_for(timeout=driving.SLOW)
    expect(page.locator(".js-plotly-plot .heatmaplayer image")).to_have_count(1)


def test_point_of_the_reference_figure_shows_its_dimer(page: Page):
    driving.open_app(page, "/dimer?view=Reference+dimers")
    driving.settled(page)
    page.get_by_role("button", name="Compute with the active model").click()
    expect(page.get_by_role("button", name="Reference dimers vertical (CSV)")).to_be_visible(timeout=driving.SLOW)
    driving.settled(page)
    expect(page.get_by_text(re.compile("^model, RMSE"))).to_be_visible()
    point = page.locator(".js-plotly-plot").nth(1).locator(".scatterlayer .trace").first.locator(".points path").nth(7)
    box = point.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert driving.drawn_fraction(driving.viewer_pixels(page)) > 0.005
    expect(page.get_by_role("combobox", name="Dimer")).not_to_have_value("")
