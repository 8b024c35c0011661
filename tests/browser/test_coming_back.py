"""Reload, Back and Forward in a real browser: nothing that was worked on is lost."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser import driving
from virialff.conformers.generation import search
from virialff.export.ensembles import geometry_sdf
from virialff.molecules.molecule import Molecule


def test_back_undoes_the_last_choice_of_molecule(page: Page):
    driving.open_app(page, "/?smiles=CCO")
    driving.expect_formula(page, "C₂H₆O")
    driving.enter_smiles(page, "CCN")
    driving.expect_formula(page, "C₂H₇N")
    page.get_by_role("link", name="Conformers").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Conformers"))
    driving.settled(page)
    title = page.get_by_role("heading", level=1)
    page.go_back()
    expect(title).to_have_text(re.compile("Force field"))
    driving.expect_formula(page, "C₂H₇N")
    page.go_back()
    driving.expect_formula(page, "C₂H₆O")
    page.go_forward()
    driving.expect_formula(page, "C₂H₇N")


def test_one_press_of_back_leaves_a_page_whose_address_says_much(page: Page):
    """Page Scan writes the molecule, the methods and the scan into its address."""
    driving.open_app(page)
    driving.enter_smiles(page, "CCCO")
    driving.expect_formula(page, "C₃H₈O")
    before = page.url
    page.get_by_role("link", name="Scan").click()
    title = page.get_by_role("heading", level=1)
    expect(title).to_have_text("Scan")
    expect(page).to_have_url(re.compile("scan=torsion"), timeout=driving.SLOW)
    driving.settled(page)
    page.get_by_role("radio", name="Bond length").click()
    expect(page).to_have_url(re.compile("scan=bond"))
    driving.settled(page)
    page.go_back()
    expect(title).to_have_text("Force field")
    driving.expect_formula(page, "C₃H₈O")
    expect(page).to_have_url(before)
    page.go_forward()
    expect(title).to_have_text("Scan")
    expect(page).to_have_url(re.compile("scan=bond"), timeout=driving.SLOW)


def test_a_reload_keeps_uploaded_coordinates_and_generated_conformers(page: Page, browser: Browser, server: str):
    molecule = search(Molecule.from_smiles("CCCCO"), 4, seed=3).molecule
    sdf = "".join(geometry_sdf(molecule.with_positions(positions[None])) for positions in molecule.positions)
    driving.open_app(page)
    driving.upload(page, "butanol.sdf", sdf)
    driving.expect_formula(page, "C₄H₁₀O")
    page.get_by_role("link", name="Conformers").click()
    given = page.get_by_text(f"{molecule.n_conformers} conformers as given")
    expect(given).to_be_visible()
    page.get_by_role("radio", name="Generated").click()
    page.get_by_role("button", name="Generate").click()
    generated = page.get_by_text("distinct conformers from")
    expect(generated).to_be_visible()
    driving.settled(page)
    before = generated.inner_text()
    page.reload()
    expect(given).to_be_visible()
    page.get_by_role("radio", name="Generated").click()
    expect(generated).to_have_text(before)
    # Another browser at the same address gets what the address says, and nothing of this one's.
    other = browser.new_page(base_url=server)
    other.goto(page.url)
    driving.expect_formula(other, "C₄H₁₀O")
    expect(other.get_by_text("conformers as given")).to_have_count(0)
    other.close()
