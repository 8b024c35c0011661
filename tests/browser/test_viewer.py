"""The 3D view where this server has no 3Dmol.js: a browser takes it from the public network, and that file alone."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Route

from pages.components.widgets import viewer
from tests.browser import driving
from virialff.conformers.display import display_geometry
from virialff.molecules.molecule import Molecule
from virialff.settings import STATIC


@pytest.mark.parametrize("added", [b"", b"\nwindow.altered = true;"], ids=["as published", "altered"])
def test_a_script_from_the_public_network_runs_only_as_published(browser: Browser, added: bytes):
    molecule = Molecule.from_smiles("CO")
    positions = display_geometry(molecule).positions
    html = viewer.overlay_html(molecule, positions[None], hydrogens=True, script=viewer._FALLBACK, theme="light")
    served = (STATIC / "3Dmol-min.js").read_bytes() + added
    page = browser.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript"}
        route.fulfill(body=served, headers=headers)

    page.route(viewer._FALLBACK, answer)
    page.set_content(html)
    if added:
        page.get_by_text("The 3D view cannot be shown: 3Dmol.js could not be loaded.").wait_for()
        assert page.evaluate("window.altered") is None
    else:
        page.locator("body[data-drawn=true]").wait_for()
        pixels = np.asarray(Image.open(io.BytesIO(page.locator("canvas").first.screenshot())).convert("RGB"))
        assert driving.drawn_fraction(pixels) > 0.01
    page.close()
    assert asked == [viewer._FALLBACK]
    assert errors == []
