"""Pictures of the real app: those of the documentation, at two widths, into docs/images/; or every page and state.

python -m scripts.screenshots force_field scan      of these pages, or of all, for the documentation
python -m scripts.screenshots --states FOLDER       of all states at three widths, light and dark, to be looked at
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

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
    page.locator(".structure[data-drawn=true]").wait_for(timeout=SLOW)
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


_ASPIRIN = "smiles=CC(=O)Oc1ccccc1C(=O)O"
#: States of the pages: an address, and the tabs and buttons that are pressed one after the other.
STATES: dict[str, tuple[str, tuple[str, ...]]] = {
    "force_field_empty": ("/", ()),
    "force_field_bad_link": ("/?smiles=CC(C", ()),
    "force_field_charges": (f"/?{_ASPIRIN}", ()),
    "force_field_pair": (f"/?{_ASPIRIN}", ("Atom pair",)),
    "force_field_lennard_jones": (f"/?{_ASPIRIN}", ("Lennard-Jones",)),
    "force_field_pair_energies": (f"/?{_ASPIRIN}", ("Pair energies",)),
    "conformers_empty": ("/conformers", ()),
    "conformers": (f"/conformers?{_ASPIRIN}", ()),
    "conformers_generated": (f"/conformers?{_ASPIRIN}", ("Generate",)),
    "scan_empty": ("/scan", ()),
    "scan": (f"/scan?{_ASPIRIN}", ()),
    "scan_nothing_to_scan": ("/scan?smiles=O", ()),
    "dimer_empty": ("/dimer", ()),
    "dimer": ("/dimer?dimer=S66+1%3A+Water+Dimer", ()),
    "dimer_of_one_molecule": (f"/dimer?{_ASPIRIN}", ()),
    "parameters": ("/parameters?count=100", ()),
    "parameters_bar": ("/parameters?count=100&bar=20", ()),
    "parameters_nothing": ("/parameters?count=20&smarts=%5BXe%5D", ()),
    "parameters_own_file": ("/parameters?data=My+own+file", ()),
    "conformers_agreement": (f"/conformers?{_ASPIRIN}", ("Generate", "Agreement")),
    "conformers_populations": (f"/conformers?{_ASPIRIN}", ("Generate", "Populations")),
    "conformers_superimposed": (f"/conformers?{_ASPIRIN}", ("Generate", "Superimposed")),
    "conformers_one": (f"/conformers?{_ASPIRIN}", ("Generate", "One conformer")),
    "scan_barriers": (f"/scan?{_ASPIRIN}", ("Minima and barriers",)),
    "scan_points": (f"/scan?{_ASPIRIN}", ("All points",)),
    "dimer_contacts": ("/dimer?dimer=S66+20%3A+Acetic+Acid+Dimer", ("Contacts",)),
    "dimer_contributions": ("/dimer?dimer=S66+20%3A+Acetic+Acid+Dimer", ("Contributions",)),
    "dimer_approach": ("/dimer?dimer=S66+1%3A+Water+Dimer", ("Approach", "Compute the curve")),
    "dimer_put_together": ("/dimer?smiles=CC(=O)O.CC(=O)O", ()),
    "benchmarks": ("/benchmarks", ()),
    "benchmarks_base_pairs": ("/benchmarks", ("Base pairs",)),
    "benchmarks_dimers": ("/benchmarks", ("Reference dimers",)),
    "benchmarks_measure": ("/benchmarks", ("Measure now",)),
    "benchmarks_studies": ("/benchmarks", ("Studies",)),
    "data": ("/data", ()),
    "data_make_up": ("/data", ("Elements, sizes, energies",)),
    "data_rows": ("/data", ("Rows",)),
    "data_check": ("/data", ("Check",)),
    "data_import": ("/data?data_part=Import", ()),
    "data_compute": ("/data?data_part=Compute", ()),
    "train": ("/train", ()),
    "train_demo": ("/train", ("Set up a demo",)),
    "train_full": ("/train", ("Set up a full training",)),
    "train_compare": ("/train?train_view=Compare+runs", ()),
    "train_sweeps": ("/train?train_view=Sweeps", ()),
    "models": ("/models", ()),
    "models_compare": ("/models", ("Compare two",)),
    "models_add": ("/models", ("Add a model",)),
}
_STATE_WIDTHS = (1400, 1000, 400)
_SCHEMES = ("light", "dark")


def states(chromium: Browser, address: str, folder: Path, names: Sequence[str]) -> None:
    """Write pictures of the states whose names begin with one of these, or of all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (path, presses) in STATES.items():
        if names and not name.startswith(tuple(names)):
            continue
        for scheme in _SCHEMES:
            page = chromium.new_page(
                viewport={"width": _STATE_WIDTHS[0], "height": 900},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page.set_default_timeout(SLOW)
            open_page(page, f"{address}{path}")
            settle(page)
            for press in presses:
                whole_word = re.compile(rf"\b{press}\b")
                page.get_by_role("tab", name=whole_word).or_(page.get_by_role("button", name=whole_word)).first.click()
                settle(page)
            for width in _STATE_WIDTHS:
                file = folder / f"{name}_{width}_{scheme}.png"
                whole_page(page, width, file)
                print(file, flush=True)
            page.close()


def main() -> None:
    """Write the pictures and print their paths."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="pages, or how the names of states begin (default: all)")
    parser.add_argument("--states", type=Path, metavar="FOLDER", help="every state, into this folder")
    arguments = parser.parse_args()
    with app() as address, browser() as chromium:
        if arguments.states is not None:
            states(chromium, address, arguments.states, arguments.names)
            return
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, show in PAGES.items():
            if arguments.names and name not in arguments.names:
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
