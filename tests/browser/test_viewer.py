"""The 3D view where this server has no 3Dmol.js: a browser takes it from the public network, and that file alone."""

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route

from pages.components.widgets import viewer
from virialff.conformers.display import display_geometry
from virialff.molecules.molecule import Molecule
from virialff.settings import STATIC

VIEW = "window[Object.keys(window).find((name) => name.startsWith('viewer_'))]"


def label_under_the_mouse(page: Page) -> str:
    """What the view writes at the second atom when the mouse rests on it."""
    place = page.evaluate(f"{VIEW}.modelToScreen({VIEW}.getModel().selectedAtoms({{}})[1])")
    page.mouse.move(place["x"] - 3, place["y"])
    page.mouse.move(place["x"], place["y"])
    page.wait_for_function(f"{VIEW}.labels.length > 0", timeout=20_000)
    return str(page.evaluate(f"{VIEW}.labels[0].text"))


@pytest.mark.parametrize("added", [b"", b"\nwindow.altered = true;"], ids=["as published", "altered"])
def test_a_script_from_the_public_network_runs_only_as_published(browser: Browser, added: bytes):
    molecule = Molecule.from_smiles("CO")
    positions = display_geometry(molecule).positions
    html = viewer.viewer_html(molecule, positions, np.zeros(6), script=viewer._FALLBACK, theme="light")
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
        assert label_under_the_mouse(page) == "O2  +0.000 e"
    page.close()
    assert asked == [viewer._FALLBACK]
    assert errors == []
