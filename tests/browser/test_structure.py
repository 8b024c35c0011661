"""The structure as a control: atoms picked in 3D and 2D, what follows them, and the script it runs."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from pages.components.widgets import structure, viewer
from tests.browser import driving
from virialff.conformers.display import display_geometry
from virialff.molecules.molecule import Molecule
from virialff.settings import STATIC

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
PENICILLIN_G = "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O"


def test_atoms_are_picked_in_3d_and_2d_and_the_pair_follows(page: Page):
    driving.open_app(page, f"/?smiles={ASPIRIN}")
    driving.expect_formula(page, "C₉H₈O₄")
    driving.click_atom(page, 2, spatial=False)
    driving.click_atom(page, 11, spatial=True)
    assert driving.pressed(page) == [2, 11]
    expect(page.get_by_text("distance O3–O12")).to_be_visible()
    driving.open_tab(page, "Atom pair")
    expect(page.get_by_role("combobox", name="First atom")).to_have_value("O3")
    expect(page.get_by_role("combobox", name="Second atom")).to_have_value("O12")
    driving.click_atom(page, 2, spatial=True)
    assert driving.pressed(page) == [11]
    driving.choose(page, "First atom", "C5")
    expect(driving.structure(page).locator("circle[aria-pressed=true]")).to_have_count(2)
    assert driving.pressed(page) == [4, 11]


def test_atoms_are_picked_by_the_keyboard(page: Page):
    driving.open_app(page, "/?smiles=CCO")
    driving.expect_formula(page, "C₂H₆O")
    atom = driving.structure(page).get_by_role("button", name="O3")
    atom.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Picked: O3")).to_be_visible()


def test_a_row_of_the_pair_energies_is_picked(page: Page):
    driving.open_app(page, "/?smiles=CC(=O)OCC&force_field_view=Pair+energies")
    driving.expect_formula(page, "C₄H₈O₂")
    table = page.get_by_test_id("stDataFrame").last
    table.scroll_into_view_if_needed()
    box = driving.at_rest(page, table)
    page.mouse.click(box["x"] + 18, box["y"] + 35 * 1.5)
    expect(driving.structure(page).locator("circle[aria-pressed=true]")).to_have_count(2)
    expect(page.get_by_text("Picked: distance")).to_be_attached()


def test_a_bar_of_the_lennard_jones_parameters_lights_its_atoms(page: Page):
    driving.open_app(page, "/?smiles=CC(=O)OCC&force_field_view=Lennard-Jones")
    driving.expect_formula(page, "C₄H₈O₂")
    assert driving.lit(page) == []
    bars = page.locator(".js-plotly-plot:visible").first.locator(".bars .point path")
    boxes = [box for bar in bars.all() if (box := bar.bounding_box()) is not None]
    tallest = max(boxes, key=lambda box: box["height"])
    page.mouse.click(tallest["x"] + tallest["width"] / 2, tallest["y"] + tallest["height"] / 2)
    said = page.get_by_text(re.compile(r"^lit \d+ pairs?: "))
    expect(said).to_be_attached()
    driving.settled(page)
    first, second = re.findall(r": (\w+)–(\w+), σ", said.inner_text())[0]
    symbols = Molecule.from_smiles("CC(=O)OCC").symbols
    lit = driving.lit(page)
    assert lit
    assert {symbols[atom] for atom in lit} == {first, second}
    driving.open_tab(page, "Charges")
    expect(said).to_have_count(0)


@pytest.mark.parametrize("tapped", [False, True])
def test_a_finger_scrolls_the_page_until_it_has_tapped_the_structure(browser: Browser, server: str, tapped: bool):
    with browser.new_context(base_url=server, viewport={"width": 400, "height": 800}, has_touch=True) as context:
        page = context.new_page()
        driving.open_app(page, f"/?smiles={ASPIRIN}")
        driving.expect_formula(page, "C₉H₈O₄")
        canvas = driving.structure(page).locator("canvas")
        canvas.scroll_into_view_if_needed()
        box = driving.at_rest(page, canvas)
        x, y = box["x"] + 20, box["y"] + box["height"] - 20
        if tapped:
            page.touchscreen.tap(x, y)
            expect(driving.structure(page).locator(".spatial.tapped")).to_have_count(1)
        before = driving.structure(page).evaluate("host => host.view.viewer.getView()")
        touch = context.new_cdp_session(page)
        for kind, up in (("touchStart", 0), *(("touchMove", step) for step in range(20, 201, 20)), ("touchEnd", None)):
            points = [] if up is None else [{"x": x, "y": y - up}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.wait_for_timeout(500)
        turned = driving.structure(page).evaluate("host => host.view.viewer.getView()") != before
        moved = driving.at_rest(page, canvas)["y"] < box["y"] - 50
        assert (turned, moved) == (tapped, not tapped)


def test_a_link_reopens_the_geometry_that_was_relaxed(page: Page, browser: Browser, server: str):
    driving.open_app(page, "/?smiles=CO")
    driving.expect_formula(page, "CH₄O")
    page.get_by_role("button", name="Relax").click()
    page.get_by_test_id("stPopoverBody").get_by_role("button", name="GFN2-xTB").click()
    box = page.get_by_role("combobox", name="Geometry")
    expect(box).to_have_value("Relaxed by GFN2-xTB", timeout=driving.SLOW)
    driving.settled(page)
    with browser.new_context(base_url=server) as context:
        other = context.new_page()
        driving.open_app(other, page.url)
        expect(other.get_by_role("combobox", name="Geometry")).to_have_value(
            "Relaxed by GFN2-xTB", timeout=driving.SLOW
        )


def test_the_first_result_is_above_the_fold(browser: Browser, server: str):
    with browser.new_context(base_url=server, viewport={"width": 1400, "height": 900}) as context:
        page = context.new_page()
        driving.open_app(page, f"/?smiles={PENICILLIN_G}")
        driving.expect_formula(page, "C₁₆H₁₈N₂O₄S")
        charges = driving.at_rest(page, page.get_by_test_id("stDataFrame").first)
        assert charges["y"] + charges["height"] < 900
        canvas = driving.at_rest(page, driving.structure(page).locator("canvas"))
        assert canvas["y"] + canvas["height"] < 900
        assert canvas["x"] + canvas["width"] <= charges["x"]
        # The structure stays in sight while the results are scrolled.
        driving.open_tab(page, "Pair energies")
        expect(page.get_by_role("button", name="Contributions (CSV)")).to_be_attached()
        driving.settled(page)
        page.get_by_test_id("stMain").evaluate("main => main.scrollBy(0, 500)")
        scrolled = driving.at_rest(page, driving.structure(page).locator("canvas"))
        assert scrolled["y"] > 50


def mounted(data: dict) -> str:
    """A page with the component, as Streamlit mounts it."""
    folder = Path(structure.__file__).parent
    script = (folder / "structure.js").read_text().replace("export default function", "function mount")
    return (
        f"<style>{(folder / 'structure.css').read_text()}</style>{(folder / 'structure.html').read_text()}"
        f"<script type=module>{script}\n"
        f"mount({{data: {json.dumps(data)}, parentElement: document.body, setTriggerValue: () => {{}}}});</script>"
    )


def test_a_view_goes_on_to_the_next_page_and_draws_once(page: Page):
    driving.open_app(page, "/?smiles=O=CO")
    driving.expect_formula(page, "CH₂O₂")
    first = driving.structure_pixels(page)
    assert driving.change_by_dragging(page) > 0.005
    driving.structure(page).evaluate(
        """host => {
            host.view.viewer.isTheFirst = true;
            window.draws = 0;
            const drawing = host.view.viewer.constructor.prototype;
            const { show } = drawing;
            drawing.show = function (...given) { window.draws += 1; return show.apply(this, given); };
        }"""
    )
    menu = page.get_by_test_id("stSidebarNav")
    menu.get_by_role("link", name="Scan").click()
    expect(page.get_by_role("heading", name="Scan", level=1)).to_be_visible()
    driving.settled(page)
    assert driving.structure(page).evaluate("host => host.view.viewer.isTheFirst")
    page.wait_for_timeout(1000)
    assert page.evaluate("window.draws") == 1
    # It is looked at from the same side as when it was new.
    menu.get_by_role("link", name="Force field").click()
    expect(page.get_by_role("heading", name="Force field", level=1)).to_be_visible()
    driving.settled(page)
    again = driving.structure_pixels(page)
    assert again.shape == first.shape
    assert np.abs(again.astype(int) - first).max() < 40


@pytest.mark.parametrize("added", [b"", b"\nwindow.altered = true;"], ids=["as published", "altered"])
def test_a_script_from_the_public_network_runs_only_as_published(browser: Browser, added: bytes):
    molecule = Molecule.from_smiles("CO")
    positions = display_geometry(molecule).positions
    data = {
        **{name: [] for name in ("hidden", "marked", "lit", "picked")},
        **{"names": [""] * 6, "labels": [""] * 6, "hover": [""] * 6, "most": 4, "arrow": None, "flat": None},
        **{"background": "#ffffff", "ink": "#111111", "height": 300, "alt": "", "script": viewer._FALLBACK},
        **{"integrity": viewer._INTEGRITY},
        **structure._spatial(molecule, positions, ["#222222"] * 6, (), None),
    }
    page = browser.new_page()
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript"}
        route.fulfill(body=(STATIC / "3Dmol-min.js").read_bytes() + added, headers=headers)

    page.route(viewer._FALLBACK, answer)
    page.set_content(mounted(data))
    if added:
        page.get_by_text("The 3D view cannot be shown: 3Dmol.js could not be loaded.").wait_for()
        assert page.evaluate("window.altered") is None
    else:
        pixels = driving.structure_pixels(page)
        assert driving.drawn_fraction(pixels) > 0.01
        assert np.ptp(pixels) > 50
    page.close()
    assert asked == [viewer._FALLBACK]
