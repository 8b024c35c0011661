"""The molecule in a row of the store: its SMILES names the rows of the arrays."""

import numpy as np
import pytest
from rdkit import Chem

from virialff.labels.structure import mapped_smiles, structure_fields
from virialff.molecules.molecule import Molecule

SMILES = ["O", "[H][H]", "C[C@H](N)C(=O)O", "C/C=C/Cl", "C[N+](=O)[O-]", "C[S+]([O-])C", "O.c1ccccc1", "CP(=O)(O)O"]


def reread(text: str) -> tuple[list[int], list[tuple[int, int]]]:
    parameters = Chem.SmilesParserParams()
    parameters.removeHs = False
    mol = Chem.MolFromSmiles(text, parameters)
    place = {atom.GetIdx(): atom.GetAtomMapNum() - 1 for atom in mol.GetAtoms()}
    numbers = {place[atom.GetIdx()]: atom.GetAtomicNum() for atom in mol.GetAtoms()}
    pairs = [sorted((place[bond.GetBeginAtomIdx()], place[bond.GetEndAtomIdx()])) for bond in mol.GetBonds()]
    return [numbers[index] for index in range(len(numbers))], sorted((i, j) for i, j in pairs)


@pytest.mark.parametrize("smiles", SMILES)
def test_the_map_gives_atoms_and_bonds_in_the_order_of_the_arrays(smiles):
    molecule = Molecule.from_smiles(smiles)
    order = np.random.default_rng(3).permutation(molecule.n_atoms)
    shuffled = Molecule.from_rdkit(Chem.RenumberAtoms(molecule.to_rdkit(), order.tolist()))
    for given in (molecule, shuffled):
        numbers, bonds = reread(mapped_smiles(given))
        assert numbers == given.numbers.tolist()
        assert bonds == [tuple(pair) for pair in given.bonds.tolist()]


def test_stereochemistry_stays_and_the_form_given_does_not_matter():
    alanine = mapped_smiles(Molecule.from_smiles("C[C@H](N)C(=O)O"))
    assert alanine != mapped_smiles(Molecule.from_smiles("C[C@@H](N)C(=O)O"))
    assert Chem.MolToInchiKey(Chem.MolFromSmiles(alanine)) == "QNAYBMKLOCPYGJ-REOHCLBHSA-N"
    assert mapped_smiles(Molecule.from_smiles("CS(=O)C")) == mapped_smiles(Molecule.from_smiles("C[S+]([O-])C"))


def test_every_fragment_has_its_key():
    fields = structure_fields(Molecule.from_smiles("O.C"))
    assert fields["inchikeys"] == ("XLYOFNOQVPJJNP-UHFFFAOYSA-N", "VNWKTOKETHGBQD-UHFFFAOYSA-N")
    assert fields["fragments"].tolist() == Molecule.from_smiles("O.C").fragments.tolist()
