"""A geometry that left its molecule is noticed, one that only moved is not."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from virialff.molecules.changes import configuration, connectivity_changes, stereo_elements, stereochemistry_changes
from virialff.molecules.molecule import Molecule


def embedded(smiles, n_conformers=1):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMultipleConfs(mol, n_conformers, randomSeed=4)
    return Molecule.from_rdkit(mol)


@pytest.mark.parametrize("smiles", ["C[C@H](N)C(=O)O", "C/C=C/C", "CC(=O)Nc1ccccc1S(C)(=O)=O", "C1CCSC1", "OO"])
def test_conformers_are_the_same_molecule(smiles):
    molecule = embedded(smiles, 5)
    for geometry in molecule.positions:
        assert connectivity_changes(molecule, geometry) == ()
        assert stereochemistry_changes(molecule, molecule.positions[0], geometry) == ()


def test_broken_and_formed_bonds_are_named():
    water = Molecule.from_smiles("O.O")
    one = np.array([[0.0, 0.0, 0.0], [0.0, 0.757, 0.587], [0.0, -0.757, 0.587]])
    geometry = np.empty((6, 3))
    geometry[water.fragments == 0] = one
    geometry[water.fragments == 1] = one + [0, 0, 3.0]
    assert connectivity_changes(water, geometry) == ()
    broken = geometry.copy()
    broken[2] *= 1.7
    assert connectivity_changes(water, broken) == ("the bond between atom 1 (O) and atom 3 (H) broke (1.63 Angstrom)",)
    formed = geometry.copy()
    formed[water.fragments == 1] += [0, 0, -1.6]
    assert connectivity_changes(water, formed)[0] == "the bond between atom 1 (O) and atom 2 (O) formed (1.40 Angstrom)"


def test_mirror_image_is_another_molecule():
    alanine = embedded("C[C@H](N)C(=O)O")
    mirrored = alanine.positions[0] * [1, 1, -1]
    assert stereochemistry_changes(alanine, alanine.positions[0], mirrored) == ("the stereocentre atom 2 (C) inverted",)


def test_unassigned_stereocentres_count_too():
    first = embedded("CC(N)C(=O)O")
    assert [element.atoms for element in stereo_elements(first.to_rdkit())] == [(1,)]
    assert stereochemistry_changes(first, first.positions[0], first.positions[0] * [1, 1, -1]) != ()
    assert stereo_elements(embedded("CC(C)C").to_rdkit()) == []


def test_cis_and_trans_differ():
    trans, cis = embedded("C/C=C/C"), embedded("C/C=C\\C")
    (change,) = stereochemistry_changes(trans, trans.positions[0], cis.positions[0])
    assert "turned from cis to trans" in change
    ring = embedded("C1=CCCCC1", 3)
    assert stereochemistry_changes(ring, ring.positions[0], ring.positions[2]) == ()


def test_a_torn_bond_is_reported() -> None:
    water = embedded("O")
    torn = water.positions[0].copy()
    torn[1] = torn[0] + np.array([0.0, 0.0, 2.5])
    (change,) = connectivity_changes(water, torn)
    assert change == "the bond between atom 1 (O) and atom 2 (H) broke (2.50 Angstrom)"


def test_a_new_bond_is_reported() -> None:
    two = Molecule.from_smiles("[H][H].[H][H]")
    line = np.array([[0, 0, 0], [0, 0, 0.74], [0, 0, 1.4], [0, 0, 2.14]])
    assert two.bonds.tolist() == [[0, 1], [2, 3]]
    assert connectivity_changes(two, line) == ("the bond between atom 2 (H) and atom 3 (H) formed (0.66 Angstrom)",)


@pytest.mark.parametrize("smiles", ["CS(=O)(=O)N", "FC(Cl)(Br)CP", "C1CC1", "C#N", "N[N+](=O)[O-]", "BrCC(Br)Cl"])
def test_ordinary_geometries_change_nothing(smiles: str) -> None:
    molecule = embedded(smiles, 3)
    for geometry in molecule.positions:
        assert connectivity_changes(molecule, geometry) == ()


def test_a_turned_double_bond_changes_the_configuration() -> None:
    e, z = (embedded(smiles) for smiles in ("F/C=C/Cl", r"F/C=C\Cl"))
    (change,) = stereochemistry_changes(e, e.positions[0], z.positions[0])
    assert change == "the double bond between atom 2 (C) and atom 3 (C) turned from cis to trans or back"


@pytest.mark.parametrize(
    "smiles",
    [
        "C[C@H](N)C(=O)O",
        r"C/C=C\C",
        "F/C(Cl)=C(/Br)C",
        "C[S@](=O)CC",
        "N[C@](C)(F)Cl",
        "C[P@](=O)(O)CC",
        "C[P@](CC)c1ccccc1",
        "C[C@H]1CC[C@@H](C)CC1",
        "C[C@H]1[C@@H](O)CC1",
        "C[N@+]1([O-])CC[N@@+](C)([O-])CC1",
        "C/C=N/O",
    ],
)
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_the_formula_and_its_geometry_have_one_configuration(smiles: str, seed: int | None) -> None:
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    if seed is not None:
        mol = Chem.RenumberAtoms(mol, np.random.default_rng(seed).permutation(mol.GetNumAtoms()).tolist())
    rdDistGeom.EmbedMolecule(mol, randomSeed=3)
    molecule = Molecule.from_rdkit(mol)
    of_formula = configuration(molecule)
    assert of_formula
    assert configuration(molecule, molecule.positions[0]).items() >= of_formula.items()
