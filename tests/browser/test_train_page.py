"""Page Train in a real browser, with a server that is killed and started again: the job goes on without it, and its
model is chosen on page Force field."""

import re
import time
from pathlib import Path

import numpy as np
import yaml
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import driving
from tests.browser.conftest import Server
from tests.small_training import small_recipe, small_store
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule

STEPS = 500


def state(page: Page, word: str) -> Locator:
    """The badge with the state of the job that is shown."""
    return page.get_by_test_id("stMain").get_by_role("paragraph").filter(has_text=re.compile(f"{word}$")).first


def shown_step(page: Page) -> int:
    found = re.search(r"step ([\d,]+) of", page.get_by_test_id("stMain").inner_text())
    return int(found[1].replace(",", "")) if found else 0


def more_points(page: Page, before: int) -> int:
    """Wait until the first loss is drawn with more points than before; returns how many."""
    points = page.locator(".js-plotly-plot").first.locator(".points path")
    deadline = time.monotonic() + 90
    while (found := points.count()) <= before:
        assert time.monotonic() < deadline, page.get_by_test_id("stMain").inner_text()[-3000:]
        page.wait_for_timeout(300)
    return found


def test_a_training_outlives_the_app_and_goes_on(browser: Browser, own_server: Server, tmp_path: Path):
    store = small_store(tmp_path / "small.parquet", molecules=20, complexes=10)
    page = browser.new_page(viewport={"width": 1300, "height": 1000}, base_url=own_server.address)
    page.set_default_timeout(driving.SLOW)
    driving.open_app(page, "/train")
    driving.settled(page)
    page.get_by_role("button", name="Set up a full training").click()
    driving.settled(page)
    page.get_by_text("Advanced: how the labels").click()
    page.get_by_role("radio", name="YAML text").click()
    text = page.get_by_label("Recipe", exact=True)
    text.fill(yaml.safe_dump(small_recipe(store, steps=STEPS, validate_every=3)))
    text.press("Control+Enter")
    driving.settled(page)
    page.get_by_text("Make a model of it at the end").click()
    driving.settled(page)
    page.get_by_role("button", name="Start training").click()
    expect(state(page, "running")).to_be_visible(timeout=driving.SLOW)
    before = more_points(page, 0)
    more_points(page, before)

    page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True).click()
    expect(state(page, "stopped")).to_be_visible(timeout=driving.SLOW)
    driving.settled(page)
    step = shown_step(page)
    assert 0 < step < STEPS
    own_server.kill()
    own_server.start()
    driving.open_app(page, "/train")
    expect(state(page, "stopped")).to_be_visible(timeout=driving.SLOW)
    expect(page.get_by_text(f"step {step} of {STEPS}", exact=True)).to_be_visible(timeout=driving.SLOW)
    page.get_by_role("button", name="Resume").click()
    expect(state(page, "finished")).to_be_visible(timeout=480_000)
    expect(page.get_by_text(f"step {STEPS} of {STEPS}", exact=True)).to_be_visible()

    driving.settled(page)
    page.get_by_text("Measure it beside GFN2-xTB and ANI").click()
    driving.settled(page)
    page.get_by_role("button", name="Make a model").click()
    expect(page.get_by_role("button", name="Use tiny for a molecule")).to_be_visible(timeout=480_000)
    driving.settled(page)
    page.get_by_role("link", name="Force field").click()
    driving.enter_smiles(page, "CCO")
    driving.expect_formula(page, "C₂H₆O")
    driving.choose(page, "Model", "tiny")
    driving.settled(page)
    expect(page).to_have_url(re.compile("model=tiny"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Charges (CSV)").click()
    charges = [float(line.split(",")[3]) for line in download.value.path().read_text().splitlines()[1:]]
    model = load_model(tmp_path / "models" / "tiny")
    expected = model.force_field(Molecule.from_smiles("CCO")).charges
    np.testing.assert_allclose(charges, expected, atol=1e-6)
    page.close()
