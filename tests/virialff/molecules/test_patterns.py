"""Atoms that SMARTS of a user mean."""

import pytest

from virialff.errors import ConfigError
from virialff.molecules.molecule import Molecule
from virialff.molecules.patterns import AtomPattern


def atoms(smarts, smiles):
    return AtomPattern(smarts).mask(Molecule.from_smiles(smiles).to_rdkit()).nonzero()[0].tolist()


def test_first_atom_of_the_pattern_is_meant():
    assert atoms("[OX2H]", "OCC=O") == [0]
    assert atoms("[CX3]=O", "OCC=O") == [2]


def test_map_number_one_names_another_atom():
    assert atoms("C=[O:1]", "OCC=O") == [3]
    # The hydrogen of the hydroxyl group comes after the four heavy atoms.
    assert atoms("[H:1]O", "OCC=O") == [4]


def test_every_match_counts_in_symmetric_molecules():
    assert atoms("c:c", "c1ccccc1") == list(range(6))
    assert atoms("[F]", "CCO") == []


@pytest.mark.parametrize(("smarts", "words"), [("", "empty"), ("[OX2", "cannot be read"), ("C" * 1001, "characters")])
def test_bad_smarts_is_a_sentence(smarts, words):
    with pytest.raises(ConfigError, match=words):
        AtomPattern(smarts)
