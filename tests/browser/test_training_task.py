"""The longest of the tasks of test_tasks: a model is fine-tuned on a file of one's own and used for a molecule."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, expect
from rdkit import Chem
from rdkit.Chem import AllChem

from tests.browser import driving
from tests.browser.conftest import Server
from tests.browser.driving import Counted
from virialff.engines.xtb import single_point
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule
from virialff.settings import LABELS
from virialff.units import HARTREE_IN_KCAL_MOL

STORE = "own_alcohols_of_a_test"
MINUTES = 480_000
SMILES = ("CO", "CCO", "CCCO", "CC(C)O", "OCCO", "COC", "CCOC", "CC=O", "CC(C)=O", "CN", "CCN", "NCCO", "OCCF", "CCF")


@pytest.fixture
def imported() -> Iterator[Path]:
    """The label store of the import, which the app keeps where it keeps those of all users."""
    shutil.rmtree(LABELS / STORE, ignore_errors=True)
    yield LABELS / STORE
    shutil.rmtree(LABELS / STORE, ignore_errors=True)


def energies_sdf() -> str:
    """Conformers of small molecules with their total energies by GFN2-xTB in Hartree, as a program writes them."""
    records = []
    for number, smiles in enumerate(SMILES, start=1):
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        AllChem.EmbedMultipleConfs(mol, 3, randomSeed=7)
        numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
        for conformer in mol.GetConformers():
            energy = single_point(numbers, conformer.GetPositions()).energy / HARTREE_IN_KCAL_MOL
            block = Chem.MolToMolBlock(mol, confId=conformer.GetId())
            records.append(f"{block}> <energy>\n{energy:.10f}\n\n$$$$\n".replace("\n", f"compound {number}\n", 1))
    return "".join(records)


def test_a_model_is_trained_on_a_file_of_ones_own_and_used(
    browser: Browser, own_server: Server, imported: Path, tmp_path: Path
):
    page = browser.new_page(viewport={"width": 1300, "height": 1000}, base_url=own_server.address)
    page.set_default_timeout(driving.SLOW)
    driving.open_app(page)
    driving.settled(page)
    user = Counted(page)
    user.open("Train")
    user.give(page.locator("input[type=file]").last, f"{STORE}.sdf", energies_sdf())
    user.enter(page.get_by_role("combobox", name="Level of theory"), "GFN2-xTB")
    user.click(page.get_by_role("button", name="Import and set up fine-tuning"))
    # Not counted, both only shorten the test.
    steps = page.get_by_role("spinbutton", name="Steps of training")
    expect(steps).to_be_visible(timeout=MINUTES)
    driving.settled(page)
    steps.fill("20")
    steps.press("Enter")
    driving.settled(page)
    page.get_by_text("Measure it beside GFN2-xTB and ANI").click()
    driving.settled(page)
    user.click(page.get_by_role("button", name="Start training"))
    use = page.get_by_role("button", name=re.compile("^Use .* for a molecule"))
    expect(use).to_be_visible(timeout=MINUTES)
    driving.settled(page)
    user.click(use)
    expect(page.get_by_role("heading", level=1)).to_have_text("Force field", timeout=driving.SLOW)
    driving.settled(page)
    user.enter(page.get_by_role("textbox", name="SMILES"), "OCCCO")
    driving.expect_formula(page, "C₃H₈O₂")
    assert user.number <= 7
    expect(page).to_have_url(re.compile("model=fine-tuned"))
    content = user.save("Charges (CSV)").decode().splitlines()
    charges = [float(line.split(",")[3]) for line in content[1:]]
    (folder,) = (tmp_path / "models").iterdir()
    own = load_model(folder).force_field(Molecule.from_smiles("OCCCO")).charges
    np.testing.assert_allclose(charges, own, atol=1e-6)
    shipped = load_model().force_field(Molecule.from_smiles("OCCCO")).charges
    assert np.abs(own - shipped).max() > 1e-5
    page.close()
