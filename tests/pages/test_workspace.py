"""The frame of the pages of My molecule: one line of input, the header, and the geometry that all views obey."""

import numpy as np
import pytest
from rdkit import Chem
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import enter_smiles, finish, open_tab, upload
from tests.pages.test_force_field import sdf_of
from virialff.conformers.display import display_geometry
from virialff.conformers.generation import search
from virialff.conformers.relax import relax
from virialff.engines.xtb import Gfn2Engine
from virialff.molecules.molecule import Molecule


def captions(app: AppTest) -> str:
    return " ".join(caption.value.replace("\\", "") for caption in app.caption)


def distance(app: AppTest) -> float:
    return float(next(m.value for m in app.metric if m.label == "distance").split()[0])


def relax_by(app: AppTest, name: str) -> AppTest:
    app.button(key=f"relax_shown_by_{name}").click().run()
    return finish(app)


@pytest.mark.parametrize(
    ("typed", "formula", "title"),
    [("InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3", "C₂H₆O", ""), ("Aspirin", "C₉H₈O₄", "aspirin"), ("OCC", "C₂H₆O", "")],
)
def test_one_line_takes_smiles_inchi_and_names(app, typed, formula, title):
    enter_smiles(app, typed)
    assert not app.exception
    assert [header.value for header in app.header] == [formula]
    assert [text.value for text in app.text] == ([title] if title else [])
    assert app.session_state["input_way"] is None


def test_a_wrong_inchi_is_a_sentence_and_stays(app):
    enter_smiles(app, "InChI=1S/CH3/h1H3")
    (error,) = app.error
    assert "unpaired electrons" in error.value
    assert app.text_input(key="smiles_text").value == "InChI=1S/CH3/h1H3"


def test_a_relaxed_geometry_is_what_all_views_show_and_the_link_makes_it_again(app):
    enter_smiles(app, "CO")
    open_tab(app, "Atom pair")
    assert "made for display" in captions(app)
    before = distance(app)
    relax_by(app, "gfn2")
    assert not app.exception
    box = next(entry for entry in app.selectbox if entry.label == "Geometry")
    assert box.options == ["Made for display", "Relaxed by GFN2-xTB"]
    assert box.value == "Relaxed by GFN2-xTB"
    assert "relaxed by GFN2-xTB from ETKDG" in captions(app)
    molecule = Molecule.from_smiles("CO")
    start = display_geometry(molecule).positions
    expected = relax(molecule, Gfn2Engine(), start).conformers[0].positions
    i, j = (
        next(entry for entry in app.selectbox if entry.label.startswith(name)).value for name in ("First", "Second")
    )
    assert before == pytest.approx(np.linalg.norm(start[i] - start[j]), abs=6e-4)
    assert distance(app) == pytest.approx(np.linalg.norm(expected[i] - expected[j]), abs=6e-4)
    assert app.query_params["geometry"] == "gfn2"

    other = AppTest.from_file(app._script_path, default_timeout=120)
    for name, value in app.query_params.items():
        other.query_params[name] = value
    finish(open_tab(other, "Atom pair"))
    assert not other.exception
    assert distance(other) == distance(app)
    box.set_value("Made for display").run()
    assert distance(app) == before
    assert "geometry" not in app.query_params


def test_conformers_as_given_come_first_and_can_be_relaxed(app):
    molecule = search(Molecule.from_smiles("CCCO"), 3).molecule
    upload(app, "propanol.sdf", sdf_of(molecule))
    app.number_input(key=next(n.key for n in app.number_input if n.label.startswith("Conformer"))).set_value(2).run()
    relax_by(app, "model")
    assert not app.exception
    assert "from conformer 2 of" in captions(app)
    assert "geometry" not in app.query_params  # a link has no coordinates to start from


def test_a_geometry_that_is_not_here_is_said(app):
    app.query_params["smiles"] = "CO"
    app.query_params["geometry"] = "elsewhere](http://example.org)"
    app.run()
    assert not app.exception
    warned = " ".join(warning.value for warning in app.warning)
    assert "says of geometry cannot be used" in warned
    assert "example" not in warned


def test_the_column_of_a_table_is_chosen_and_hydrogens_are_placed_on_request(app):
    upload(app, "drugs.csv", "id,drug,structure\n1,ethanol,CCO\n2,water,O\n")
    (error,) = app.error
    assert "choose it" in error.value
    app.selectbox(key="csv_column").set_value("structure").run()
    assert not app.exception
    assert not app.error
    assert [header.value for header in app.header] == ["C₂H₆O"]
    heavy = Chem.MolToMolBlock(Chem.RemoveHs(search(Molecule.from_smiles("CO"), 1).molecule.to_rdkit()))
    upload(app, "heavy.sdf", heavy + "$$$$\n")
    assert "lacks" in app.error[0].value
    app.toggle(key="complete_geometries").set_value(True).run()
    assert [header.value for header in app.header] == ["CH₄O"]
    assert any("4 hydrogens missing in its geometry were placed" in info.value.replace("\\", "") for info in app.info)
