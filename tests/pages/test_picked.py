"""Picked atoms: kept for each structure, followed by the tables and the pair, and set by them."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolTransforms
from streamlit.testing.v1 import AppTest

from pages.components.widgets.picked import measured
from pages.components.widgets.structure import _flat, _spatial
from tests.pages.conftest import enter_smiles, open_tab
from virialff.conformers.display import display_geometry
from virialff.figures.depiction import structure_drawing
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule

SMILES = "CC(=O)OCC"


def structure_key() -> str:
    return keys.structure_key(Molecule.from_smiles(SMILES))


def picks(app: AppTest) -> tuple[int, ...]:
    return app.session_state["picked_atoms"].get(structure_key(), ())


def pick(app: AppTest, *atoms: int) -> AppTest:
    """What a click in the structure does; the tests in a browser click."""
    app.session_state["picked_atoms"] = {structure_key(): atoms}
    return app.run()


def box(app: AppTest, label: str):
    return next(element for element in app.selectbox if element.label == label)


def rows(app: AppTest) -> list[int]:
    return sorted(app.session_state[f"charge_rows_{structure_key()}"]["selection"]["rows"])


def test_table_and_pair_follow_what_is_picked(app):
    enter_smiles(app, SMILES)
    pick(app, 4, 2)
    assert not app.exception
    assert rows(app) == [2, 4]
    assert app.query_params["pair"] == "5-3"
    open_tab(app, "Atom pair")
    assert (box(app, "First atom").value, box(app, "Second atom").value) == (4, 2)
    open_tab(app, "Charges")
    assert app.query_params["pair"] == "5-3"
    assert any("distance C5–O3" in text.value.replace("\\", "") for text in app.markdown)
    next(button for button in app.button if button.label == "Unpick").click().run()
    assert picks(app) == ()
    assert rows(app) == []


def test_a_pair_that_is_chosen_is_picked(app):
    enter_smiles(app, SMILES)
    open_tab(app, "Atom pair")
    assert "pair" not in app.query_params
    box(app, "First atom").set_value(5).run()
    box(app, "Second atom").set_value(1).run()
    assert picks(app) == (5, 1)
    open_tab(app, "Charges")
    assert rows(app) == [1, 5]
    other = AppTest.from_file(app._script_path, default_timeout=120)
    for name, value in app.query_params.items():
        other.query_params[name] = value
    other.run()
    assert not other.exception
    assert picks(other) == (5, 1)


def test_picks_are_those_of_their_structure(app):
    enter_smiles(app, SMILES)
    pick(app, 4, 2)
    enter_smiles(app, "CCO")
    assert not any(text.value.startswith("Picked") for text in app.markdown)
    enter_smiles(app, SMILES)
    assert any(text.value.startswith("Picked") for text in app.markdown)


def test_what_the_picked_atoms_measure_is_what_rdkit_says():
    molecule = Molecule.from_smiles(SMILES)
    positions = display_geometry(molecule).positions
    conformer = molecule.with_positions(positions[None]).to_rdkit().GetConformer()
    assert measured(molecule, positions, (2,)) == "O3"
    assert measured(molecule, positions, (1, 4)) == (
        f"distance C2–C5: {rdMolTransforms.GetBondLength(conformer, 1, 4):.3f} Å"
    )
    assert measured(molecule, positions, (0, 1, 2)) == (
        f"angle C1–C2–O3: {rdMolTransforms.GetAngleDeg(conformer, 0, 1, 2):.1f}°"
    )
    for atoms in ((0, 1, 3, 4), (1, 3, 4, 5), (3, 4, 5, 12)):
        shown = measured(molecule, positions, atoms).partition(": ")[2].rstrip("°").replace("−", "-")
        assert float(shown) == pytest.approx(rdMolTransforms.GetDihedralDeg(conformer, *atoms), abs=0.051)


def test_the_browser_gets_numbers_and_symbols_only():
    hostile = "<img src=x onerror=alert(1)>"
    molecule = Molecule.from_smiles(f"Cc1ccccc1O {hostile}")
    positions = display_geometry(molecule).positions
    spatial = _spatial(molecule, positions, None, (), None)
    assert {atom["elem"] for atom in spatial["atoms"]} == {"C", "O", "H"}
    assert all(order in (1.0, 2.0) for atom in spatial["atoms"] for order in atom["bondOrder"])
    bonds = {tuple(sorted((a, b))) for a, atom in enumerate(spatial["atoms"]) for b in atom["bonds"]}
    assert bonds == {tuple(sorted(pair)) for pair in molecule.bonds.tolist()}
    drawn = np.array([[atom[axis] for axis in "xyz"] for atom in spatial["atoms"]])
    between = np.linalg.norm(drawn[:, None] - drawn[None], axis=-1)
    np.testing.assert_allclose(between, np.linalg.norm(positions[:, None] - positions[None], axis=-1), atol=1e-3)
    flat = _flat(molecule, structure_drawing(molecule, hydrogens=False, height=300))
    assert hostile not in str(flat)
    assert [place[0] for place in flat["places"]] == list(range(8))
    assert all(set(bond) <= set(range(8)) for bond in flat["bonds"])
    assert len(flat["bonds"]) == sum(bool((bond < 8).all()) for bond in molecule.bonds)
    heavy = Chem.RemoveHs(molecule.to_rdkit())
    assert heavy.GetNumAtoms() == 8
