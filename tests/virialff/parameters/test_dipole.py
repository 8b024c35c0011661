"""Dipole moments of point charges."""

import numpy as np
import pytest

from virialff import load_model
from virialff.conformers.generation import generate
from virialff.errors import ShapeError
from virialff.molecules.molecule import Molecule
from virialff.parameters.dipole import point_charge_dipole


def test_two_charges_point_from_negative_to_positive():
    dipole = point_charge_dipole([-0.5, 0.5], [[0.0, 0, 0], [0, 0, 2.0]])
    np.testing.assert_allclose(dipole.vector, [0, 0, 1.0])
    assert dipole.debye == pytest.approx(4.803204713)
    assert dipole.total_charge == 0


def test_neutral_charges_do_not_feel_where_they_are():
    water = generate(Molecule.from_smiles("O"), 1)
    charges = load_model().force_field(water).charges
    here, there = (point_charge_dipole(charges, water.positions[0] + shift) for shift in (0.0, 50.0))
    np.testing.assert_allclose(here.vector, there.vector, atol=1e-5)
    # The dipole of water lies on its axis, from oxygen to the hydrogens.
    axis = water.positions[0, 1:].mean(axis=0) - water.positions[0, 0]
    assert here.vector @ axis / np.linalg.norm(axis) / here.magnitude == pytest.approx(1.0, abs=1e-3)


def test_methane_has_none():
    methane = generate(Molecule.from_smiles("C"), 1)
    assert point_charge_dipole(load_model().force_field(methane).charges, methane.positions[0]).debye < 0.01


def test_wrong_shapes():
    with pytest.raises(ShapeError, match="expected"):
        point_charge_dipole([0.1, -0.1], np.zeros((3, 3)))
