"""Atoms that SMARTS of a user mean."""

import time

import pytest

from virialff.errors import ConfigError
from virialff.molecules import patterns
from virialff.molecules.molecule import Molecule
from virialff.molecules.patterns import AtomPattern, smarts_like


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


@pytest.mark.parametrize(
    ("smarts", "words"),
    [
        ("*.*.*.*.*.*.[#7]", "in 7 parts; write one of at most"),
        ("C" * 61, "61 atoms"),
        ("[" + ",".join(21 * ["$(C)"]) + "]", "more than 20"),
        ("C(" * 400, "cannot be read"),
    ],
)
def test_a_smarts_too_large_is_a_sentence(smarts, words):
    with pytest.raises(ConfigError, match=words):
        AtomPattern(smarts)


@pytest.mark.parametrize(
    "smarts", ["*.*.[#7]", "[$(*.*.[#7])]", "[#6]~*~*~*~*~*~*~*~*~*~*~*~*~*~*~[#6]~[#7]~[#6]~[#16]"]
)
def test_a_match_that_takes_long_ends_in_a_sentence(smarts):
    start = time.process_time()
    molecule = Molecule.from_smiles(7 * "CC(C)(C)c1ccccc1C(=O)OC2CCCCC2" + "N(C)C").to_rdkit()
    pattern = AtomPattern(smarts)
    try:
        assert len(pattern.mask(molecule)) == molecule.GetNumAtoms()
    except ConfigError as error:
        assert "in too many ways; write one that says more" in str(error)  # noqa: PT017 - either is right
    assert time.process_time() - start < 10


def test_steps_in_all_molecules_count(monkeypatch):
    monkeypatch.setattr(patterns, "MOST_STEPS", 500)
    monkeypatch.setattr(patterns, "STEPS_A_MOLECULE", 5)
    pattern = AtomPattern("CCCCCC")
    molecule = Molecule.from_smiles("CCCCCCCC").to_rdkit()
    errors = []
    for _ in range(100):
        try:
            pattern.mask(molecule)
        except ConfigError as error:
            errors.append(str(error))
    assert 0 < len(errors) < 100
    assert "the molecules in too many ways" in errors[0]


@pytest.mark.parametrize(
    ("smiles", "atom", "like", "unlike"),
    [
        ("CCO", 2, "CO", "COC"),
        ("CC(=O)N", 1, "CC(=O)N", "CC(=O)O"),
        ("c1ccncc1", 3, "n1ccccc1", "CN"),
        ("C#N", 0, "C#N", "CC"),
        ("O", 1, "OO", "C"),
    ],
)
def test_atoms_like_one_have_its_element_and_neighbours(smiles, atom, like, unlike):
    mol = Molecule.from_smiles(smiles).to_rdkit()
    pattern = AtomPattern(smarts_like(mol, atom))
    assert pattern.mask(mol)[atom]
    assert pattern.mask(Molecule.from_smiles(like).to_rdkit()).any()
    assert not pattern.mask(Molecule.from_smiles(unlike).to_rdkit()).any()
