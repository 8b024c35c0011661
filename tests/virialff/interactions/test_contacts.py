"""Contacts of complexes whose hydrogen and halogen bonds are known."""

import numpy as np
import pytest

from virialff.conformers.generation import generate
from virialff.errors import ShapeError
from virialff.interactions.approach import Contact, bring_together
from virialff.interactions.contacts import CLOSE, HALOGEN_BOND, HYDROGEN_BOND, WEAK, find_contacts
from virialff.molecules.molecule import Molecule


def made(smiles: str) -> Molecule:
    return generate(Molecule.from_smiles(smiles), n_conformers=1, seed=1)


def together(first: str, second: str, i: int, j: int, distance: float) -> Molecule:
    return bring_together(made(first), made(second), Contact(i, j, distance))


def contacts(complex_: Molecule):
    return find_contacts(complex_, complex_.positions[0])


def test_a_hydrogen_bond_with_its_distance_and_angle():
    complex_ = together("O", "O", 1, 0, 1.95)  # H of the first to O of the second
    (row,) = contacts(complex_).itertuples(index=False)
    assert (row.i, row.j, row.kind) == (1, 3, HYDROGEN_BOND)
    assert row.distance == pytest.approx(1.95)
    assert row.angle == pytest.approx(180.0, abs=1.0)
    assert row.inside == pytest.approx(1.1 + 1.52 - 1.95, abs=1e-6)


def test_the_hydrogen_comes_first_whichever_molecule_has_it():
    complex_ = together("O", "O", 0, 1, 1.95)
    (row,) = contacts(complex_).itertuples(index=False)
    assert (row.i, row.j, row.kind) == (4, 0, HYDROGEN_BOND)


@pytest.mark.parametrize(
    ("first", "second", "i", "distance", "kind"),
    [("CBr", "N", 1, 3.0, HALOGEN_BOND), ("CCl", "O", 1, 3.0, HALOGEN_BOND), ("C", "O", 1, 2.4, WEAK)],
)
def test_halogens_and_hydrogens_of_carbon(first, second, i, distance, kind):
    table = contacts(together(first, second, i, 0, distance))
    assert table["kind"].iloc[0] == kind
    assert table["angle"].iloc[0] > 170


def test_a_hydrogen_that_points_elsewhere_is_only_close():
    water = made("O")
    # The oxygen of the second lies beside the O-H bond of the first, at right angles to it.
    oxygen, hydrogen = water.positions[0][:2]
    across = np.cross(hydrogen - oxygen, [0.3, 0.1, 1.0])
    shift = hydrogen + 2.2 * across / np.linalg.norm(across)
    away = water.positions[0] - water.positions[0][0]
    direction = away[1:].sum(axis=0)
    turned = away if direction @ across > 0 else -away
    complex_ = Molecule.join(water, water.with_positions(turned + shift))
    table = contacts(complex_)
    assert HYDROGEN_BOND not in set(table[(table["i"] == 1) | (table["j"] == 1)]["kind"])
    assert CLOSE in set(table["kind"])


def test_far_apart_and_alone_there_is_none():
    assert contacts(together("O", "O", 1, 0, 6.0)).empty
    assert contacts(made("CCO")).empty
    with pytest.raises(ShapeError, match="expected"):
        find_contacts(made("O"), np.zeros((2, 3)))
