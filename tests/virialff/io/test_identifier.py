"""SMILES, InChI and names of examples, typed into one field."""

import numpy as np
import pytest
from rdkit import Chem

from virialff.errors import MoleculeError, NetChargeError, RadicalError, UnreadableRecordError
from virialff.io.examples import examples
from virialff.io.identifier import molecule_from_inchi, molecule_from_text
from virialff.molecules.molecule import Molecule

MOLECULES = ["CCO", "C[C@H](O)F", "C/C=C/Cl", "[NH3+]CC(=O)[O-]", "CS(=O)(=O)c1ccccc1.O", "O", "[H][H]"]


@pytest.mark.parametrize("smiles", MOLECULES)
def test_an_inchi_is_the_molecule_that_it_names(smiles):
    inchi = Chem.MolToInchi(Chem.MolFromSmiles(smiles))
    found = molecule_from_text(f"  {inchi}\n")
    assert Chem.MolToInchi(found.to_rdkit()) == inchi
    assert found.n_conformers == 0
    heavy = np.flatnonzero(found.numbers != 1)
    assert heavy.tolist() == list(range(len(heavy)))
    assert molecule_from_text("inchi=" + inchi.partition("=")[2]).same_structure(found)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("InChI=1S/nothing", UnreadableRecordError, "cannot be read"),
        ("InChI=", UnreadableRecordError, "cannot be read"),
        ("InChI=" + "C" * 5000, UnreadableRecordError, "give a smaller molecule"),
        ("InChI=1S/C2H4O2/c1-2(3)4/h1H3,(H,3,4)/p-1", NetChargeError, "net charge"),
        ("InChI=1S/CH3/h1H3", RadicalError, "unpaired electrons"),
    ],
)
def test_an_inchi_that_cannot_be_used_says_why(text, error, words):
    with pytest.raises(error, match=words):
        molecule_from_text(text)


def test_an_inchi_has_the_limit_of_atoms():
    with pytest.raises(MoleculeError, match="limit"):
        molecule_from_inchi(Chem.MolToInchi(Chem.MolFromSmiles("C" * 30)), max_atoms=20)


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_an_example_is_found_by_its_name(example):
    found = molecule_from_text(f" {example.name.upper()} ")
    assert found.same_structure(example.molecule())
    assert found.n_conformers == example.molecule().n_conformers


def test_everything_else_is_read_as_smiles():
    assert molecule_from_text("OCC").same_structure(Molecule.from_smiles("OCC"))
    with pytest.raises(UnreadableRecordError, match="the SMILES 'benzene' cannot be read"):
        molecule_from_text("benzene")
