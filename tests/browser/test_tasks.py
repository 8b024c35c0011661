"""What a chemist comes for, on molecules of one's own, with the clicks and typed entries that it takes.

The numbers are those of the table in docs/app.md: the app's first page is open, and nothing was done yet.
"""

import io
import json
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolTransforms

from tests.browser import driving
from tests.browser.driving import Counted
from virialff import load_model
from virialff.export.ensembles import geometry_sdf
from virialff.interactions.contacts import HYDROGEN_BOND, find_contacts
from virialff.methods.charge_schemes import charges_by
from virialff.molecules.molecule import Molecule

PENICILLIN_G = "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O"
ACETANILIDE = "CC(=O)Nc1ccccc1"
ACETIC_ACID_DIMER = "CC(=O)O.CC(=O)O"
PARACETAMOL = "CC(=O)Nc1ccc(O)cc1"
UPLOAD = "input[type=file]"


def at_the_first_page(page: Page) -> Counted:
    driving.open_app(page)
    driving.settled(page)
    return Counted(page)


def give_smiles(user: Counted, smiles: str) -> None:
    user.enter(user.page.get_by_role("textbox", name="SMILES"), smiles)
    driving.settled(user.page)


def table_of(content: bytes) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(content))


def conformers(smiles: str, count: int) -> Molecule:
    """So many embedded geometries, of which some may be alike."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    AllChem.EmbedMultipleConfs(mol, count, randomSeed=11)
    AllChem.MMFFOptimizeMoleculeConfs(mol)
    return Molecule.from_rdkit(mol)


def sdf_of(molecule: Molecule) -> str:
    return "".join(geometry_sdf(molecule.with_positions(positions[None])) for positions in molecule.positions)


def test_charges_of_penicillin_g(page: Page):
    user = at_the_first_page(page)
    give_smiles(user, PENICILLIN_G)
    driving.expect_formula(page, "C₁₆H₁₈N₂O₄S")
    expect(page.get_by_text("Sum of the charges")).to_be_visible()
    table = table_of(user.save("Charges (CSV)"))
    assert user.number <= 2
    expected = load_model().force_field(Molecule.from_smiles(PENICILLIN_G)).charges
    np.testing.assert_allclose(table["charge_e"], expected, atol=1e-6)


def test_charges_by_three_schemes_side_by_side(page: Page):
    user = at_the_first_page(page)
    give_smiles(user, PARACETAMOL)
    driving.expect_formula(page, "C₈H₉NO₂")
    user.click(page.get_by_test_id("stMain").get_by_role("button", name="GFN2-xTB", exact=True))
    driving.work_ended(page)
    expect(page.get_by_text("Dipole by GFN2-xTB")).to_be_visible(timeout=driving.SLOW)
    table = table_of(user.save("Charges (CSV)"))
    assert user.number <= 3
    molecule = Molecule.from_smiles(PARACETAMOL)
    np.testing.assert_allclose(table["charge_e"], load_model().force_field(molecule).charges, atol=1e-6)
    np.testing.assert_allclose(table["gasteiger_e"], charges_by("gasteiger", molecule).values, atol=1e-6)
    assert table["gfn2_e"].sum() == pytest.approx(0.0, abs=1e-3)
    assert table["gfn2_e"].corr(table["charge_e"]) > 0.7


def test_the_barrier_of_a_torsion_and_the_geometry_at_its_top(page: Page):
    """The bond is chosen by a click on it in the formula."""
    user = at_the_first_page(page)
    give_smiles(user, ACETANILIDE)
    driving.expect_formula(page, "C₈H₉NO")
    user.open("Scan")
    driving.click_bond(page, 1, 3)
    user.number += 1
    expect(page.get_by_role("combobox", name="Atoms")).to_have_value(re.compile("amide"), timeout=driving.SLOW)
    barrier = page.get_by_text(re.compile("Highest barrier"))
    expect(barrier).to_be_visible(timeout=driving.SLOW)
    found = re.search(r"([0-9.]+) kcal/mol at (-?[0-9.]+)°", barrier.inner_text().replace("−", "-"))
    assert found is not None
    height, angle = float(found[1]), float(found[2])
    # The barrier is read, where the former pages took six to show the curve.
    assert user.number <= 3
    text = user.save("Save it (SDF)").decode()
    assert user.number <= 4
    mol = Chem.MolFromMolBlock(text, removeHs=False)
    oxygen_to_ring = rdMolTransforms.GetDihedralDeg(mol.GetConformer(), 0, 1, 3, 4)
    assert min(abs(oxygen_to_ring - angle), 360 - abs(oxygen_to_ring - angle)) <= 8.0
    assert 5.0 < height < 40.0


def test_thirty_conformers_of_a_file_ranked_by_three_methods(page: Page):
    molecule = conformers("NCCCCCO", 30)
    user = at_the_first_page(page)
    user.give(page.locator(UPLOAD).first, "aminopentanol.sdf", sdf_of(molecule))
    driving.expect_formula(page, "C₅H₁₃NO")
    user.open("Conformers")
    expect(page.get_by_text("30 conformers as given")).to_be_visible()
    driving.work_ended(page)
    saved = user.save(re.compile("ranked by"))
    assert user.number <= 3
    supplier = Chem.ForwardSDMolSupplier(io.BytesIO(saved), removeHs=False)
    records = [mol.GetPropsAsDict() for mol in supplier]
    assert len(records) == 30
    for method in ("Model", "GFN2-xTB", "MMFF94"):
        assert sorted(record[f"{method}_rank"] for record in records)[0] == 1
        assert f"{method}_relative_kcal_per_mol" in records[0]
    ranks = [record["GFN2-xTB_rank"] for record in records]
    assert ranks == sorted(ranks)


def test_the_acetic_acid_dimer_is_relaxed_and_holds_by_two_hydrogen_bonds(page: Page):
    user = at_the_first_page(page)
    give_smiles(user, ACETIC_ACID_DIMER)
    driving.expect_formula(page, "C₄H₈O₄")
    user.open("Dimer")
    driving.work_ended(page)
    expect(page.get_by_text(re.compile("2 hydrogen bonds"))).to_be_visible(timeout=4 * driving.SLOW)
    assert user.number <= 2
    molecule = Molecule.from_rdkit(Chem.MolFromMolBlock(user.save(re.compile("SDF$")).decode(), removeHs=False))
    contacts = find_contacts(molecule, molecule.positions[0])
    bonds = contacts[contacts["kind"] == HYDROGEN_BOND]
    assert len(bonds) == 2
    assert (bonds["distance"] < 1.8).all()
    assert (bonds["angle"] > 165).all()
    assert set(molecule.fragments[bonds["i"]]) == {0, 1}


def test_hydroxyl_oxygens_of_a_thousand_molecules_by_their_charge(page: Page):
    ends = ["C", "CC", "CCC", "CC(C)", "c1ccccc1", "C1CCCCC1", "FC", "ClC", "COC", "N#CC"]
    smiles = [
        f"{a}C({x}){'C' * n}{b}"
        for a in ends
        for b in ("O", "OC", "N", "C(=O)O", "F")
        for x in ("O", "N", "OC", "C")
        for n in range(1, 6)
    ]
    assert len(set(smiles)) == 1000
    hydroxyl = Chem.MolFromSmarts("[OX2H]")
    expected = sum(len(Chem.MolFromSmiles(text).GetSubstructMatches(hydroxyl)) for text in smiles)
    user = at_the_first_page(page)
    user.open("Parameters")
    user.click(page.get_by_role("radio", name="My own file"))
    user.give(page.locator(UPLOAD).first, "alcohols.smi", "\n".join(smiles))
    quantity = page.get_by_role("radio", name="Atomic charge")
    expect(quantity).to_be_visible(timeout=4 * driving.SLOW)
    driving.work_ended(page)
    user.click(quantity)
    user.enter(page.get_by_role("textbox", name="Atoms that match SMARTS"), "[OX2H]")
    table = table_of(user.save("All values (CSV)"))
    assert user.number <= 6
    assert len(table) == expected
    assert set(table["element"]) == {"O"}
    charges = table["atomic charge (e)"]
    assert charges.is_monotonic_increasing
    row = table.iloc[0]
    # Atoms count as in the file.
    predicted = load_model().force_field(Molecule.from_smiles(smiles[int(row["molecule"]) - 1])).charges
    assert predicted[int(row["atom"]) - 1] == pytest.approx(row["atomic charge (e)"], abs=1e-4)


def test_a_file_of_molecules_becomes_files_of_parameters(page: Page):
    smiles = ["CCO", "CC(=O)Nc1ccc(O)cc1", "c1ccncc1", "CS(=O)C", "C[Si](C)(C)C"]
    csv = "name,smiles\n" + "".join(f"compound {number},{text}\n" for number, text in enumerate(smiles, start=1))
    user = at_the_first_page(page)
    user.click(page.get_by_text("Many molecules at once"))
    user.give(page.get_by_test_id("stExpander").locator(UPLOAD).first, "compounds.csv", csv)
    expect(page.get_by_role("button", name="All tables (ZIP)")).to_be_visible(timeout=2 * driving.SLOW)
    driving.work_ended(page)
    packed = zipfile.ZipFile(io.BytesIO(user.save("All tables (ZIP)")))
    assert user.number <= 3
    assert set(packed.namelist()) == {"batch_molecules.csv", "batch_charges.csv", "batch_atom_pairs.csv"}
    charges = table_of(packed.read("batch_charges.csv"))
    assert charges["molecule"].nunique() == 4
    # Silicon is not covered, which the page says.
    expect(page.get_by_text("1 molecule gives no result")).to_be_visible()


def test_a_report_is_saved(page: Page):
    user = at_the_first_page(page)
    give_smiles(user, PARACETAMOL)
    driving.expect_formula(page, "C₈H₉NO₂")
    user.click(page.get_by_role("button", name="Project and report"))
    report = user.save("Save report (HTML)").decode()
    assert user.number <= 3
    # Figures of closed tabs too.
    for title in ("Partial charges", "Potential curve of", "Histogram of sigma", "Histogram of epsilon"):
        assert title in report
    assert PARACETAMOL in report


def test_a_project_is_saved_and_opened_again(page: Page, browser: Browser, server: str):
    molecule = conformers("OCC(O)CO", 3)
    user = at_the_first_page(page)
    user.give(page.locator(UPLOAD).first, "glycerol.sdf", sdf_of(molecule))
    driving.expect_formula(page, "C₃H₈O₃")
    user.click(page.get_by_role("button", name="Project and report"))
    project = user.save("Save project (JSON)")
    with browser.new_context(base_url=server, viewport={"width": 1300, "height": 1000}) as context:
        elsewhere = context.new_page()
        driving.open_app(elsewhere)
        other = Counted(elsewhere)
        other.click(elsewhere.get_by_role("button", name="Project and report"))
        other.give(elsewhere.get_by_test_id("stPopoverBody").locator(UPLOAD), "glycerol.virialff.json", project)
        driving.expect_formula(elsewhere, "C₃H₈O₃")
        expect(elsewhere.get_by_text("3 conformers")).to_be_visible()
        assert user.number + other.number <= 5
    (entry,) = json.loads(project)["molecules"]
    np.testing.assert_allclose(entry["positions"], molecule.positions, atol=1e-4)
