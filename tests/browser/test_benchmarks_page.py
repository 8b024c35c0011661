"""Page Benchmarks in a real browser: cards side by side, and errors measured on request with their figures."""

import json
import re

from playwright.sync_api import Page, expect

from tests.browser import driving

MODELS = ("default", "foundation-gfn2")


def test_models_side_by_side_are_measured_and_downloaded(page: Page):
    driving.open_app(page, "/benchmarks?" + "&".join(f"evaluation_models={name}" for name in MODELS))
    # What was measured is in sight at once.
    expect(page.locator(".js-plotly-plot .scatterlayer .points path").first).to_be_in_viewport(timeout=driving.SLOW)
    expect(page.get_by_role("button", name="Errors (CSV)")).to_be_visible(timeout=driving.SLOW)
    driving.settled(page)
    table = page.get_by_test_id("stTable").first
    for name in MODELS:
        expect(table.get_by_role("columnheader", name=name, exact=True)).to_be_visible()
    expect(table.get_by_role("row").filter(has_text="total energy").first).to_be_visible()
    driving.open_tab(page, "Measure now")
    driving.settled(page)
    for words in ("Checks of the parameters too", "S66, base pairs and conformers too"):
        page.get_by_text(words).click()
        driving.settled(page)
    most = page.get_by_label("At most so many molecules")
    most.fill("5")
    most.press("Enter")
    driving.settled(page)
    page.get_by_role("button", name="Measure", exact=True).click()
    everything = page.get_by_role("button", name="Everything (JSON)")
    expect(everything).to_be_visible(timeout=2 * driving.SLOW)
    driving.settled(page)
    expect(page.get_by_text("Total energies of minima (Fig. 7)")).to_be_visible()
    expect(page.locator(".js-plotly-plot:visible .scatterlayer .trace .points path").first).to_be_visible()
    with page.expect_download() as download:
        everything.click()
    errors = json.loads(download.value.path().read_text())["errors"]
    assert {*MODELS, "GFN2-xTB"} <= {row["method"] for row in errors}


def test_point_of_the_reference_figure_shows_its_dimer(page: Page):
    # The address that it had before.
    driving.open_app(page, "/dimer?view=Reference+dimers")
    driving.settled(page)
    expect(page.get_by_role("button", name="Reference dimers vertical (CSV)")).to_be_visible(timeout=driving.SLOW)
    driving.settled(page)
    expect(page.get_by_text(re.compile("^model, RMSE"))).to_be_visible()
    figure = page.locator(".js-plotly-plot").filter(has_text="model, RMSE")
    point = figure.locator(".scatterlayer .trace").first.locator(".points path").nth(7)
    box = point.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert driving.drawn_fraction(driving.structure_pixels(page)) > 0.005
    expect(page.get_by_role("combobox", name="Dimer")).not_to_have_value("")
    page.get_by_role("radio", name="relaxed").click()
    driving.settled(page)
    expect(page.get_by_role("button", name="Reference dimers relaxed (CSV)")).to_be_visible(timeout=driving.SLOW)
    # Beside the vertical ones the address says so, and no choice is an error there.
    expect(page).to_have_url(re.compile("reference_geometries=relaxed"))
    expect(page.get_by_test_id("stException")).to_have_count(0)
