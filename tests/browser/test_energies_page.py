"""Page Energies in a real browser: conformers by the model, GFN2-xTB and ANI."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import driving
from virialff.io.examples import FOLDER, examples


@pytest.fixture(scope="module")
def conformers() -> str:
    """The text of the example file with the conformers of leucine."""
    example = next(entry for entry in examples() if entry.file)
    return (FOLDER / example.file).read_text()


def test_uploaded_conformers_by_three_methods(page: Page, conformers: str):
    """From the upload to ranks, agreement and figures; the molecule stays when the page changes."""
    driving.open_app(page)
    driving.upload(page, "conformers.sdf", conformers)
    driving.expect_formula(page, "C₆H₁₃NO₂")
    page.get_by_role("link", name="Energies").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Energies"))
    driving.expect_formula(page, "C₆H₁₃NO₂")
    expect(page.get_by_text("coordinates and order are unchanged")).to_be_visible()
    driving.settled(page)
    page.get_by_role("button", name="Compute energies").click()
    expect(page.get_by_role("heading", name="One conformer alone")).to_be_visible(timeout=driving.SLOW)
    for method in ("Model", "GFN2-xTB", "ANI"):
        expect(page.get_by_text(re.compile(f"^{method}.*, per conformer"))).to_be_visible(timeout=driving.SLOW)
    plots = page.locator(".js-plotly-plot:visible")
    expect(plots).to_have_count(2)
    points = plots.first.locator(".scatterlayer .trace .points path")
    # Two methods against the reference, twenty conformers each.
    expect(points).to_have_count(40)
    with page.expect_download() as download:
        page.get_by_role("button", name="Relative energies (CSV)").click()
    header, *rows = download.value.path().read_text().splitlines()
    assert header.startswith("conformer,Model (kcal/mol),GFN2-xTB (kcal/mol),ANI")
    assert len(rows) == 20
    for column in (1, 2, 3):
        assert min(float(row.split(",")[column]) for row in rows) == 0


def test_generated_conformers_from_a_link(page: Page):
    driving.open_app(page, "/?smiles=CCCCO")
    driving.expect_formula(page, "C₄H₁₀O")
    page.get_by_role("link", name="Energies").click()
    driving.settled(page)
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_text("distinct conformers from")).to_be_visible()
    driving.settled(page)
    page.get_by_role("button", name="Compute energies").click()
    expect(page.get_by_role("heading", name="One conformer alone")).to_be_visible(timeout=driving.SLOW)
    expect(page.get_by_text("How far the methods agree")).to_be_visible()
    expect(page).to_have_url(re.compile("smiles=CCCCO"))


def test_generation_can_be_stopped(page: Page):
    driving.open_app(page, "/?smiles=CCCCCCCCO")
    driving.expect_formula(page, "C₈H₁₈O")
    page.get_by_role("link", name="Energies").click()
    driving.settled(page)
    count = page.get_by_label("Number of conformers")
    count.fill("200")
    count.press("Enter")
    driving.settled(page)
    page.get_by_role("button", name="Generate").click()
    stop = page.get_by_test_id("stMain").get_by_role("button", name="Stop")
    stop.click()
    expect(stop).to_have_count(0)
    driving.settled(page)
    expect(page.get_by_text("distinct conformer")).to_have_count(0)
    expect(page.get_by_role("button", name="Generate")).to_be_visible()
