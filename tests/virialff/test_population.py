import numpy as np
import pytest

from virialff.engines.pyscf import PyscfEngine
from virialff.errors import ShapeError
from virialff.population import lowdin_charges


@pytest.fixture(scope="module")
def water():
    engine = PyscfEngine()
    positions = [[0.0, 0.0, 0.117], [0.0, 0.757, -0.469], [0.0, -0.757, -0.469]]
    yield engine.electronic_structure([8, 1, 1], positions)
    engine.close()


def test_charges_of_water(water):
    charges = lowdin_charges(water.density, water.overlap, water.ao_atoms, water.numbers)
    assert charges.sum() == pytest.approx(0.0, abs=1e-8)
    assert charges[1] == pytest.approx(charges[2], abs=1e-5)
    assert -0.6 < charges[0] < -0.1


def test_charges_do_not_change_with_the_basis_turned_within_an_atom(water):
    """Löwdin charges are invariant to rotations among the functions of one atom."""
    generator = np.random.default_rng(5)
    turn = np.zeros_like(water.density)
    for atom in range(3):
        mine = np.flatnonzero(water.ao_atoms == atom)
        turn[np.ix_(mine, mine)] = np.linalg.qr(generator.normal(size=(len(mine), len(mine))))[0]
    turned = lowdin_charges(turn.T @ water.density @ turn, turn.T @ water.overlap @ turn, water.ao_atoms, [8, 1, 1])
    plain = lowdin_charges(water.density, water.overlap, water.ao_atoms, [8, 1, 1])
    np.testing.assert_allclose(turned, plain, atol=1e-10)


@pytest.mark.parametrize(
    ("overlap", "owners", "words"),
    [(np.eye(3), [0, 0], "have shapes"), (np.eye(2), [0, 4], "names atoms 0 to 4 of 1")],
)
def test_arrays_that_do_not_fit(overlap, owners, words):
    with pytest.raises(ShapeError, match=words):
        lowdin_charges(np.eye(2), overlap, owners, [1.0])
