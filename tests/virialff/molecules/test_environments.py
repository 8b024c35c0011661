"""Atom environments: how they are written, counted and looked up."""

from typing import Any

import numpy as np

from virialff.molecules.environments import (
    RARE_BELOW,
    atom_environments,
    bond_environments,
    count_environments,
    rare_atoms,
)
from virialff.molecules.molecule import Molecule
from virialff.molecules.topology import bond_type_indices
from virialff.molecules.zwitterions import zwitterion


def arrays_of(smiles: str) -> tuple[Any, Any, Any]:
    molecule = Molecule.from_smiles(smiles)
    return molecule.symbols, molecule.bonds, bond_type_indices(molecule.orders)


def test_an_environment_names_the_atom_and_its_bonds():
    assert atom_environments(*arrays_of("C=O")) == ("C(-H,-H,=O)", "O(=C)", "H(-C)", "H(-C)")
    assert atom_environments(*arrays_of("C#N"))[:2] == ("C(#N,-H)", "N(#C)")
    assert set(atom_environments(*arrays_of("c1ccccc1"))) == {"C(-H,:C,:C)", "H(-C)"}


def test_atom_and_bond_order_do_not_matter():
    symbols, bonds, types = arrays_of("CC(=O)NC")
    order = np.random.default_rng(0).permutation(len(symbols))
    place = np.argsort(order)
    shuffled = atom_environments([symbols[i] for i in order], place[bonds][::-1, ::-1], types[::-1])
    assert tuple(shuffled[place[i]] for i in range(len(symbols))) == atom_environments(symbols, bonds, types)


def test_counts_are_of_molecules():
    counts = count_environments([atom_environments(*arrays_of(smiles)) for smiles in ("C", "CC", "CCC")])
    assert counts == {"H(-C)": 3, "C(-C,-H,-H,-H)": 2, "C(-C,-C,-H,-H)": 1, "C(-H,-H,-H,-H)": 1}
    assert next(iter(counts)) == "H(-C)"


def test_atoms_below_the_limit_are_rare_and_named():
    counts = {"H(-C)": 900, "C(-C,-H,-H,-H)": RARE_BELOW, "C(-C,-H,-H,-S)": RARE_BELOW - 1, "S(-C,-H)": 1000}
    rare = rare_atoms(*arrays_of("CCS"), counts)
    assert rare.counts.tolist() == [RARE_BELOW, RARE_BELOW - 1, 1000, *[900] * 5, 0]
    assert np.flatnonzero(rare.mask).tolist() == [1, 8]
    assert rare.sentence.startswith("The surroundings of atoms C2 (in 4), H9 (in none) were in fewer than 5 molecules")
    assert rare.table["rare"].tolist() == rare.mask.tolist()
    assert not rare_atoms(*arrays_of("CC"), counts).any
    assert rare_atoms(*arrays_of("CC"), counts).sentence == ""


def test_a_long_list_of_rare_atoms_is_cut():
    rare = rare_atoms(*arrays_of("CCCCCCCC"), {})
    assert rare.mask.all()
    assert "and" not in rare.sentence.split(" were ")[0]
    assert "14 more were in fewer than" in rare.sentence


def test_an_environment_that_is_a_whole_molecule_is_common_once_it_was_seen():
    counts = {"O(-H,-H)": 1, "H(-O)": 900}
    assert not rare_atoms(*arrays_of("O"), counts).any
    assert rare_atoms(*arrays_of("O"), {"H(-O)": 900}).mask.tolist() == [True, False, False]
    # The oxygen of an alcohol can be in many molecules.
    assert rare_atoms(*arrays_of("CO"), counts | {"O(-C,-H)": 1}).mask[1]


def test_a_bond_is_what_it_joins_whatever_its_direction():
    symbols, bonds, types = arrays_of("CC#N")
    environments = atom_environments(symbols, bonds, types)
    texts = bond_environments(environments, bonds, types)
    assert [text for text in texts if text] == ["C(#N,-C)-C(-C,-H,-H,-H)", "C(#N,-C)#N(#C)"]
    assert texts.count(None) == 3
    assert bond_environments(environments, bonds[:, ::-1], types) == texts


def test_a_new_bond_between_common_atoms_marks_both():
    counts = {"C(#N,-C)": 900, "N(#C)": 900, "C(-C,-H,-H,-H)": 900, "H(-C)": 900}
    symbols, bonds, types = arrays_of("CC#N")
    environments = atom_environments(symbols, bonds, types)
    acetonitrile = [text for text in bond_environments(environments, bonds, types) if text]
    assert not rare_atoms(*arrays_of("CC#N"), counts, acetonitrile).any
    cyanogen = rare_atoms(*arrays_of("N#CC#N"), counts, acetonitrile)
    assert cyanogen.new_bonds == ((1, 2),)
    assert cyanogen.mask.tolist() == [False, True, True, False]
    assert cyanogen.sentence.startswith("The bond C2-C3 joins groups that no molecule of the training joins: take")
    # A model that has not kept the bonds of its training says nothing of them.
    assert not rare_atoms(*arrays_of("N#CC#N"), counts).any


def test_rare_atoms_and_new_bonds_are_named_together():
    counts = {"N(#C)": 900, "C(-C,-H,-H,-H)": 900, "H(-C)": 900, "C(-C,-C,-H,-H)": 900}
    sentence = rare_atoms(*arrays_of("CCC#N"), counts, []).sentence
    assert "atom C3 (in none) were in fewer than 5 molecules of the training; the bonds C1-C2, C2-C3, C3-N4" in sentence


def test_new_parts_are_named_and_marked():
    counts = dict.fromkeys(atom_environments(*arrays_of("CSSC")), 50)
    known = {"rotatable_bonds": {"C4(H,H,H)-S2(X)": 9}, "ring_systems": {}}
    found = rare_atoms(*arrays_of("CSSC"), counts, None, known)
    assert [(part.what, sorted(part.atoms), part.kind) for part in found.new_parts] == [
        ("rotatable bond", [1, 2], "S2(C)-S2(C)")
    ]
    assert found.mask.tolist() == [False, True, True, *[False] * 7]
    assert found.sentence.startswith("The rotatable bond S2-S3 is of a kind that nothing in the training has: take")
    assert found.as_dict()["new_parts"] == [
        {"what": "rotatable bond", "atoms": found.new_parts[0].atoms, "kind": "S2(C)-S2(C)"}
    ]


def test_a_zwitterion_is_named_first_and_its_ends_are_marked():
    glycine = Molecule.from_smiles("[NH3+]CC(=O)[O-]")
    known = dict.fromkeys(atom_environments(*arrays_of("[NH3+]CC(=O)[O-]")), 50)
    found = rare_atoms(*arrays_of("[NH3+]CC(=O)[O-]"), known, zwitterion=zwitterion(glycine))
    assert np.flatnonzero(found.mask).tolist() == np.flatnonzero(found.outside).tolist() == [0, 4]
    assert "the proton moved from N1 to O5 is the stable one" in found.sentence
    assert found.sentence.endswith("draw NCC(=O)O.")
    assert found.as_dict()["zwitterion"] == {"donors": (0,), "acceptors": (4,), "neutral": "NCC(=O)O"}
    rare = rare_atoms(*arrays_of("[NH3+]CC(=O)[O-]"), {}, zwitterion=zwitterion(glycine)).sentence
    assert rare.startswith("It is drawn as a zwitterion.")
    assert "atoms N1 (in none), C2 (in none)" in rare


def test_parts_that_the_card_does_not_have_are_not_looked_up():
    counts = dict.fromkeys(atom_environments(*arrays_of("C1CC1C")), 50)
    assert not rare_atoms(*arrays_of("C1CC1C"), counts, None, {}).any
    found = rare_atoms(*arrays_of("C1CC1C"), counts, None, {"ring_systems": {"C6a6": 3}})
    assert found.sentence.startswith("The ring system of C1, C2 and C3 is of a kind that nothing in the training has")
