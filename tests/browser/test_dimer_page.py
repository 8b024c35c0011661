"""Page Dimer in a real browser: a gallery complex by a link."""

from playwright.sync_api import Page, expect

from tests.browser import driving


def test_gallery_complex_from_a_link(page: Page):
    driving.open_app(page, "/dimer?dimer=S66+1%3A+Water+Dimer")
    driving.expect_formula(page, "H₄O₂")
    # The model and the references are there at once, the other quick methods by themselves.
    expect(page.get_by_role("button", name="Interaction energies (CSV)")).to_be_visible(timeout=driving.SLOW)
    driving.work_ended(page)
    with page.expect_download(timeout=driving.SLOW) as download:
        page.get_by_role("button", name="Interaction energies (CSV)").click(timeout=driving.SLOW)
    header, *rows = download.value.path().read_text().splitlines()
    # The references hold this dimer relaxed too.
    assert header == "method,E_int vertical (kcal/mol),± 95 % (kcal/mol),E_int relaxed (kcal/mol),level of theory"
    energies = {row.split(",")[0]: float(row.split(",")[1]) for row in rows}
    assert set(energies) == {"Model", "GFN2-xTB", "MMFF94", "ANI-1x", "wB97X-D/def2-SVP", "CCSD(T)/CBS"}
    assert all(-9 < energy < -3 for energy in energies.values())
    driving.open_tab(page, "Contributions")
    expect(page.locator(".js-plotly-plot .heatmaplayer image")).to_have_count(1)
    cell = page.locator(".js-plotly-plot:visible .scatterlayer .points path").first
    cell.scroll_into_view_if_needed()
    box = driving.at_rest(page, cell)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(driving.structure(page).locator("circle[aria-pressed=true]")).to_have_count(2)


def test_a_contact_is_picked_by_its_line_and_by_its_row(page: Page):
    driving.open_app(page, "/dimer?dimer=S66+20%3A+Acetic+Acid+Dimer&dimer_view=Contacts")
    driving.expect_formula(page, "C₄H₈O₄")
    driving.structure(page)
    driving.settled(page)
    driving.click_line(page, 3, 9)
    expect(page.get_by_text("Picked: distance H4–O10: 1.681 Å")).to_be_attached()
    assert driving.pressed(page) == [3, 9]
    shown = page.locator("[data-testid=stDataFrame]:visible").first
    shown.scroll_into_view_if_needed()
    table = driving.at_rest(page, shown)
    page.mouse.click(table["x"] + 18, table["y"] + 35 * 1.5)
    expect(page.get_by_text("Picked: distance H12–O2: 1.681 Å")).to_be_attached()
