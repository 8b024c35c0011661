"""Names of bonds."""

import pytest

from virialff.molecules.bond_names import _NAMES, _patterns, bond_names
from virialff.molecules.molecule import Molecule


@pytest.mark.parametrize(
    ("smiles", "bond", "name"),
    [
        ("CC(=O)NC", (1, 3), "amide"),
        ("CC(=O)OC", (1, 3), "ester"),
        ("CC(=O)OC", (0, 1), "alpha carbon of a carbonyl"),
        ("CC(=O)O", (1, 3), "carboxylic acid"),
        ("c1ccccc1-c1ccccc1", (5, 6), "biaryl"),
        ("Oc1ccccc1", (0, 1), "phenol"),
        ("CCO", (1, 2), "alcohol"),
        ("CCO", (0, 1), "methyl"),
        ("CCCC", (1, 2), "alkyl"),
        ("CSSC", (1, 2), "disulfide"),
        ("C=CC=C", (1, 2), "diene"),
        ("CS(=O)(=O)NC", (1, 4), "sulfonamide"),
    ],
)
def test_common_bonds(smiles, bond, name):
    assert bond_names(Molecule.from_smiles(smiles))[bond] == name


def test_bonds_of_rings_have_none():
    assert (0, 1) not in bond_names(Molecule.from_smiles("C1CCCCC1"))


def test_every_pattern_can_be_read():
    assert len(_patterns()) == len(_NAMES)
    assert all(pattern is not None and pattern.GetNumBonds() for _, pattern in _patterns())
