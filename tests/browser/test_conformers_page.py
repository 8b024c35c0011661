"""Page Conformers in a real browser: an ensemble file, ranks by two methods, the superimposed conformers."""

import io

from playwright.sync_api import Page, expect

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
    # The model has ranked them by now; GFN2-xTB does on a click.
    page.get_by_role("button", name="Compute energies").click()
    expect(page.get_by_text("How far the methods agree")).to_be_visible(timeout=2 * driving.SLOW)
    driving.settled(page)
    assert driving.drawn_fraction(driving.viewer_pixels(page)) > 0.005
    lines = page.locator(".js-plotly-plot:visible").first.locator(".scatterlayer .trace")
    expect(lines.nth(N_CONFORMERS - 1)).to_be_attached()
    with page.expect_download() as download:
        page.get_by_role("button", name="Ranks and energies (CSV)").click()
    header, *rows = io.StringIO(download.value.path().read_text()).read().splitlines()
    assert header.startswith("conformer,Model (kcal/mol),GFN2-xTB (kcal/mol)")
    assert len(rows) == N_CONFORMERS
