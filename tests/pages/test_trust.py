"""The mark beside a result: what training covered of a molecule, or of two of its atoms."""

import pytest

from pages.components.widgets.trust import Level, trust_of
from tests.pages.conftest import enter_smiles
from tests.pages.test_confidence import ensemble_app
from virialff import load_model
from virialff.models import registry
from virialff.models.registry import load_model as load
from virialff.molecules.molecule import Molecule

__all__ = ["ensemble_app"]


@pytest.fixture
def model(ensemble_app):
    """It knows H(-C), C of methyl, C(-C,-H,-H,-O) in 3 molecules, O(-C,-H) and H(-O)."""
    return load(registry.find("mine").folder)


def test_levels_by_what_was_in_training(model):
    ethanol = Molecule.from_smiles("OCC")
    assert trust_of(model, Molecule.from_smiles("CC")).level is Level.TRAINED
    stretched = trust_of(model, ethanol)
    assert (stretched.level, "C2 (in 3)" in stretched.reason) == (Level.STRETCHED, True)
    outside = trust_of(model, Molecule.from_smiles("CN"))
    assert (outside.level, "none" in outside.reason) == (Level.OUTSIDE, True)
    # Of two atoms: what is rare elsewhere says nothing of them.
    assert trust_of(model, ethanol, (0, 2)).level is Level.TRAINED
    assert trust_of(model, ethanol, (1, 2)).level is Level.STRETCHED


def test_the_model_that_ships_was_trained_for_ethanol_and_not_for_cubane():
    shipped = load_model()
    assert trust_of(shipped, Molecule.from_smiles("CCO")).level is Level.TRAINED
    cubane = trust_of(shipped, Molecule.from_smiles("C12C3C4C1C5C2C3C45"))
    assert cubane.level in (Level.STRETCHED, Level.OUTSIDE)
    assert cubane.reason.endswith(".")


@pytest.mark.parametrize("drawn", ["[NH3+]CC(=O)[O-]", "[NH3+]CCC(=O)[O-]", "[NH3+]CCS(=O)(=O)[O-]"])
def test_a_zwitterion_is_outside_and_its_neutral_form_is_named(drawn):
    zwitterion = Molecule.from_smiles(drawn)
    trust = trust_of(load_model(), zwitterion)
    neutral = Molecule.from_smiles(drawn.replace("[NH3+]", "N").replace("[O-]", "O")).smiles
    assert trust.level is Level.OUTSIDE
    assert trust.reason.startswith("It is drawn as a zwitterion.")
    assert f"draw {neutral}." in trust.reason
    assert "zwitterion" not in trust_of(load_model(), Molecule.from_smiles(neutral)).reason
    # Of the two hydrogens of its carbon nothing of that is said.
    carbon = [atom for atom, symbol in enumerate(zwitterion.symbols) if symbol == "C"]
    assert "zwitterion" not in trust_of(load_model(), zwitterion, carbon[:1]).reason


def test_the_page_shows_the_mark_of_molecule_and_pair(ensemble_app):
    app = enter_smiles(ensemble_app, "CC")
    assert any("trained for this" in text.value for text in app.markdown)
    enter_smiles(app, "OCC")
    mark = next(text.value for text in app.markdown if "-badge[" in text.value)
    assert mark.startswith(":orange-badge[:material/warning: stretched]")
    assert "atom C2" in mark


def test_charges_of_other_schemes_stand_beside_the_models(app):
    enter_smiles(app, "CO")
    table = next(frame.value for frame in app.dataframe if "charge (e)" in frame.value)
    assert table["Gasteiger (e)"].sum() == pytest.approx(0.0, abs=1e-6)
    assert "GFN2-xTB (e)" not in table
