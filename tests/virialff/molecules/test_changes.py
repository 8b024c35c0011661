"""A geometry that left its molecule is noticed, one that only moved is not."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from virialff.molecules.changes import same_connectivity, same_stereochemistry, stereo_elements
from virialff.molecules.molecule import Molecule


def embedded(smiles, n_conformers=1):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMultipleConfs(mol, n_conformers, randomSeed=4)
    return Molecule.from_rdkit(mol)


@pytest.mark.parametrize("smiles", ["C[C@H](N)C(=O)O", "C/C=C/C", "CC(=O)Nc1ccccc1S(C)(=O)=O", "C1CCSC1", "OO"])
def test_conformers_are_the_same_molecule(smiles):
    molecule = embedded(smiles, 5)
    for geometry in molecule.positions:
        assert same_connectivity(molecule, geometry) is None
        assert same_stereochemistry(molecule, molecule.positions[0], geometry) is None


def test_broken_and_formed_bonds_are_named():
    water = Molecule.from_smiles("O.O")
    one = np.array([[0.0, 0.0, 0.0], [0.0, 0.757, 0.587], [0.0, -0.757, 0.587]])
    geometry = np.empty((6, 3))
    geometry[water.fragments == 0] = one
    geometry[water.fragments == 1] = one + [0, 0, 3.0]
    assert same_connectivity(water, geometry) is None
    broken = geometry.copy()
    broken[2] *= 1.7
    assert same_connectivity(water, broken) == "the bond between atom 1 (O) and atom 3 (H) broke (1.63 Angstrom)"
    formed = geometry.copy()
    formed[water.fragments == 1] += [0, 0, -1.6]
    assert same_connectivity(water, formed) == "the bond between atom 1 (O) and atom 2 (O) formed (1.40 Angstrom)"


def test_mirror_image_is_another_molecule():
    alanine = embedded("C[C@H](N)C(=O)O")
    mirrored = alanine.positions[0] * [1, 1, -1]
    assert same_stereochemistry(alanine, alanine.positions[0], mirrored) == "the stereocentre atom 2 (C) inverted"


def test_unassigned_stereocentres_count_too():
    first = embedded("CC(N)C(=O)O")
    assert len(stereo_elements(first)[0]) == 1
    assert same_stereochemistry(first, first.positions[0], first.positions[0] * [1, 1, -1]) is not None
    assert stereo_elements(embedded("CC(C)C")) == ([], [])


def test_cis_and_trans_differ():
    trans, cis = embedded("C/C=C/C"), embedded("C/C=C\\C")
    change = same_stereochemistry(trans, trans.positions[0], cis.positions[0])
    assert change is not None
    assert "turned from cis to trans" in change
    ring = embedded("C1=CCCCC1", 3)
    assert same_stereochemistry(ring, ring.positions[0], ring.positions[2]) is None
