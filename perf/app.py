"""The app in real Chromium: changing pages, charges of a molecule of 50 atoms, ranking 1,000 conformers by the model.

Beside it seconds of the processor that a run of a page takes, without a browser: those do not depend on who else uses
the machine. Run: python -m perf.app, or python -m perf.app --runs for those alone.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from playwright.sync_api import Page, expect
from streamlit.testing.v1 import AppTest

from perf.browser import ROOT, app, browser, open_page, table, wait_for, wait_until_idle
from virialff import load_model
from virialff.conformers.generation import energy_ranks, search
from virialff.molecules.molecule import Molecule

RUNS = 3
#: 50 atoms each, another one for each run.
FIFTY_ATOMS = (
    "CCCCCCCCCCCCCCCC",
    "CCCCCCC(C)CCCCCCCC",
    "CCCCCCCCCCCC(C)CCC",
    "CCCCCCCCC(CC)CCCCC",
    "CCCCCC(CCC)CCCCCCC",
)
PAGES = ("Conformers", "Scan", "Parameters", "Force field")
N_CONFORMERS = 1000

#: The page's title; the sum that follows the table of charges, for this SMILES. What is stale is of the run before.
TITLE_SHOWN = "name => document.querySelector('h1')?.innerText.trim() === name"
CHARGES_SHOWN = """smiles => {
    const fresh = (tag, text) => [...document.querySelectorAll(tag)].some(
        found => found.innerText.trim() === text && !found.closest('[data-stale=true]'));
    const sum = [...document.querySelectorAll('[data-testid=stCaptionContainer]')].some(
        found => found.innerText.startsWith('Sum of the charges') && !found.closest('[data-stale=true]'));
    return fresh('code', smiles) && sum;
}"""


def page_changes(page: Page, address: str) -> list[tuple[str, str, str]]:
    """From the click on a link to the page's title, and to the end of its script, with a molecule loaded."""
    open_page(page, f"{address}/?smiles=CCO")
    expect(page.get_by_text("Sum of the charges")).to_be_visible(timeout=120_000)
    wait_until_idle(page)
    shown: list[float] = []
    ended: list[float] = []
    # The first round imports and fills caches, the same for every later visitor.
    for counted in (False, *[True] * RUNS):
        for name in PAGES:
            page.wait_for_timeout(500)
            start = time.perf_counter()
            page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
            wait_for(page, TITLE_SHOWN, name)
            title = time.perf_counter() - start
            wait_until_idle(page)
            if counted:
                shown.append(title)
                ended.append(time.perf_counter() - start)
    return [
        ("page change, to its title", f"{statistics.median(shown):.2f} s", "< 0.5 s"),
        ("page change, to the end of its script", f"{statistics.median(ended):.2f} s", ""),
    ]


def charges(page: Page) -> list[tuple[str, str, str]]:
    """From Enter in the SMILES field to the new charges in the page."""
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Force field").click()
    wait_until_idle(page)
    seconds = []
    for smiles in FIFTY_ATOMS:
        field = page.get_by_role("textbox", name="SMILES")
        field.fill(smiles)
        page.wait_for_timeout(500)
        canonical = Molecule.from_smiles(smiles).smiles
        start = time.perf_counter()
        field.press("Enter")
        wait_for(page, CHARGES_SHOWN, canonical)
        seconds.append(time.perf_counter() - start)
        wait_until_idle(page)
    return [("charges of a molecule of 50 atoms", f"{statistics.median(seconds):.2f} s", "< 0.5 s")]


def runs() -> list[tuple[str, str, str]]:
    """Processor seconds of a run of pages Force field and Scan for 50 atoms: of a new molecule, and once more."""
    session = AppTest.from_file(str(ROOT / "main.py"), default_timeout=600)
    session.query_params["smiles"] = "CCO"
    session.run()

    def seconds(run: Callable[[], object]) -> float:
        start = time.process_time()
        run()
        return time.process_time() - start

    new = [seconds(session.text_input(key="smiles_text").set_value(smiles).run) for smiles in FIFTY_ATOMS]
    again = [seconds(session.run) for _ in FIFTY_ATOMS]
    session.switch_page("pages/scan.py").run()
    scan = [seconds(session.run) for _ in FIFTY_ATOMS]
    times = {"Force field, new molecule": new, "Force field, again": again, "Scan, again": scan}
    return [(f"run of page {name}, processor", f"{min(found):.3f} s", "") for name, found in times.items()]


def ranking() -> list[tuple[str, str, str]]:
    """The computation behind the ranks of page Conformers: parameters are there, energies are not."""
    molecule = search(Molecule.from_smiles(FIFTY_ATOMS[0]), 10).molecule
    positions = np.resize(molecule.positions, (N_CONFORMERS, *molecule.positions.shape[1:]))
    force_field = load_model().force_field(molecule)
    seconds = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        energy_ranks(force_field.energy(positions))
        seconds.append(time.perf_counter() - start)
    return [(f"ranking {N_CONFORMERS} conformers of 50 atoms", f"{statistics.median(seconds[1:]):.2f} s", "< 0.3 s")]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", action="store_true", help="runs of pages alone, without a browser")
    alone = parser.parse_args().runs
    of_runs = runs()
    if alone:
        print(table("The app", [("what", f"smallest of {len(FIFTY_ATOMS)}", "aim"), *of_runs]))
        return
    with app() as address, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1300, "height": 1000})
        page.set_default_timeout(120_000)
        rows = [("what", f"median of {RUNS}", "aim"), *page_changes(page, address), *charges(page)]
    print(table("The app", [*rows, *ranking(), *of_runs]))


if __name__ == "__main__":
    main()
