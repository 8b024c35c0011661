"""Charges by Gasteiger, GFN2-xTB and DFT, held against what the programs say themselves."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from virialff.conformers.display import display_geometry
from virialff.engines.density import lowdin_charges
from virialff.engines.pyscf import PyscfEngine
from virialff.engines.xtb import single_point
from virialff.errors import EngineError
from virialff.methods.charge_schemes import charges_by
from virialff.molecules.molecule import Molecule
from virialff.parameters.dipole import point_charge_dipole


def test_gasteiger_charges_are_those_of_rdkit_in_our_order():
    molecule = Molecule.from_smiles("CC(=O)Oc1ccccc1C(=O)O")
    mol = Chem.AddHs(Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)O"))
    AllChem.ComputeGasteigerCharges(mol)
    expected = [float(atom.GetProp("_GasteigerCharge")) for atom in mol.GetAtoms()]
    found = charges_by("gasteiger", molecule)
    np.testing.assert_allclose(found.values, expected, atol=1e-9)
    assert found.dipole is None


def test_gfn2_charges_and_dipole_are_of_the_geometry():
    molecule = Molecule.from_smiles("CO")
    positions = display_geometry(molecule).positions
    found = charges_by("gfn2", molecule, positions)
    expected = single_point(molecule.numbers, positions)
    np.testing.assert_allclose(found.values, expected.charges, atol=1e-9)
    assert found.dipole is not None
    np.testing.assert_allclose(found.dipole, np.asarray(expected.dipole), atol=1e-9)
    assert found.values.sum() == pytest.approx(0.0, abs=1e-6)
    stretched = positions + 0.2 * (molecule.numbers == 8)[:, None]
    assert np.abs(charges_by("gfn2", molecule, stretched).values - found.values).max() > 1e-3


def test_dft_charges_are_loewdin_charges():
    engine = PyscfEngine()
    if (reason := engine.available()) is not None:
        pytest.skip(reason)
    molecule = Molecule.from_smiles("O")
    positions = display_geometry(molecule).positions
    found = charges_by("dft", molecule, positions)
    result = engine.electronic_structure(molecule.numbers, positions)
    engine.close()
    expected = lowdin_charges(result.density, result.overlap, result.ao_atoms, result.numbers)
    np.testing.assert_allclose(found.values, expected, atol=1e-4)
    assert found.dipole is not None
    # A real dipole of water, debye, on the axis of the molecule as that of the charges is.
    ours = point_charge_dipole(found.values, positions).vector
    assert np.linalg.norm(found.dipole) * 4.803 == pytest.approx(1.95, abs=0.25)
    assert ours @ found.dipole / (np.linalg.norm(ours) * np.linalg.norm(found.dipole)) > 0.999


def test_what_is_not_there_is_a_sentence():
    with pytest.raises(EngineError, match="no charges called 'resp'"):
        charges_by("resp", Molecule.from_smiles("O"), np.zeros((3, 3)))
    water = Molecule.from_smiles("O")
    twice = np.repeat(display_geometry(water).positions[None], 2, axis=0)
    with pytest.raises(EngineError, match="one geometry, got 2"):
        charges_by("gfn2", water, twice)
