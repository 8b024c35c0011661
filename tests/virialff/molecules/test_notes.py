"""What is chosen or left out is said: map numbers, open configurations, configurations that RDKit does not hold."""

import re

import numpy as np
import pytest
from rdkit import Chem

from virialff.cli import main
from virialff.conformers.generation import generate
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule


@pytest.mark.parametrize(
    ("smiles", "symbols"),
    [
        ("[CH3:2][OH:1]", "OCHHHH"),
        ("[H:4][C:2]([H:3])([H:6])[O:1][H:5]", "OCHHHH"),
        ("[H:1][O:3][H:2]", "HHO"),
        ("[CH3:3][C:2](=[O:1])[NH2:4]", "OCCNHHHHH"),
        ("[CH3:1][OH:2].[OH2:3]", "COOHHHHHH"),
        ("[F:2][C@H:1]([Cl:3])[Br:4]", "CFClBrH"),
    ],
)
def test_complete_map_numbers_give_the_order(smiles, symbols):
    molecule = Molecule.from_smiles(smiles)
    assert "".join(molecule.symbols) == symbols
    assert molecule.notes == ()
    plain = Molecule.from_smiles(Chem.CanonSmiles(molecule.smiles))
    assert (molecule.smiles, molecule.inchikey) == (plain.smiles, plain.inchikey)
    assert ":" not in keys.structure_key(molecule)


@pytest.mark.parametrize("smiles", ["[CH3:2][OH:5]", "[CH3:1][OH:1]", "[CH3:1]O", "C[CH2:7]O", "[CH3:2][CH2:3][OH:4]"])
def test_other_map_numbers_are_said_to_be_passed_over(smiles):
    molecule = Molecule.from_smiles(smiles)
    (note,) = molecule.notes
    assert note.startswith("its atom map numbers are not 1 to n")
    assert molecule.symbols[:2] == (Molecule.from_smiles(molecule.smiles).symbols[0], molecule.symbols[1])


@pytest.mark.parametrize(
    "smiles", ["CC=[C@]=CC", "CC=[C@@]=CC", "CC=[C@AL1]=CC", "C/C=C=C=C/C", "C/C=C=C=C\\C", "CC(F)=[C@]=C(F)C"]
)
def test_configurations_of_cumulenes_are_said_to_be_dropped(smiles):
    (note,) = Molecule.from_smiles(smiles).notes
    assert "cannot be kept: both configurations are one molecule here" in note


@pytest.mark.parametrize(
    ("smiles", "words"),
    [
        ("C1CC/C=C/C1", "the trans double bond written in a ring of 6 between atom 4 (C) and atom 5 (C)"),
        ("C1CC/C=C/CC1", "the trans double bond written in a ring of 7"),
        ("C/C1=C(/C)CCC1", "the trans double bond written in a ring of 5"),
        ("C[N@](CC)CCC", "the configuration written at atom 2 (N)"),
        ("CC[N@@H]C", "the configuration written at atom 3 (N)"),
        ("C/C=C1/CC/C(=C/C)CC1", "at atom 2 (C)=atom 3 (C) and atom 6 (C)=atom 7 (C)"),
        ("O/N=C1\\CC/C(=N/O)CC1", "at atom 2 (N)=atom 3 (C) and atom 6 (C)=atom 7 (N)"),
        ("OC(=O)/C=C1/CC[C@@H](C)CC1", "at atom 4 (C)=atom 5 (C) and atom 8 (C)"),
        ("F/C=C1/CC2(C1)C/C(=C/F)C2", "at atom 2 (C)=atom 3 (C) and atom 8 (C)=atom 9 (C)"),
        ("F[S@OH1](F)(F)(F)(F)C", "the arrangement written about atom 2 (S)"),
        ("C[P@TB1](F)(F)(F)F", "the arrangement written about atom 2 (P)"),
    ],
)
def test_configurations_that_rdkit_drops_are_said(smiles, words):
    molecule = Molecule.from_smiles(smiles)
    (note,) = molecule.notes
    assert words in note
    assert "cannot be kept" in note
    assert "@" not in molecule.smiles


@pytest.mark.parametrize(
    "smiles",
    [
        "C1CC/C=C\\C1",
        "C1CCC/C=C/CC1",
        "C/C1=C/CCCC1",
        "C[N@]1CC1C",
        "C[N@+]([O-])(CC)CCC",
        "F/C=C\\1/CCCC1",
        "C/C=C1/C[C@H](C)CC1",
        "C[C@H]1CC(C)(C)C1",
        "C[C@H]1CC[C@@H](C)CC1",
    ],
)
def test_configurations_that_are_kept_or_are_none_are_not_said(smiles):
    assert Molecule.from_smiles(smiles).notes == ()


@pytest.mark.parametrize(
    ("smiles", "free"),
    [
        ("C1CN2CCN1CC2", False),
        ("C1C2CC3CC1CC(C2)C3", False),
        ("C12C3C4C1C5C2C3C45", False),
        ("C1C2CC1C2", False),
        ("C12CC1C2", False),
        ("C1CC2CCC1C2", False),
        ("C1CC2CCC1CC2", False),
        ("C1CC2CCCC1C2", False),
        ("C1CCC2CCCCC2C1", True),
        ("C1CC2CCCC2C1", True),
        ("C1CCC2CCC2C1", True),
        ("OC1CC2CCC1C2", True),
    ],
)
def test_cages_have_no_configuration_to_choose(smiles, free):
    assert bool(generate(Molecule.from_smiles(smiles), 1).notes) == free


@pytest.mark.parametrize("smiles", ["C=C=C", "C/C=C/C", "C[C@H](F)Cl", "C=C=C/C=C/C", "O=C=O", "CC=C=CC"])
def test_nothing_is_said_where_nothing_is_dropped(smiles):
    assert Molecule.from_smiles(smiles).notes == ()


@pytest.mark.parametrize(
    ("smiles", "n_axes"),
    [
        ("Oc1ccc2ccccc2c1-c1c(O)ccc2ccccc12", 1),
        ("Cc1cccc(O)c1-c1c(C)cccc1O", 1),
        ("Cc1cccc(O)c1-c1ccccc1Br", 1),
        ("c1ccccc1-c1ccccc1", 0),
        ("Cc1cccc(C)c1-c1c(C)cccc1O", 0),
        ("Cc1ccccc1-c1ccccc1C", 0),
    ],
)
def test_atropisomers_are_said_to_share_their_names(smiles, n_axes):
    molecule = Molecule.from_smiles(smiles)
    assert sum("its axis of chirality" in note for note in molecule.notes) == n_axes
    if n_axes:
        one = generate(molecule, 1)
        other = one.with_positions(one.positions * [1, 1, -1])
        assert one.notes == other.notes == molecule.notes


def test_racemates_are_said():
    (note,) = Molecule.from_smiles("C[C@H](F)Cl |&1:1|").notes
    assert "several stereoisomers" in note


@pytest.mark.parametrize(
    ("smiles", "place"), [("OC(=O)C=CC(=O)O", r"atom 4 \(C\)=atom 5 \(C\): [EZ]"), ("CC(F)Cl", r"atom 2 \(C\): [RS]")]
)
def test_the_configuration_that_was_made_is_said(smiles, place):
    flat = Molecule.from_smiles(smiles)
    assert flat.notes == ()
    made = generate(flat, 2)
    (note,) = made.notes
    assert re.search("the configuration was not given, and the first geometry was made with " + place, note)
    label = note[-1]
    probe = made.to_rdkit()
    Chem.AssignStereochemistryFrom3D(probe)
    found = {bond.GetStereo().name[-1] for bond in probe.GetBonds()} | {
        atom.GetProp("_CIPCode") for atom in probe.GetAtoms() if atom.HasProp("_CIPCode")
    }
    assert label in found
    assert generate(Molecule.from_smiles("OC(=O)/C=C/C(=O)O"), 1).notes == ()


def test_notes_stay_with_a_molecule_and_its_complex():
    molecule = generate(Molecule.from_smiles("CC(F)Cl"), 1)
    assert molecule.with_name("a").notes == molecule.with_positions(molecule.positions + 1).notes == molecule.notes
    other = molecule.with_positions(molecule.positions + np.array([9.0, 0, 0]))
    assert Molecule.join(molecule, other).notes == 2 * molecule.notes


def test_the_command_line_says_them(capsys):
    assert main(["conformers", "OC(=O)C=CC(=O)O", "--generate", "1", "--method", "model"]) == 0
    assert "virialff: record 1: the configuration was not given, and the first geometry" in capsys.readouterr().err
    assert main(["params", "[CH3:2][OH:5]"]) == 0
    assert "virialff: record 1: its atom map numbers are not 1 to n" in capsys.readouterr().err
