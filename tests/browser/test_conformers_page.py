"""Page Conformers in a real browser: an ensemble file, ranks by two methods, the superimposed conformers."""

import io

from playwright.sync_api import Browser, Page, expect

from tests.browser import driving
from virialff.io.examples import FOLDER, examples

N_CONFORMERS = 19


def leucine() -> str:
    """All but the last conformer of the example file: the energies of the whole file may be known to the server."""
    text = (FOLDER / next(entry.file for entry in examples() if entry.file)).read_text()
    return "$$$$\n".join(text.split("$$$$\n")[:N_CONFORMERS]) + "$$$$\n"


def test_uploaded_ensemble_is_ranked_and_superimposed(page: Page):
    driving.open_app(page, "/conformers?smiles=CC(C)C[C@H](N)C(=O)O")
    driving.expect_formula(page, "C₆H₁₃NO₂")
    page.get_by_role("radio", name="Ensemble file").click()
    driving.settled(page)
    files = page.locator("input[type=file]").last
    files.set_input_files({"name": "bad.xyz", "mimeType": "text/plain", "buffer": b"3\n\nO 0 0 0\nH 0 0 1\nH 0 1 0\n"})
    expect(page.get_by_role("alert").filter(has_text="This ensemble cannot be used")).to_be_visible()
    files.set_input_files({"name": "leucine.sdf", "mimeType": "text/plain", "buffer": leucine().encode()})
    expect(page.get_by_text(f"{N_CONFORMERS} conformers from the file")).to_be_visible(timeout=driving.SLOW)
    driving.settled(page)
    # The model has ranked them by now; the other quick methods go on by themselves.
    driving.open_tab(page, "Agreement")
    expect(page.get_by_text("RMSE and MAE are of energies")).to_be_visible(timeout=2 * driving.SLOW)
    driving.settled(page)
    lines = page.locator(".js-plotly-plot:visible").nth(1).locator(".scatterlayer .trace")
    expect(lines.nth(N_CONFORMERS - 1)).to_be_attached()
    driving.open_tab(page, "Superimposed")
    frame = page.frame_locator("iframe[title*='superimposed conformers']")
    frame.locator("body[data-drawn=true]").wait_for(timeout=driving.SLOW)
    with page.expect_download() as download:
        page.get_by_role("button", name="Ranks and energies (CSV)").click()
    header, *rows = io.StringIO(download.value.path().read_text()).read().splitlines()
    assert header.startswith("conformer,Model (kcal/mol),GFN2-xTB (kcal/mol)")
    assert len(rows) == N_CONFORMERS


def test_generation_can_be_stopped(page: Page):
    driving.open_app(page, "/conformers?smiles=CCCCCCCCO")
    driving.expect_formula(page, "C₈H₁₈O")
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


def test_the_address_of_the_former_page_leads_here(page: Page):
    driving.open_app(page, "/energies?smiles=CCCCO")
    expect(page.get_by_role("heading", level=1)).to_have_text("Conformers", timeout=driving.SLOW)
    driving.expect_formula(page, "C₄H₁₀O")


def test_a_chosen_row_is_the_conformer_that_is_saved(page: Page):
    """From the address of an ensemble, by a point of a figure, to the file of its second conformer."""
    driving.open_app(page, "/conformers?smiles=CCCCO")
    driving.expect_formula(page, "C₄H₁₀O")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_text("distinct conformers from")).to_be_visible(timeout=driving.SLOW)
    # The energies come by themselves, and each draws the figure anew.
    driving.work_ended(page)
    points = page.locator(".js-plotly-plot:visible .scatterlayer .points path")
    driving.open_tab(page, "Agreement")
    driving.at_rest(page, points.nth(1))
    points.nth(1).scroll_into_view_if_needed()
    box = driving.at_rest(page, points.nth(1))
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_text("Shown: conformer 2 of the page Conformers")).to_be_attached()
    driving.settled(page)
    driving.open_tab(page, "One conformer")
    expect(page.get_by_role("combobox", name="Conformer")).to_have_value("2")
    with page.expect_download() as download:
        page.get_by_role("button", name="This conformer (SDF)").click()
    text = download.value.path().read_text()
    assert text.count("$$$$") == 1
    assert "CONFORMER" in text


def test_the_ranking_is_above_the_fold(browser: Browser, server: str):
    with browser.new_context(base_url=server, viewport={"width": 1400, "height": 900}) as context:
        page = context.new_page()
        driving.open_app(page, "/conformers?smiles=CCCCO")
        driving.expect_formula(page, "C₄H₁₀O")
        page.get_by_role("button", name="Generate").click()
        expect(page.get_by_text("distinct conformers from")).to_be_visible(timeout=driving.SLOW)
        driving.work_ended(page)
        ranking = driving.at_rest(page, page.get_by_test_id("stDataFrame").first)
        assert ranking["y"] < 700
        # What it was generated with is in a menu, which generates others.
        page.get_by_role("button", name="Generate others").click()
        seed = page.get_by_label("Random seed")
        seed.fill("2")
        seed.press("Enter")
        driving.settled(page)
        page.get_by_role("button", name="Generate", exact=False).filter(has_not_text="others").click()
        expect(page.get_by_text("(seed 2)")).to_be_visible(timeout=driving.SLOW)
