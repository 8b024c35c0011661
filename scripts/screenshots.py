"""Pictures of the real app for the documentation, at two widths, into docs/images/."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page, expect

from perf.browser import app, browser, open_page, wait_until_idle

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
WIDTHS = {"": 1300, "_narrow": 400}
SLOW = 120_000


def force_field(page: Page, address: str) -> None:
    """Page Force field with aspirin."""
    open_page(page, f"{address}/?smiles=CC(=O)Oc1ccccc1C(=O)O")
    settle(page)
    page.locator(".structure[data-drawn=true]").wait_for(timeout=SLOW)


def leucine(page: Page, address: str, name: str) -> None:
    """The page of this name with the example that has conformers."""
    open_page(page, address)
    settle(page)
    page.get_by_role("button", name="leucine, 20 conformers", exact=True).click()
    settle(page)
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name, timeout=SLOW)
    settle(page)


def conformers(page: Page, address: str) -> None:
    """Page Conformers with the same example, ranked by all quick methods."""
    leucine(page, address, "Conformers")
    page.get_by_role("button", name="Compute energies").click()
    # Its column is there as soon as the last method has begun.
    expect(page.get_by_text("Not complete yet")).to_have_count(0, timeout=SLOW)
    page.get_by_role("tab", name="Agreement").click()
    expect(page.locator(".legendtext", has_text="ANI-").first).to_be_visible(timeout=SLOW)
    page.get_by_role("tab", name="Ranking").click()
    settle(page)


def scan(page: Page, address: str) -> None:
    """Page Scan with the amide torsion of N-(2-hydroxyethyl)acetamide, relaxed with MMFF94."""
    open_page(page, f"{address}/scan?smiles=CC(=O)NCCO&scan_relax=MMFF94")
    settle(page)
    page.get_by_role("button", name="Relax 25 points").click()
    expect(page.get_by_text("until all points are relaxed")).to_have_count(0, timeout=SLOW)
    page.get_by_role("button", name="Compute energies").click(timeout=SLOW)
    expect(page.locator(".legendtext", has_text="ANI-").first).to_be_visible(timeout=SLOW)
    frame = page.frame_locator("iframe[title*='geometries of the scan']")
    frame.locator("body[data-drawn=true]").wait_for(timeout=SLOW)
    settle(page)


def parameters(page: Page, address: str) -> None:
    """Page Parameters with a draw of 200 molecules."""
    open_page(page, f"{address}/parameters?count=200")
    settle(page)
    expect(page.get_by_role("heading", name="Molecules behind a bar")).to_be_visible(timeout=SLOW)
    settle(page)
    bars = page.get_by_role("combobox", name="Bar")
    # A list that is open closes when the page scrolls.
    bars.scroll_into_view_if_needed()
    settle(page)
    bars.click()
    page.get_by_role("option").nth(4).click()
    settle(page)


def dimer(page: Page, address: str) -> None:
    """Page Dimer with a hydrogen-bonded dimer of the gallery."""
    open_page(page, f"{address}/dimer?dimer=S66+1%3A+Water+Dimer")
    settle(page)
    page.get_by_role("button", name="Relax and compute").click()
    page.get_by_role("combobox", name="Geometry").wait_for(timeout=SLOW)
    settle(page)


def data(page: Page, address: str) -> None:
    """Page Data with the make-up of the labels that ship."""
    open_page(page, f"{address}/data")
    settle(page)
    page.get_by_role("tab", name="Elements, sizes, energies").click()
    expect(page.get_by_text("(Fig. 3)")).to_be_visible(timeout=SLOW)
    settle(page)


def train(page: Page, address: str) -> None:
    """Page Train with its form."""
    open_page(page, f"{address}/train")
    settle(page)


def benchmarks(page: Page, address: str) -> None:
    """Page Benchmarks with what the cards measured."""
    open_page(page, f"{address}/benchmarks")
    settle(page)


def models(page: Page, address: str) -> None:
    """Page Models with the models that ship."""
    open_page(page, f"{address}/models")
    settle(page)


def settle(page: Page) -> None:
    """Wait until the script of the page has ended and its last pieces are drawn."""
    page.wait_for_timeout(500)
    wait_until_idle(page)
    page.wait_for_timeout(1500)


def whole_page(page: Page, width: int, path: Path) -> None:
    """Streamlit scrolls inside the page, so the window grows to its content for the picture."""
    page.set_viewport_size({"width": width, "height": 1000})
    page.wait_for_timeout(2500)
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": int(height) + 20})
    page.wait_for_timeout(2500)
    page.screenshot(path=path)


PAGES = {
    "force_field": force_field,
    "parameters": parameters,
    "dimer": dimer,
    "conformers": conformers,
    "scan": scan,
    "data": data,
    "train": train,
    "benchmarks": benchmarks,
    "models": models,
}


def main() -> None:
    """Write the pictures of the pages named as arguments, or of every one, and print their paths."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with app() as address, browser() as chromium:
        for name, show in PAGES.items():
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            page = chromium.new_page(viewport={"width": max(WIDTHS.values()), "height": 1000})
            page.set_default_timeout(SLOW)
            show(page, address)
            for suffix, width in WIDTHS.items():
                path = FOLDER / f"{name}{suffix}.png"
                whole_page(page, width, path)
                print(path.relative_to(FOLDER.parent.parent))
            page.close()


if __name__ == "__main__":
    main()
