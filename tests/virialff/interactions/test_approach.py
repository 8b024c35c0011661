"""Two molecules put together at a contact."""

import numpy as np
import pytest

from virialff import load_model
from virialff.conformers.generation import generate
from virialff.errors import MissingCoordinatesError, OverlappingAtomsError
from virialff.interactions.approach import Contact, bring_together, outward, suggest_contact
from virialff.molecules.molecule import Molecule


@pytest.fixture(scope="module")
def water() -> Molecule:
    return generate(Molecule.from_smiles("O"), 1)


@pytest.fixture(scope="module")
def acetone() -> Molecule:
    return generate(Molecule.from_smiles("CC(=O)C"), 1)


def distances(positions):
    return np.linalg.norm(positions[:, None] - positions[None], axis=-1)


def test_the_contact_has_its_distance_and_both_keep_their_shape(water, acetone):
    complex_ = bring_together(water, acetone, Contact(1, 2, 1.95))
    assert complex_.n_fragments == 2
    positions = complex_.positions[0]
    assert np.linalg.norm(positions[1] - positions[3 + 2]) == pytest.approx(1.95, abs=1e-6)
    np.testing.assert_allclose(positions[:3], water.positions[0])
    np.testing.assert_allclose(distances(positions[3:]), distances(acetone.positions[0]), atol=1e-8)
    between = np.linalg.norm(positions[:3, None] - positions[None, 3:], axis=-1)
    assert between.min() == pytest.approx(1.95, abs=1e-6)


def test_the_second_molecule_is_not_mirrored(water):
    chiral = generate(Molecule.from_smiles("C[C@H](O)F"), 1)
    placed = bring_together(water, chiral, Contact(0, 2, 3.0), turn=70.0).positions[0, 3:]

    def handedness(positions):
        return np.sign(np.linalg.det(positions[1:4] - positions[0]))

    assert handedness(placed) == handedness(chiral.positions[0])


def test_atoms_face_each_other(water):
    placed = bring_together(water, water, Contact(1, 0, 1.95))
    first, second = (placed.fragment(k) for k in (0, 1))
    assert outward(first, 1) @ outward(second, 0) == pytest.approx(-1.0, abs=1e-6)


def test_turn_moves_the_second_about_the_line_alone(water, acetone):
    contact = Contact(1, 2, 1.95)
    one, other = (bring_together(water, acetone, contact, turn=turn).positions[0] for turn in (0.0, 90.0))
    np.testing.assert_allclose(one[5], other[5], atol=1e-9)
    assert np.abs(one - other).max() > 0.5


def test_suggestion_is_a_hydrogen_bond_of_the_two(water, acetone):
    model = load_model()
    charges = [model.force_field(molecule).charges for molecule in (water, acetone)]
    contact = suggest_contact(water, acetone, *charges)
    assert water.numbers[contact.first] == 1
    assert acetone.numbers[contact.second] == 8
    assert 1.8 < contact.distance < 2.2


def test_what_cannot_be_placed(water, acetone):
    with pytest.raises(MissingCoordinatesError, match="second molecule has 0 conformers"):
        bring_together(water, Molecule.from_smiles("O"), Contact(0, 0, 3.0))
    with pytest.raises(OverlappingAtomsError):
        bring_together(acetone, acetone, Contact(2, 2, 0.05))
