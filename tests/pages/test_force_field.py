"""Page Force field: input by every way but drawing, which the browser tests do, and what is shown for it."""

import json

import numpy as np
import pytest
from rdkit import Chem

from pages.components.widgets.inputs import UPLOAD_TYPES
from tests.pages.conftest import BAD_FILES, enter_smiles, open_tab, open_way, upload
from virialff import load_model
from virialff.conformers.generation import search
from virialff.io.examples import examples
from virialff.models.trust import trust
from virialff.molecules.molecule import Molecule


def sdf_of(molecule: Molecule, title: str = "") -> str:
    mol = molecule.to_rdkit()
    mol.SetProp("_Name", title)
    blocks = [Chem.MolToMolBlock(mol, confId=c.GetId()) + "$$$$\n" for c in mol.GetConformers()]
    return "".join(blocks)


@pytest.fixture(scope="module")
def butanol() -> Molecule:
    return search(Molecule.from_smiles("CCCCO"), 2).molecule


def formula(app) -> list[str]:
    return [header.value for header in app.header]


def test_first_sight_says_what_to_do(app):
    app.run()
    assert not app.exception
    assert app.title[0].value == "Force field"
    assert "draw a molecule and press Apply" in app.info[0].value
    assert formula(app) == []


def test_sidebar_chooses_the_model(app):
    app.run()
    (box,) = [entry for entry in app.sidebar.selectbox if entry.label == "Model"]
    assert box.options[0] == f"{load_model().name} (default)"


def test_smiles_gives_charges_of_the_model(app):
    enter_smiles(app, "CC(=O)Oc1ccccc1C(=O)O")
    assert not app.exception
    assert formula(app) == ["C₉H₈O₄"]
    expected = load_model().force_field(Molecule.from_smiles("CC(=O)Oc1ccccc1C(=O)O")).charges
    table = app.dataframe[0].value
    np.testing.assert_allclose(table["charge (e)"], expected, atol=1e-6)
    assert list(table["atom"])[::20] == ["C1", "H21"]


def test_charges_of_a_complex_are_summed_by_molecule(app):
    enter_smiles(app, "O.CO")
    assert not app.exception
    sums = app.dataframe[1].value
    assert list(sums["atoms"]) == [3, 6]
    assert [float(text) for text in sums["sum (e)"]] == pytest.approx([0.0, 0.0], abs=1e-3)
    assert any("side by side" in caption.value for caption in app.caption)


def test_address_follows_the_molecule_and_reopens_it(app):
    enter_smiles(app, "OCC")
    assert app.query_params["smiles"] == "OCC"  # as typed: atoms keep their numbers


def test_link_opens_its_molecule(app):
    app.query_params["smiles"] = "CCO"
    app.run()
    assert not app.exception
    assert formula(app) == ["C₂H₆O"]


def test_link_that_cannot_be_read_says_so_and_keeps_the_text(app):
    app.query_params["smiles"] = "CC(O"
    app.run()
    assert not app.exception
    assert "cannot be read" in app.error[0].value
    assert app.text_input(key="smiles_text").value == "CC(O"


@pytest.mark.parametrize(
    ("smiles", "words"),
    [
        ("CC(O", "cannot be read"),
        ("C[Si](C)(C)C", "element that the method does not cover"),
        ("CC(=O)[O-]", "net charge"),
        ("C[CH2]", "unpaired electrons"),
        ("[2H]OC", "isotope"),
        ("C" * 150, "more than the limit"),
    ],
)
def test_bad_smiles_is_a_sentence_and_the_text_stays(app, smiles, words):
    enter_smiles(app, smiles)
    assert not app.exception
    (error,) = app.error
    assert words in error.value.replace("\\", "")
    assert error.value.endswith("\\.")
    assert app.text_input(key="smiles_text").value == smiles
    assert formula(app) == []


def test_results_before_a_bad_input_stay_and_are_said_to_be_older(app):
    enter_smiles(app, "CCO")
    enter_smiles(app, "CC(O")
    assert formula(app) == ["C₂H₆O"]
    assert any("molecule before" in caption.value for caption in app.caption)


def test_typed_text_survives_a_change_of_page(app):
    enter_smiles(app, "CC(O")
    app.switch_page("pages/conformers.py").run()
    app.switch_page("pages/force_field.py").run()
    assert app.text_input(key="smiles_text").value == "CC(O"


@pytest.mark.parametrize("index", range(len(examples())), ids=[example.name for example in examples()])
def test_every_example_opens(app, index):
    open_way(app, "Examples")
    app.button(key=f"example_{index}").click().run()
    assert not app.exception
    assert not app.error
    assert len(formula(app)) == 1
    assert app.text[0].value == examples()[index].name


def test_upload_keeps_coordinates_and_conformers(app, butanol):
    upload(app, "butanol.sdf", sdf_of(butanol))
    assert not app.exception
    assert formula(app) == ["C₄H₁₀O"]
    said = " ".join(caption.value.replace("\\", "") for caption in app.caption)
    assert "15 atoms, 2 conformers; from: file butanol.sdf" in said
    assert any("conformer 1 of 2, coordinates as given" in caption.value for caption in app.caption)
    open_tab(app, "Atom pair")
    distance = next(m.value for m in app.metric if m.label == "distance")
    i, j = (int(app.selectbox[k].value) for k in (0, 1))
    # An SDF carries four decimals.
    assert float(distance.split()[0]) == pytest.approx(
        np.linalg.norm(butanol.positions[0, i] - butanol.positions[0, j]), abs=1e-3
    )


def test_upload_of_several_molecules_offers_each(app, butanol):
    water = search(Molecule.from_smiles("O"), 1).molecule
    upload(app, "two.sdf", sdf_of(butanol, "butanol") + sdf_of(water, "water"))
    assert formula(app) == ["C₄H₁₀O"]
    app.selectbox(key="upload_record").select_index(1).run()
    assert not app.exception
    assert formula(app) == ["H₂O"]
    assert app.text[0].value == "water"


def test_bad_record_is_named_and_the_others_are_read(app, butanol):
    water = search(Molecule.from_smiles("O"), 1).molecule
    broken = sdf_of(water, "broken").replace(" O ", " Xq ", 1)
    upload(app, "two.sdf", broken + sdf_of(butanol, "butanol"))
    assert not app.exception
    assert formula(app) == ["C₄H₁₀O"]
    assert "ecord 1" in app.error[0].value


@pytest.mark.parametrize(("name", "text", "words"), BAD_FILES)
def test_bad_file_is_a_sentence(app, name, text, words):
    upload(app, name, text)
    assert not app.exception
    (error,) = app.error
    assert words in error.value.replace("\\", "")
    assert formula(app) == []


def test_title_of_an_upload_is_plain_text_everywhere(app, butanol):
    title = "</script><img src=x onerror=alert(1)> ![x](http://example.org/x.png)"
    upload(app, "a](b)<b>.sdf", sdf_of(butanol, title))
    assert not app.exception
    assert app.text[0].value == title
    shown = [*app.markdown, *app.caption, *app.success, *app.header, *app.subheader]
    assert not any("<img" in element.value and "\\<img" not in element.value for element in shown)
    drawn = [element.proto for element in app.main if getattr(element.proto, "component_name", "") == "structure"]
    assert len(drawn) == 1
    assert "onerror=alert" not in json.dumps(str(drawn[0]))


def test_uploaded_suffixes_are_all_read():
    from virialff.io.read import FORMATS

    assert set(UPLOAD_TYPES) <= set(FORMATS)


def test_relations_are_kept_apart(app):
    enter_smiles(app, "CCCO")
    open_tab(app, "Lennard-Jones")
    control = next(group for group in app.button_group if group.key.startswith("relation_"))
    assert list(control.options) == ["1-3", "1-4", "further"]
    control.set_value("1-3").run()
    assert not app.exception
    pairs = load_model().force_field(Molecule.from_smiles("CCCO")).pairs
    count = int((pairs["relation"] == "1-3").sum())
    assert any(f"{count} pairs" in caption.value for caption in app.caption)


def test_pair_of_the_same_atom_is_refused(app):
    enter_smiles(app, "CCO")
    open_tab(app, "Atom pair")
    first = next(box for box in app.selectbox if box.label == "First atom")
    second = next(box for box in app.selectbox if box.label == "Second atom")
    second.set_value(first.value).run()
    assert not app.exception
    assert any("two different atoms" in info.value for info in app.info)


def test_single_bonded_molecule_has_no_distributions(app):
    enter_smiles(app, "[H][H]")
    open_tab(app, "Lennard-Jones")
    assert not app.exception
    assert any("no non-bonded pairs" in info.value for info in app.info)


def test_card_is_shown_in_words(app):
    app.run()
    found = trust(load_model().card)
    shown = " ".join(element.value.replace("\\", "") for element in app.markdown)
    for words in (found.trained_for, found.beside, found.not_for):
        assert words in shown
