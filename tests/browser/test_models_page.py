"""Page Models in a real browser: a model is downloaded, added under another name, made default, compared, removed."""

import re

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import driving
from tests.browser.conftest import Server


def card(page: Page, name: str) -> Locator:
    """The frame of one model."""
    heading = page.get_by_role("heading", name=name, level=4, exact=True)
    return page.get_by_test_id("stVerticalBlock").filter(has=heading).last


def remove(page: Page, name: str) -> None:
    card(page, name).get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Remove it").click()
    driving.settled(page)


def test_a_model_goes_out_and_comes_in_again(browser: Browser, own_server: Server):
    page = browser.new_page(viewport={"width": 1300, "height": 1000}, base_url=own_server.address)
    page.set_default_timeout(driving.SLOW)
    driving.open_app(page, "/models")
    driving.settled(page)
    with page.expect_download() as download:
        card(page, "foundation-gfn2").get_by_role("button", name="Download").click()
    driving.open_tab(page, "Add a model")
    packed = download.value.path().read_bytes()
    page.locator("input[type=file]").set_input_files(
        {"name": "packed.zip", "mimeType": "application/zip", "buffer": packed}
    )
    name = page.get_by_label("Name of the model")
    name.fill("default")
    expect(page.get_by_role("alert").filter(has_text="default")).to_be_visible(timeout=driving.SLOW)
    name.fill("copied")
    driving.settled(page)
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_text("model copied")).to_be_visible(timeout=driving.SLOW)
    expect(page.get_by_text("finished")).to_be_visible(timeout=2 * driving.SLOW)

    driving.open_tab(page, "All models")
    card(page, "copied").get_by_role("button", name="Make it the default").click()
    driving.settled(page)
    expect(card(page, "copied").get_by_role("button", name="Make it the default")).to_be_disabled()
    driving.open_tab(page, "Compare two")
    expect(page.get_by_label("First model")).to_have_value("copied")
    driving.choose(page, "Second model", "foundation-gfn2")
    expect(page.get_by_text("Errors in the cards (CSV)")).to_be_visible()
    expect(page).to_have_url(re.compile("compared_with=foundation-gfn2"))

    driving.open_tab(page, "All models")
    remove(page, "copied")
    expect(page.get_by_role("alert").filter(has_text="The models stay as they are")).to_be_visible()
    card(page, "default").get_by_role("button", name="Make it the default").click()
    driving.settled(page)
    remove(page, "copied")
    expect(page.get_by_role("heading", name="copied", level=4, exact=True)).to_have_count(0)
    page.close()
