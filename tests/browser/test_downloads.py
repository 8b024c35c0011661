"""A press of a download button downloads, also while the page runs again and again to show progress."""

import json
import time

from playwright.sync_api import Page, Route, expect

from tests.browser import driving


def test_a_press_downloads_while_the_page_shows_progress(page: Page):
    def later(route: Route) -> None:
        # As on a slow line: the page runs several times before the file is asked for.
        time.sleep(1.5)
        route.continue_()

    page.route("**/media/**", later)
    driving.open_app(page, "/conformers?smiles=CCCCCCCCCCCO&ensemble_count=200")
    driving.expect_formula(page, "C₁₁H₂₄O")
    page.get_by_role("button", name="Generate").click()
    stop = page.get_by_test_id("stMain").get_by_role("button", name="Stop")
    expect(stop).to_be_visible()
    page.get_by_role("button", name="Project and report").click()
    for _ in range(3):
        expect(stop).to_be_visible()
        with page.expect_download() as download:
            page.get_by_role("button", name="Save project (JSON)").click()
        assert download.value.failure() is None
        assert json.loads(download.value.path().read_text())["molecules"]
    page.keyboard.press("Escape")
    stop.click()
    expect(stop).to_have_count(0)
