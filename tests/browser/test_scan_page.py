"""Page Scan in a real browser: which torsion to scan, the barrier, and the geometry of its top saved."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving


def test_the_geometry_at_the_top_of_a_barrier_is_saved(page: Page):
    """From a link: the amide torsion is the first of the list; a click on the highest point, and its file."""
    driving.open_app(page, "/scan?smiles=CC(=O)NCCO&methods=model")
    driving.expect_formula(page, "C₄H₉NO₂")
    expect(page.get_by_role("combobox", name="Atoms")).to_have_value(re.compile("amide"))
    figure = page.locator(".js-plotly-plot:visible").first
    points = figure.locator(".scatterlayer .trace .points path")
    expect(points).to_have_count(25, timeout=driving.SLOW)
    boxes = [driving.at_rest(page, points.nth(k)) if k == 0 else points.nth(k).bounding_box() for k in range(25)]
    top = min((box for box in boxes if box is not None), key=lambda box: box["y"])
    page.mouse.click(top["x"] + top["width"] / 2, top["y"] + top["height"] / 2)
    driving.settled(page)
    said = page.get_by_text(re.compile(r"^At .*kcal/mol above each method"))
    expect(said).not_to_contain_text("Model 0.00")
    match = re.search(r"At (-?[0-9.]+)°", said.inner_text())
    assert match is not None
    angle = float(match[1])
    driving.open_tab(page, "Minima and barriers")
    with page.expect_download() as barriers:
        page.get_by_role("button", name="Minima and barriers (CSV)").click()
    rows = [row.split(",") for row in barriers.value.path().read_text().splitlines()[1:]]
    highest = max((row for row in rows if row[1] == "maximum"), key=lambda row: float(row[3]))
    assert float(highest[2]) == pytest.approx(angle, abs=8.0)
    with page.expect_download() as download:
        page.get_by_role("button", name="This geometry (SDF)").click()
    assert download.value.path().read_text().count("$$$$") == 1
    expect(page.get_by_text("Shown: point")).to_contain_text(match[1])
    page.get_by_text("Play through all").click()
    frame = page.frame_locator("iframe[title*='geometries of the scan']")
    frame.locator("body[data-drawn=true]").wait_for(timeout=driving.SLOW)
    before = frame.locator("body").get_attribute("data-frame")
    frame.get_by_role("button", name="Play").click()
    expect(frame.locator("body")).not_to_have_attribute("data-frame", before or "")


def test_the_former_address_of_scans_leads_here(page: Page):
    driving.open_app(page, "/energies?smiles=OCC&compared_geometries=Scan&scan=bond_1-2_1.3_1.6_5")
    expect(page.get_by_role("heading", level=1)).to_have_text("Scan", timeout=driving.SLOW)
    expect(page.get_by_role("radio", name="Bond length")).to_be_checked(timeout=driving.SLOW)
