"""Names do not depend on where charges were drawn; stereo labels are in the order of atoms."""

import numpy as np
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from virialff.molecules.molecule import Molecule
from virialff.molecules.rdkit_forms import add_conformers, normalised


def test_normalised_moves_charges_and_leaves_the_original_alone():
    molecule = Molecule.from_smiles("C[S+]([O-])C[CH3:7]")
    given = molecule.to_rdkit()
    form = normalised(given, molecule.numbers, molecule.bonds)
    assert Chem.MolToSmiles(Chem.RemoveHs(form)) == "CCS(C)=O"
    assert given.GetAtomWithIdx(1).GetFormalCharge() == 1
    assert given.GetAtomWithIdx(4).GetAtomMapNum() == 7


def test_names_of_ordinary_molecules_are_rdkits_own():
    for smiles in ("C[C@H](N)C(=O)O", "O=[N+]([O-])c1ccccc1", "C/C=C\\C", "[O-][n+]1ccccc1", "CS(C)(=O)=O"):
        molecule = Molecule.from_smiles(smiles)
        assert molecule.inchikey == Chem.MolToInchiKey(Chem.MolFromSmiles(smiles))
        assert molecule.smiles == Chem.CanonSmiles(smiles)


def test_conformers_are_added_in_order():
    mol = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    rdDistGeom.EmbedMultipleConfs(mol, 3, randomSeed=1)
    positions = np.array([conformer.GetPositions() for conformer in mol.GetConformers()])
    mol.RemoveAllConformers()
    add_conformers(mol, positions)
    assert [c.GetId() for c in mol.GetConformers()] == [0, 1, 2]
    np.testing.assert_array_equal(mol.GetConformer(1).GetPositions(), positions[1])
    assert all(c.Is3D() for c in mol.GetConformers())
