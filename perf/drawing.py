"""Seconds from entering a SMILES to its charges on the page, in real Chromium with the app running.

The molecules are entered one after the other, each for the first time, so that no cache helps. Run by `make perf`.
"""

from __future__ import annotations

import re
import statistics
import time

from playwright.sync_api import Page, expect

from perf.browser import app, browser, open_page, table, wait_until_idle
from virialff import Molecule

AIM_SECONDS = 1.0
#: Between two molecules, as a person would pause: the browser still draws the last one's figures.
PAUSE_MILLISECONDS = 3000
MOLECULES = {
    "ethanol": "CCO",
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "caffeine": "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "haloperidol": "OC1(CCN(CCCC(=O)c2ccc(F)cc2)CC1)c1ccc(Cl)cc1",
    "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(n1)-c1cccnc1",
}


def enter(page: Page, smiles: str) -> tuple[float, float]:
    """Seconds until the charges of a SMILES stand on the page, and until the whole page has settled."""
    canonical = Molecule.from_smiles(smiles).smiles
    box = page.get_by_role("textbox", name="SMILES")
    page.wait_for_timeout(PAUSE_MILLISECONDS)
    box.fill(smiles)
    start = time.perf_counter()
    box.press("Enter")
    # The page writes the canonical SMILES of the molecule whose charges it shows.
    code = page.get_by_test_id("stCode").filter(has_text=re.compile(f"^{re.escape(canonical)}$"))
    expect(code).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Sum of the charges")).to_be_visible(timeout=60_000)
    charges = time.perf_counter() - start
    wait_until_idle(page)
    return charges, time.perf_counter() - start


def main() -> None:
    rows = [("SMILES to", "charges", "whole page")]
    with browser() as chromium, app() as address:
        page = chromium.new_page()
        open_page(page, address)
        enter(page, "C")  # loads the model
        times = {name: enter(page, smiles) for name, smiles in MOLECULES.items()}
    for name, (charges, settled) in times.items():
        rows.append((name, f"{charges:.2f} s", f"{settled:.2f} s"))
    medians = [statistics.median(column) for column in zip(*times.values(), strict=True)]
    rows.append(("median", f"{medians[0]:.2f} s (aim < {AIM_SECONDS:.0f} s)", f"{medians[1]:.2f} s"))
    print(table("Entering a molecule", rows))


if __name__ == "__main__":
    main()
