"""Löwdin charges; virial descriptors sum to the kinetic energy, and belong to the atoms and not to the axes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from virialff.engines.density import (
    VirialDescriptors,
    kinetic_energy_matrix,
    lowdin_charges,
    virial_descriptors,
    virial_ratio,
)
from virialff.engines.dft import ElectronicStructure
from virialff.engines.pyscf import PyscfEngine
from virialff.errors import ShapeError

_D = 1.09 / np.sqrt(3.0)
METHANE = np.array([[0, 0, 0], [_D, _D, _D], [_D, -_D, -_D], [-_D, _D, -_D], [-_D, -_D, _D]])
NUMBERS = [6, 1, 1, 1, 1]
BONDS = [(0, 1), (0, 2), (3, 0), (0, 4)]
#: What the integration grid leaves of the symmetry, Eh.
GRID = 2e-5


def descriptors(result: ElectronicStructure) -> VirialDescriptors:
    return virial_descriptors(result.density, result.kinetic, result.ao_atoms, BONDS, 5)


@pytest.fixture(scope="module")
def methane() -> Iterator[list[ElectronicStructure]]:
    """Methane in two orientations."""
    engine = PyscfEngine()
    rotation = Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix()
    yield [engine.electronic_structure(NUMBERS, positions) for positions in (METHANE, METHANE @ rotation.T)]
    engine.close()


def test_atoms_bonds_and_the_rest_sum_to_the_kinetic_energy(methane):
    for result in methane:
        parts = descriptors(result)
        trace = float(np.trace(result.density @ result.kinetic))
        assert parts.kinetic_energy == pytest.approx(trace, abs=1e-8)
        assert parts.atoms.sum() + parts.bonds.sum() + parts.nonbonded == pytest.approx(trace, abs=1e-8)
        # The six pairs of hydrogens are not bonded, and count.
        assert 1e-3 < abs(parts.nonbonded) < 0.5


def test_equivalent_atoms_and_bonds_have_equal_terms(methane):
    for result in methane:
        parts = descriptors(result)
        assert np.ptp(parts.atoms[1:]) < GRID
        assert np.ptp(parts.bonds) < GRID
        assert parts.atoms[0] > 30 * parts.atoms[1] > 0


def test_nothing_depends_on_the_orientation(methane):
    upright, turned = (descriptors(result) for result in methane)
    np.testing.assert_allclose(turned.atoms, upright.atoms, atol=GRID)
    np.testing.assert_allclose(turned.bonds, upright.bonds, atol=GRID)
    assert turned.nonbonded == pytest.approx(upright.nonbonded, abs=GRID)
    assert methane[1].energy == pytest.approx(methane[0].energy, abs=GRID)


def test_the_virial_ratio_is_near_one(methane):
    ratio = virial_ratio(methane[0].energy, methane[0].kinetic_energy)
    assert 1.005 < ratio < 1.02
    assert ratio == -methane[0].energy / methane[0].kinetic_energy
    with pytest.raises(ValueError, match="positive"):
        virial_ratio(-1.0, 0.0)


def test_terms_are_the_sums_of_the_equations():
    """Eq. 11 and 12 written out, for functions in no order and a D that is not symmetric."""
    rng = np.random.default_rng(7)
    owners = np.array([2, 0, 1, 1, 0, 2, 2])
    density, kinetic = rng.normal(size=(2, 7, 7))
    terms = np.zeros((3, 3))
    for mu in range(7):
        for nu in range(7):
            terms[owners[mu], owners[nu]] += density[mu, nu] * kinetic[mu, nu]
    parts = virial_descriptors(density, kinetic, owners, [(2, 1)], 3)
    np.testing.assert_allclose(parts.atoms, np.diagonal(terms), atol=1e-12)
    np.testing.assert_allclose(parts.bonds, [terms[1, 2] + terms[2, 1]], atol=1e-12)
    assert parts.nonbonded == pytest.approx(terms[0, 1] + terms[1, 0] + terms[0, 2] + terms[2, 0], abs=1e-12)
    matrix = kinetic_energy_matrix(density, kinetic, owners, 3)
    assert matrix.sum() == pytest.approx(np.sum(density * kinetic), abs=1e-12)
    np.testing.assert_array_equal(matrix, matrix.T)


def test_atoms_without_functions_and_molecules_without_bonds_are_fine():
    parts = virial_descriptors(np.eye(2), np.diag([0.5, 0.25]), [0, 0], [], 2)
    np.testing.assert_array_equal(parts.atoms, [0.75, 0.0])
    assert parts.bonds.shape == (0,)
    assert parts.nonbonded == 0.0


def test_arrays_that_do_not_fit_are_refused():
    square = np.eye(4)
    owners = [0, 0, 1, 1]
    with pytest.raises(ShapeError, match=r"shapes \(4, 4\), \(3, 3\) and \(4,\), expected"):
        virial_descriptors(square, np.eye(3), owners, [(0, 1)], 2)
    with pytest.raises(ShapeError, match=r"and \(3,\), expected"):
        virial_descriptors(square, square, owners[:3], [(0, 1)], 2)
    with pytest.raises(ShapeError, match="names atoms 0 to 1 of 1"):
        virial_descriptors(square, square, owners, [], 1)
    with pytest.raises(ShapeError, match="to itself or names an atom beyond the 2"):
        virial_descriptors(square, square, owners, [(0, 2)], 2)
    with pytest.raises(ShapeError, match="to itself"):
        virial_descriptors(square, square, owners, [(1, 1)], 2)
    with pytest.raises(ShapeError, match="given twice"):
        virial_descriptors(square, square, owners, [(0, 1), (1, 0)], 2)
    with pytest.raises(ShapeError, match=r"bonds have shape \(1, 3\)"):
        virial_descriptors(square, square, owners, [(0, 1, 1)], 2)


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
