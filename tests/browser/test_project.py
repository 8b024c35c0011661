"""A project saved in one browser opens in another with the same numbers; a report is one file that draws itself."""

import json
import re
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.browser import driving
from virialff.conformers.generation import search
from virialff.export.ensembles import geometry_sdf
from virialff.molecules.molecule import Molecule


def save(page: Page, label: str) -> Path:
    page.get_by_role("button", name="Project and report").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=label).click()
    page.keyboard.press("Escape")
    return Path(download.value.path())


def test_a_project_reopens_with_the_same_numbers(page: Page, browser: Browser, server: str, tmp_path: Path):
    molecule = search(Molecule.from_smiles("CCCCO"), 4, seed=3).molecule
    sdf = "".join(geometry_sdf(molecule.with_positions(each[None])) for each in molecule.positions)
    driving.open_app(page)
    driving.upload(page, "butanol.sdf", sdf)
    driving.expect_formula(page, "C₄H₁₀O")
    page.get_by_role("link", name="Conformers").click()
    page.get_by_role("radio", name="Generated").click()
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_text("distinct conformers from")).to_be_visible()
    driving.settled(page)
    driving.work_ended(page)
    report = save(page, "Save report (HTML)").read_text()
    assert len(report.encode()) < 5e6
    assert "Bannwarth" in report
    saved = tmp_path / "butanol.virialff.json"
    saved.write_bytes(save(page, "Save project (JSON)").read_bytes())
    (written,) = json.loads(saved.read_text())["molecules"]
    assert len(written["positions"]) == molecule.n_conformers
    energies = {run["name"]: run["values"] for each in written["geometries"] for run in each["energies"].values()}
    assert {"Model", "GFN2-xTB"} <= set(energies)
    assert not any(run["left"] for run in written["geometries"][-1]["energies"].values())

    other = browser.new_page(base_url=server, viewport={"width": 1300, "height": 1000})
    driving.open_app(other)
    other.get_by_role("button", name="Project and report").click()
    chooser = other.get_by_test_id("stPopoverBody").locator("input[type=file]")
    chooser.set_input_files(saved)
    driving.expect_formula(other, "C₄H₁₀O")
    other.keyboard.press("Escape")
    other.get_by_role("link", name="Conformers").click()
    other.get_by_role("radio", name="Project").click()
    expect(other.get_by_text("from the project file")).to_be_visible()
    expect(other.get_by_role("button", name=re.compile("ranked by.*SDF"))).to_be_visible()
    driving.settled(other)
    expect(other.get_by_role("button", name="Compute energies")).to_have_count(0)
    again = json.loads(save(other, "Save project (JSON)").read_text())
    assert again["molecules"][0]["positions"] == written["positions"]
    assert written["geometries"][-1] in again["molecules"][0]["geometries"]
    damaged = tmp_path / "damaged.virialff.json"
    damaged.write_bytes(saved.read_bytes().replace(b'"positions"', b'"position"', 1))
    other.get_by_role("button", name="Project and report").click()
    chooser.set_input_files(damaged)
    expect(other.get_by_text("This project cannot be opened")).to_be_visible()
    driving.expect_formula(other, "C₄H₁₀O")
    other.close()

    place = tmp_path / "report.html"
    place.write_text(report)
    drawn = browser.new_page()
    asked: list[str] = []
    drawn.on("request", lambda request: asked.append(request.url))
    drawn.goto(place.as_uri())
    drawn.locator("body[data-drawn=true]").wait_for(timeout=driving.SLOW)
    expect(drawn.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    assert asked == [place.as_uri()]
    drawn.close()
