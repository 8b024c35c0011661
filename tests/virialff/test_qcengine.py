"""The harness of QCEngine: QCSchema in, energies and gradients in Eh and bohr out, and what it refuses."""

from __future__ import annotations

import re

import numpy as np
import pytest
import qcengine
from qcelemental.models.v2 import Molecule as Schema

from virialff import load_model
from virialff.conformers.generation import generate
from virialff.molecules.molecule import Molecule
from virialff.parameters.dipole import point_charge_dipole
from virialff.qcengine import register
from virialff.units import BOHR_IN_ANGSTROM, HARTREE_IN_KCAL_MOL


@pytest.fixture(scope="module")
def ethanol():
    register()
    register()
    return generate(Molecule.from_smiles("CCO"), 1, seed=1)


def schema(molecule: Molecule, **settings) -> Schema:
    return Schema(symbols=list(molecule.symbols), geometry=molecule.positions[0] / BOHR_IN_ANGSTROM, **settings)


def computed(molecule: Schema, driver: str, method: str = "default"):
    given = {"molecule": molecule, "specification": {"driver": driver, "model": {"method": method}}}
    return qcengine.compute(given, "virialff", return_version=2)


def bonds_of(molecule: Molecule) -> list[tuple[int, int, float]]:
    return [(int(i), int(j), float(order)) for (i, j), order in zip(molecule.bonds, molecule.orders, strict=True)]


@pytest.mark.parametrize("with_bonds", [True, False])
def test_energy_and_gradient(ethanol, with_bonds):
    given = schema(ethanol, connectivity=bonds_of(ethanol) if with_bonds else None)
    force_field = load_model().force_field(ethanol)
    energy, forces = force_field.energy_and_forces(ethanol.positions[0])
    result = computed(given, "energy")
    assert result.success
    assert result.return_result * HARTREE_IN_KCAL_MOL == pytest.approx(float(energy), abs=1e-5)
    assert result.provenance.creator == "virialff"
    np.testing.assert_allclose(result.extras["virialff"]["charges"], force_field.charges)
    gradient = computed(given, "gradient")
    assert gradient.properties.return_energy == result.return_result
    expected = -forces * BOHR_IN_ANGSTROM / HARTREE_IN_KCAL_MOL
    np.testing.assert_allclose(gradient.return_result, expected, atol=1e-7)


def test_properties(ethanol):
    result = computed(schema(ethanol), "properties")
    charges = load_model().force_field(ethanol).charges
    np.testing.assert_allclose(result.return_result["charges"], charges)
    dipole = point_charge_dipole(charges, ethanol.positions[0]).vector
    np.testing.assert_allclose(np.array(result.return_result["dipole"]) * BOHR_IN_ANGSTROM, dipole, atol=1e-6)


def test_what_is_not_treated_is_said(ethanol):
    charged = schema(ethanol, molecular_charge=1, molecular_multiplicity=2)
    no_hydrogen = schema(ethanol, real=[True] * 7 + [False] * 2)
    for given, driver, method, words in (
        (charged, "energy", "default", r"the charge \+1 and the multiplicity 2"),
        (no_hydrogen, "energy", "default", "ghost atoms"),
        (schema(ethanol), "energy", "no such model", "no such model"),
        (schema(ethanol), "hessian", "default", "'hessian' is not one of energy, gradient, properties"),
    ):
        result = computed(given, driver, method)
        assert not result.success
        assert result.error.error_type == "input_error"
        assert re.search(words, result.error.error_message)
