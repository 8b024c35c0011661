"""Bonds from coordinates: molecules, complexes, and what does not fit."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from virialff.benchmarks.psi4_databases import read_database
from virialff.errors import MissingHydrogensError, NetChargeError, RadicalError, ValenceError
from virialff.molecules.molecule import Molecule
from virialff.molecules.perception import bonded_pairs, perceive

WATER = np.array([[0.0, 0.0, 0.0], [0.0, 0.757, 0.587], [0.0, -0.757, 0.587]])
ALLYL = np.array(
    [
        [0.0, 0.44, 0.0],
        [1.22, -0.22, 0.0],
        [-1.22, -0.22, 0.0],
        [0.0, 1.53, 0.0],
        [1.28, -1.30, 0.0],
        [2.15, 0.33, 0.0],
        [-1.28, -1.30, 0.0],
        [-2.15, 0.33, 0.0],
    ]
)
SQUARE = np.array([[1.0, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]])
TETRAHEDRON = np.array([[1.0, 1, 1], [-1, -1, 1], [1, -1, -1], [-1, 1, -1]]) / np.sqrt(3)


def embedded(smiles):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=3)
    return Molecule.from_rdkit(mol)


def test_water_dimer_at_hydrogen_bond_distance_is_two_molecules():
    second = WATER @ np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]) + [0.0, 0.0, 2.9]
    dimer = Molecule.from_geometry([8, 1, 1, 8, 1, 1], np.concatenate([WATER, second]))
    assert dimer.fragments.tolist() == [0, 0, 0, 1, 1, 1]


def test_shared_proton_binds_to_the_nearer_oxygen():
    numbers = np.array([8, 1, 8])
    geometry = np.array([[0.0, 0, 0], [0, 0, 1.10], [0, 0, 2.24]])
    assert bonded_pairs(numbers, geometry).tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("numbers", "distance", "formula"),
    [([1, 1], 0.74, "H2"), ([7, 7], 1.10, "N2"), ([9, 9], 1.41, "F2"), ([6, 8], 1.13, "CO")],
)
def test_diatomics(numbers, distance, formula):
    molecule = Molecule.from_geometry(numbers, [[0, 0, 0], [0, 0, distance]])
    assert (molecule.formula, molecule.n_fragments) == (formula, 1)


def test_small_cages_keep_their_topology():
    for smiles in ("C1C2CC1C2", "C12C3C4C1C5C2C3C45", "C1N2CCN1CC2", "C1SSCC1", "OO", "ClC(Cl)(Cl)Cl", "CP(=O)(OC)OC"):
        molecule = embedded(smiles)
        bonds, bonding = perceive(molecule.numbers, molecule.positions[0])
        np.testing.assert_array_equal(bonds, molecule.bonds)
        np.testing.assert_array_equal(bonding.orders, molecule.orders)


def test_stretched_bond_is_found_when_nothing_fits_without_it():
    ethane = embedded("CC")
    geometry = ethane.positions[0].copy()
    second = [1, *[j for i, j in ethane.bonds.tolist() if i == 1]]
    axis = geometry[1] - geometry[0]
    geometry[second] += axis / np.linalg.norm(axis) * (1.95 - np.linalg.norm(axis))
    assert len(bonded_pairs(ethane.numbers, geometry)) == 6
    np.testing.assert_array_equal(perceive(ethane.numbers, geometry)[0], ethane.bonds)


@pytest.mark.parametrize("smiles", ["c1ccccc1", "CCO", "CC(=O)N", "CC(C)C", "C#CC", "CNC", "c1cc[nH]c1"])
def test_structure_without_hydrogens_is_said_so(smiles):
    molecule = embedded(smiles)
    heavy = molecule.numbers > 1
    with pytest.raises(MissingHydrogensError, match=r"seems to lack hydrogens.*add them"):
        Molecule.from_geometry(molecule.numbers[heavy], molecule.positions[:, heavy])


@pytest.mark.parametrize(
    "smiles", ["FC(F)(F)F", "N#CC#N", "O=C=C=C=O", "FC(F)=C(F)F", "S=C=S", "ClC(Cl)=O", "N#CC(C#N)=C(C#N)C#N"]
)
def test_molecules_without_any_hydrogen_are_complete(smiles):
    molecule = embedded(smiles)
    assert Molecule.from_geometry(molecule.numbers, molecule.positions).same_structure(molecule)


def test_ions_and_radicals():
    with pytest.raises(NetChargeError, match=r"ion of charge \+1"):
        Molecule.from_geometry([7, 1, 1, 1, 1], np.vstack([np.zeros(3), 1.03 * TETRAHEDRON]))
    with pytest.raises(NetChargeError, match=r"fragment of 5 atoms with atom 4 \(N\).*ion"):
        Molecule.from_geometry([8, 1, 1, 7, 1, 1, 1, 1], np.vstack([WATER, np.zeros(3) + 5, 5 + 1.03 * TETRAHEDRON]))
    with pytest.raises(NetChargeError, match=r"odd number of electrons: it fits an ion of charge -1 or is a radical"):
        Molecule.from_geometry([8, 1], [[0, 0, 0], [0, 0, 0.97]])
    with pytest.raises(RadicalError, match="odd number of electrons"):
        Molecule.from_geometry([6, 6, 6, 1, 1, 1, 1, 1], ALLYL)


def test_squeezed_coordinates_name_the_crowded_atom():
    geometry = np.vstack([np.zeros(3), SQUARE, [[0, 0, 1.09], [0, 0, -1.09]]])
    with pytest.raises(ValenceError, match=r"atom 1 \(C\) has 6 neighbours.*unit"):
        Molecule.from_geometry([6, 1, 1, 1, 1, 1, 1], geometry)


def test_reference_dimers_are_two_molecules_each(psi4_data):
    """S66 and the base pairs of JSCH: short hydrogen bonds and stacks; bonds and orders as RDKit finds them."""
    complexes = read_database("S66", psi4_data) + read_database("JSCH", psi4_data)[:40]
    complexes = tuple(reference for reference in complexes if reference.charge == 0)
    for reference in complexes:
        perceived = Molecule.from_geometry(reference.numbers, reference.positions)
        assert perceived.n_fragments == 2, reference.label
        assert perceived.same_structure(Molecule.from_rdkit(reference.to_rdkit())), reference.label
