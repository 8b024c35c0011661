"""Parameters do not depend on the order of atoms, the Kekule form or the format in which a molecule comes."""

import io

import numpy as np
from rdkit import Chem

from tests.virialff.molecules.test_missing_hydrogens import ODD
from virialff.io.read import read_molecules
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule

MOLECULES = [item for item in read_molecules(io.StringIO(ODD), format="xyz") if isinstance(item, Molecule)][::3]


def shuffled(molecule, rng):
    order = rng.permutation(molecule.n_atoms)
    return Chem.RenumberAtoms(molecule.to_rdkit(), order.tolist()), order


def forms(mol, rng):
    """The same atoms in the same order in each format, and in another Kekule form."""
    yield "sdf", Chem.MolToMolBlock(mol, kekulize=True) + "$$$$\n"
    yield "sdf", Chem.MolToV3KMolBlock(mol) + "$$$$\n"
    yield "xyz", Chem.MolToXYZBlock(mol)
    yield "pdb", Chem.MolToPDBBlock(mol)
    other = Chem.Mol(mol)
    for atom, number in zip(other.GetAtoms(), rng.permutation(mol.GetNumAtoms()) + 1, strict=True):
        atom.SetAtomMapNum(int(number))
    smiles = Chem.MolToSmiles(other, kekuleSmiles=True, allHsExplicit=True)
    yield "smi", smiles


def test_parameters_are_equal_in_all_forms():
    assert len(MOLECULES) >= 50
    model = load_model()
    rng = np.random.default_rng(4)
    for molecule in MOLECULES:
        expected = model.force_field(molecule).charges
        mol, order = shuffled(molecule, rng)
        for format, text in forms(mol, rng):
            (item,) = read_molecules(io.StringIO(text), format=format)
            assert isinstance(item, Molecule), f"{molecule.smiles} as {format}: {item}"
            assert item.inchikey == molecule.inchikey
            if format == "smi":  # in the order of its map numbers, which are random
                assert sorted(item.orders) == sorted(molecule.orders)
                np.testing.assert_allclose(np.sort(model.force_field(item).charges), np.sort(expected), atol=1e-6)
                continue
            np.testing.assert_allclose(
                model.force_field(item).charges, expected[order], atol=1e-6, err_msg=f"{molecule.smiles} as {format}"
            )
