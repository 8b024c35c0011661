"""Page Force field in a real browser."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from rdkit import Chem

from tests.browser import driving
from virialff import load_model
from virialff.conformers.generation import search
from virialff.molecules.molecule import Molecule

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


def charge_cells(page: Page) -> list[float]:
    """The charges as the page gives them for download."""
    with page.expect_download() as download:
        page.get_by_role("button", name="Charges (CSV)").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0] == "atom,element,fragment,charge_e,charge_spread_e,gasteiger_e"
    return [float(line.split(",")[3]) for line in lines[1:]]


def test_the_page_is_found_by_its_name_too(page: Page):
    driving.open_app(page, "/force_field?smiles=CO&force_field_view=Pair+energies")
    driving.expect_formula(page, "CH₄O")
    expect(page.get_by_role("tab", name="Pair energies")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_text("Page not found")).to_have_count(0)
    assert urlsplit(page.url).path == "/"


def test_drawing_gives_charges(page: Page):
    """Benzene from the template bar, a methyl group with the bond tool, Apply: toluene."""
    driving.open_app(page)
    driving.open_way(page, "Draw")
    driving.take_tool(page, "Benzene (T)")
    driving.click_canvas(page, 250, 150)
    driving.take_tool(page, "Single Bond (1)")
    driving.click_canvas(page, 250, 110)
    driving.apply_drawing(page)
    driving.expect_formula(page, "C₇H₈")
    # The address has the atoms in the order of drawing.
    expect(page).to_have_url(re.compile("smiles="))
    (drawn,) = parse_qs(urlsplit(page.url).query)["smiles"]
    assert Molecule.from_smiles(drawn).smiles == "Cc1ccccc1"
    charges = charge_cells(page)
    assert len(charges) == 15
    # The two ortho and the two meta carbon atoms are equivalent, whatever the order of drawing.
    expected = load_model().force_field(Molecule.from_smiles("Cc1ccccc1")).charges
    np.testing.assert_allclose(sorted(charges), sorted(expected), atol=1e-4)


def test_empty_drawing_is_a_sentence(page: Page):
    driving.open_app(page)
    driving.open_way(page, "Draw")
    driving.take_tool(page, "Benzene (T)")
    driving.click_canvas(page, 250, 150)
    driving.apply_drawing(page)
    driving.expect_formula(page, "C₆H₆")
    driving.open_way(page, "Draw")
    driving.editor(page).locator("button[title^='Clear Canvas']").click(timeout=driving.SLOW)
    driving.apply_drawing(page)
    expect(page.get_by_text("The drawing is empty")).to_be_visible()
    driving.expect_formula(page, "C₆H₆")


def test_smiles_gives_structure_charges_distributions_and_downloads(page: Page):
    driving.open_app(page)
    driving.enter_smiles(page, ASPIRIN)
    driving.expect_formula(page, "C₉H₈O₄")
    expected = load_model().force_field(Molecule.from_smiles(ASPIRIN))
    np.testing.assert_allclose(charge_cells(page), expected.charges, atol=1e-6)
    expect(page.get_by_role("img", name="Structural formula of C9H8O4")).to_be_visible()
    driving.open_tab(page, "Lennard-Jones")
    plots = page.locator(".js-plotly-plot:visible")
    expect(plots).to_have_count(2)
    for k in range(2):
        assert plots.nth(k).locator(".bars path").count() > 0
    expect(page.get_by_text("GROMOS, typical 3 Å")).to_be_visible()
    expect(page.get_by_text("GROMOS, typical 0.13 kcal/mol")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Everything (JSON)").click()
    record = json.loads(download.value.path().read_text())
    np.testing.assert_allclose(record["charges"], expected.charges, atol=1e-6)
    with page.expect_download() as download:
        page.get_by_role("button", name="Structure with charges (SDF)").click()
    mol = next(Chem.SDMolSupplier(str(download.value.path()), removeHs=False))
    assert mol.GetAtomWithIdx(0).GetDoubleProp("PartialCharge") == pytest.approx(expected.charges[0], abs=1e-4)


def test_view_in_3d_draws_and_turns(page: Page):
    driving.open_app(page, f"/?smiles={ASPIRIN}")
    driving.expect_formula(page, "C₉H₈O₄")
    before = driving.structure_pixels(page)
    assert driving.drawn_fraction(before) > 0.04
    # Charges of both signs: reddish and bluish pixels, not only grey ones.
    red, blue = before[..., 0].astype(int), before[..., 2].astype(int)
    assert (red - blue > 12).sum() > 50
    assert (blue - red > 12).sum() > 50
    # What is still loading above can move the view from under the pointer, so a drag may need a second try.
    assert any(driving.change_by_dragging(page) > 0.01 for _ in range(4))


def test_atom_pair_shows_its_curve(page: Page):
    driving.open_app(page, "/?smiles=CCO")
    driving.expect_formula(page, "C₂H₆O")
    driving.open_tab(page, "Atom pair")
    driving.choose(page, "First atom", "C1")
    driving.choose(page, "Second atom", "O3")
    named = page.locator(".legendtext", has_text="Coulomb")
    plot = page.locator(".js-plotly-plot:visible").filter(has=named)
    expect(plot.locator(".scatterlayer .trace")).to_have_count(5)
    for name in ("Coulomb", "dispersion", "repulsion", "Gaussians", "total"):
        expect(plot.locator(".legendtext", has_text=name).first).to_be_visible()
    expect(page.get_by_text("1-3", exact=True).filter(visible=True).first).to_be_visible()
    expect(plot.get_by_text("shown geometry:")).to_be_visible()


@pytest.mark.parametrize(
    ("smiles", "sentence"),
    [
        ("CC(O", "cannot be read"),
        ("C[Si](C)(C)C", "atom 2 (Si) is of an element that the method does not cover"),
        ("CC(=O)[O-]", "only neutral molecules are covered"),
        ("C[CH2]", "has unpaired electrons"),
    ],
)
def test_bad_smiles_gives_its_sentence(page: Page, smiles: str, sentence: str):
    driving.open_app(page)
    driving.enter_smiles(page, smiles)
    expect(page.get_by_text(sentence)).to_be_visible()
    expect(page.get_by_role("textbox", name="SMILES")).to_have_value(smiles)
    expect(page.get_by_text("Traceback")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("no_hydrogens.xyz", "3\n\nC 0 0 0\nO 0 0 1.42\nH 0 0.9 1.75\n", "hydrogen"),
        ("overlapping.xyz", "3\n\nO 0 0 0\nH 0 0 0.96\nH 0 0.1 0.96\n", "Angstrom apart"),
    ],
)
def test_bad_file_gives_its_sentence(page: Page, name: str, text: str, sentence: str):
    driving.open_app(page)
    driving.upload(page, name, text)
    expect(page.get_by_role("alert").filter(has_text=sentence)).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_drawing_without_hydrogens_is_refused_where_they_are_not_to_be_added(page: Page):
    driving.open_app(page)
    driving.open_way(page, "File")
    page.get_by_text("Add hydrogens to drawings").click()
    driving.upload(page, "drawn.mol", Chem.MolToMolBlock(Chem.MolFromSmiles("CCO")))
    expect(page.get_by_role("alert").filter(has_text="lacks 3 hydrogens")).to_be_visible()


def test_script_in_a_title_stays_text(page: Page):
    driving.open_app(page)
    water = search(Molecule.from_smiles("O"), 1).molecule.to_rdkit()
    title = "</script><script>window.hacked = 1</script><img src=/x onerror='window.hacked = 1'>"
    water.SetProp("_Name", title)
    driving.upload(page, "water.sdf", Chem.MolToMolBlock(water) + "$$$$\n")
    driving.expect_formula(page, "H₂O")
    expect(page.get_by_text(title, exact=True)).to_be_visible()
    assert driving.drawn_fraction(driving.structure_pixels(page)) > 0.005
    for frame in page.frames:
        assert frame.evaluate("window.hacked") is None


def test_two_browser_sessions_do_not_see_each_other(page: Page, browser: Browser, server: str):
    driving.open_app(page, "/?smiles=CCO")
    driving.expect_formula(page, "C₂H₆O")
    with browser.new_context(base_url=server) as context:
        other = context.new_page()
        driving.open_app(other)
        expect(other.get_by_text("Nothing to show yet")).to_be_visible()
        expect(driving.formula(other)).to_have_count(0)


def test_narrow_window_fits(browser: Browser, server: str):
    """At 400 pixels nothing sticks out to the side."""
    with browser.new_context(base_url=server, viewport={"width": 400, "height": 900}) as context:
        narrow = context.new_page()
        driving.open_app(narrow, f"/?smiles={ASPIRIN}")
        driving.expect_formula(narrow, "C₉H₈O₄")
        main = narrow.locator("[data-testid=stMain]")
        for name, plots in (("Charges", 0), ("Atom pair", 1), ("Lennard-Jones", 2)):
            driving.open_tab(narrow, name)
            expect(narrow.locator(".js-plotly-plot:visible")).to_have_count(plots)
            assert main.evaluate("element => element.scrollWidth - element.clientWidth") <= 1


def test_a_nitrogen_is_drawn_on_a_phone_by_taps(browser: Browser, server: str):
    """The whole editor is there, made smaller: Ketcher leaves the elements out where it is narrow."""
    with browser.new_context(
        base_url=server, viewport={"width": 400, "height": 850}, has_touch=True, is_mobile=True
    ) as context:
        phone = context.new_page()
        driving.open_app(phone)
        driving.open_way(phone, "Draw")
        frame = phone.locator("iframe[title^='streamlit_ketcher']")
        nitrogen = driving.editor(phone).locator("button[title='Nitrogen (N)']")

        def tap(element: Locator) -> None:
            """At the element's middle, which the frame shows smaller than it is."""
            x, y, inner = element.evaluate(
                """(element) => {
                    const box = element.getBoundingClientRect();
                    return [box.x + box.width / 2, box.y + box.height / 2, window.innerWidth];
                }"""
            )
            box = driving.at_rest(phone, frame)
            assert box["x"] + box["width"] <= 400
            scale = box["width"] / inner
            phone.touchscreen.tap(box["x"] + scale * x, box["y"] + scale * y)

        nitrogen.wait_for(timeout=driving.SLOW)
        driving.at_rest(phone, frame)
        tap(nitrogen)
        expect(nitrogen).to_have_class(re.compile("selected"), timeout=driving.SLOW)
        tap(driving.editor(phone).locator("[class*='StructEditor-module_intermediateCanvas']"))
        phone.wait_for_timeout(1000)
        tap(driving.editor(phone).get_by_role("button", name="Apply"))
        driving.expect_formula(phone, "H₃N")


@pytest.mark.parametrize(
    ("old", "title"),
    [("molecule", "Force field"), ("interactions", "Dimer"), ("evaluation", "Benchmarks"), ("training", "Train")],
)
def test_an_old_address_leads_to_the_page_that_took_its_place(page: Page, old: str, title: str):
    driving.open_app(page, f"/{old}?smiles=CCO")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(title))
    expect(page).to_have_url(re.compile("smiles=CCO"))
