"""Page Data in a real browser: a link to a store that is not there."""

from playwright.sync_api import Page, expect

from tests.browser import driving


def test_a_store_that_is_not_there_is_a_sentence(page: Page):
    driving.open_app(page, "/data?data_store=another+path&data_path=nowhere.parquet")
    expect(page.get_by_role("alert").filter(has_text="This label store cannot be used")).to_be_visible()
    expect(page.get_by_role("heading", name="Compute labels")).to_be_visible()
