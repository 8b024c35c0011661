import numpy as np

from virialff.conformers.generation import search
from virialff.molecules import keys
from virialff.molecules.molecule import Molecule


def test_same_graph_has_the_same_key_whatever_its_name_and_geometry():
    named = Molecule.from_smiles("CCO ethanol")
    placed = search(Molecule.from_smiles("CCO"), 1).molecule
    assert keys.graph_key(named) == keys.graph_key(placed)
    assert keys.geometry_key(named) != keys.geometry_key(placed)


def test_mirror_images_share_the_graph_but_not_the_structure():
    left, right = Molecule.from_smiles("C[C@H](O)F"), Molecule.from_smiles("C[C@@H](O)F")
    assert keys.graph_key(left) == keys.graph_key(right)
    assert keys.structure_key(left) != keys.structure_key(right)


def test_atom_order_is_part_of_the_key():
    assert keys.graph_key(Molecule.from_smiles("CCO")) != keys.graph_key(Molecule.from_smiles("OCC"))


def test_bare_molecule_remembers_neither_name_nor_coordinates():
    secret = search(Molecule.from_smiles("C[C@H](O)F secret"), 1).molecule
    assert secret.name == "secret"
    bare = keys.bare(secret)
    assert bare.name == ""
    assert bare.n_conformers == 0
    assert not bare.to_rdkit().HasProp("_Name")
    assert keys.structure_key(bare) == keys.structure_key(secret)
    # What is remembered of one molecule is not taken for that of another.
    assert keys.bare(secret) is bare
    assert keys.bare(secret.with_name("other")) is not bare
    assert keys.bare(Molecule.from_smiles("CCO")).formula == "C2H6O"


def test_a_small_move_changes_the_geometry_key():
    placed = search(Molecule.from_smiles("CCO"), 1).molecule
    moved = placed.with_positions(placed.positions + np.array([0, 0, 1e-6]))
    assert keys.geometry_key(moved) != keys.geometry_key(placed)
