"""Molecule: the ways in, what it derives, and that it changes nothing of the user's."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import rdDepictor, rdDistGeom

from virialff.errors import (
    FlatCoordinatesError,
    MissingCoordinatesError,
    MoleculeError,
    NetChargeError,
    OverlappingAtomsError,
    ShapeError,
    TooManyAtomsError,
    UnreadableRecordError,
    UnsupportedBondError,
    UnsupportedElementError,
    ValenceError,
)
from virialff.molecules.molecule import Molecule

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"
WATER = np.array([[0.0, 0.0, 0.0], [0.0, 0.757, 0.587], [0.0, -0.757, 0.587]])


def embedded(smiles, n_conformers=1):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert len(rdDistGeom.EmbedMultipleConfs(mol, n_conformers, randomSeed=11)) == n_conformers
    return mol


# --- SMILES ---


def test_smiles_gives_hydrogens_after_the_heavy_atoms_in_the_order_of_addhs():
    molecule = Molecule.from_smiles(f"{ASPIRIN} aspirin")
    expected = Chem.AddHs(Chem.MolFromSmiles(ASPIRIN))
    assert molecule.symbols == tuple(atom.GetSymbol() for atom in expected.GetAtoms())
    assert molecule.numbers.dtype == molecule.bonds.dtype == np.int64
    assert (molecule.bonds[:, 0] < molecule.bonds[:, 1]).all()
    assert {tuple(bond) for bond in molecule.bonds.tolist()} == {
        tuple(sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()))) for bond in expected.GetBonds()
    }
    assert molecule.positions.shape == (0, 21, 3)
    assert (molecule.name, molecule.formula, molecule.n_conformers) == ("aspirin", "C9H8O4", 0)
    assert molecule.inchikey == "BSYNRYMUTXBXSQ-UHFFFAOYSA-N"


def test_explicit_hydrogens_and_atom_maps_are_harmless():
    plain = Molecule.from_smiles("CO")
    assert Molecule.from_smiles("[H]C([H])([H])O[H]").symbols == plain.symbols == ("C", "O", "H", "H", "H", "H")
    mapped = Molecule.from_smiles("[CH3:4][OH:2]")
    assert (mapped.smiles, mapped.inchikey) == ("CO", plain.inchikey)


def test_a_dot_makes_a_complex():
    water_dimer = Molecule.from_smiles("O.O")
    assert water_dimer.n_fragments == 2
    assert water_dimer.fragments.tolist() == [0, 1, 0, 0, 1, 1]
    assert water_dimer.canonical_fragment_keys() == ("XLYOFNOQVPJJNP", "XLYOFNOQVPJJNP")
    assert Molecule.from_smiles("c1ccccc1.O").canonical_fragment_keys() == ("UHOVQNZJYSORNB", "XLYOFNOQVPJJNP")


@pytest.mark.parametrize("text", ["CC(", "C1CC", "not a molecule", "C[C@H", "CC%"])
def test_misspelt_smiles_says_so(text, capfd):
    with pytest.raises(UnreadableRecordError, match=r"cannot be read.*check its spelling"):
        Molecule.from_smiles(text)
    assert capfd.readouterr().err == ""


def test_overlong_smiles_is_cut_in_the_message():
    with pytest.raises(UnreadableRecordError) as caught:
        Molecule.from_smiles("C(" * 20_000)
    assert len(str(caught.value)) < 200


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="CNOPSFclnos()[]=#@+-/\\.1234%HB r", max_size=30))
def test_any_text_is_a_molecule_or_a_named_error(text):
    try:
        molecule = Molecule.from_smiles(text)
    except MoleculeError:
        return
    assert len(molecule.orders) == len(molecule.bonds)
    assert Molecule.from_smiles(molecule.smiles).formula == molecule.formula


# --- RDKit ---


def test_rdkit_molecule_keeps_order_conformers_and_form():
    mol = embedded("C[S+]([O-])CCO", 3)
    mol = Chem.RenumberAtoms(mol, list(range(mol.GetNumAtoms()))[::-1])
    before = mol.ToBinary()
    molecule = Molecule.from_rdkit(mol)
    assert mol.ToBinary() == before
    assert molecule.symbols == tuple(atom.GetSymbol() for atom in mol.GetAtoms())
    for k in range(3):
        np.testing.assert_array_equal(molecule.positions[k], mol.GetConformer(k).GetPositions())
    back = molecule.to_rdkit()
    assert [atom.GetFormalCharge() for atom in back.GetAtoms()] == [atom.GetFormalCharge() for atom in mol.GetAtoms()]
    assert back.GetNumConformers() == 3
    np.testing.assert_array_equal(back.GetConformer(2).GetPositions(), molecule.positions[2])
    back.GetConformer(0).SetAtomPosition(0, (9.0, 9.0, 9.0))
    assert not (molecule.positions == 9.0).any()


def test_stereochemistry_survives():
    for smiles in ("C[C@H](N)C(=O)O", "C/C=C\\C", "C[S@](=O)CC"):
        molecule = Molecule.from_smiles(smiles)
        again = Molecule.from_rdkit(molecule.to_rdkit())
        assert again.inchikey == molecule.inchikey == Chem.MolToInchiKey(Chem.MolFromSmiles(smiles))


# --- arrays ---


@pytest.mark.parametrize(
    "smiles", [ASPIRIN, "C[N+](=O)[O-]", "NC(=[NH2+])NCC(=O)[O-]", "O.O", "[C-]#[O+]", "C1=CC=CC=CC=C1"]
)
def test_arrays_give_the_same_molecule_back(smiles):
    molecule = Molecule.from_smiles(smiles)
    again = Molecule.from_arrays(molecule.numbers, molecule.bonds, molecule.orders)
    np.testing.assert_array_equal(again.orders, molecule.orders)
    assert again.inchikey == molecule.inchikey
    flipped = molecule.bonds[::-1, ::-1]
    unsorted = Molecule.from_arrays(list(molecule.numbers), flipped.tolist(), molecule.orders[::-1].tolist())
    np.testing.assert_array_equal(unsorted.bonds, molecule.bonds)
    np.testing.assert_array_equal(unsorted.orders, molecule.orders)


def test_arrays_take_one_geometry_or_several():
    bonds, orders = [[0, 1], [0, 2]], [1, 1]
    assert Molecule.from_arrays([8, 1, 1], bonds, orders, WATER).n_conformers == 1
    two = Molecule.from_arrays([8, 1, 1], bonds, orders, np.stack([WATER, WATER + 1]), name="water")
    assert (two.n_conformers, two.name) == (2, "water")
    np.testing.assert_array_equal(two.positions[1], WATER + 1)


def test_single_atoms_and_h2():
    helium_like = Molecule.from_arrays([1, 1], [[0, 1]], [1])
    assert helium_like.formula == "H2"
    with pytest.raises(MoleculeError):
        Molecule.from_arrays([6], [], [])


@pytest.mark.parametrize(
    ("arrays", "error", "words"),
    [
        (([8, 1, 1], [[0, 1], [0, 3]], [1, 1]), ShapeError, "atoms 0 and 3"),
        (([8, 1, 1], [[0, 1], [1, 0]], [1, 1]), ShapeError, "twice"),
        (([8, 1, 1], [[0, 1], [0, 2]], [1]), ShapeError, "one for each bond"),
        (([8, 1, 1], [0, 1, 2], [1]), ShapeError, "n_bonds, 2"),
        (([8, 1, 1], [[0, 1], [0, 2]], [1, 1.7]), UnsupportedBondError, "order 1.7"),
        (([14, 1, 1, 1, 1], [[0, k] for k in (1, 2, 3, 4)], [1] * 4), UnsupportedElementError, r"atom 1 \(Si\)"),
        (([6, 8, 1, 1], [[0, 1], [0, 2], [0, 3]], [1, 1, 1]), ValenceError, r"atom 1 \(C\).*add up to 3"),
        (([7, 1, 1, 1, 1], [[0, k] for k in (1, 2, 3, 4)], [1] * 4), NetChargeError, r"charge \+1"),
        (([6, 1, 1, 1, 1, 1], [[0, k] for k in (1, 2, 3, 4, 5)], [1] * 5), ValenceError, r"atom 1 \(C\) has 5"),
    ],
)
def test_arrays_that_are_no_molecule(arrays, error, words):
    with pytest.raises(error, match=words):
        Molecule.from_arrays(*arrays)


# --- geometry ---


@pytest.mark.parametrize(
    "smiles", [ASPIRIN, "CS(N)(=O)=O", "C[N+](=O)[O-]", "C[C@H](N)C(=O)O", "FC(F)(F)c1ccncc1Br", "C1CC2CC1C2"]
)
def test_geometry_alone_gives_the_same_molecule(smiles):
    mol = embedded(smiles)
    drawn = Molecule.from_rdkit(mol)
    perceived = Molecule.from_geometry(drawn.numbers, drawn.positions)
    assert perceived.same_structure(drawn)
    assert perceived.canonical_fragment_keys() == drawn.canonical_fragment_keys()
    np.testing.assert_array_equal(perceived.positions, drawn.positions)


def test_with_positions_copies_and_checks():
    water = Molecule.from_smiles("O")
    mine = WATER.copy()
    placed = water.with_positions(mine)
    mine[0] = 5
    np.testing.assert_array_equal(placed.positions, WATER[None])
    assert water.n_conformers == 0
    with pytest.raises(ShapeError, match=r"\(1, 4, 3\).*expected \(n_conformers, 3, 3\)"):
        water.with_positions(np.zeros((4, 3)))
    with pytest.raises(MissingCoordinatesError, match=r"atom 2 \(H\).*not finite"):
        water.with_positions(np.where(np.arange(3)[:, None] == 1, np.nan, WATER))
    with pytest.raises(
        OverlappingAtomsError, match=r"atom 2 \(H\) and atom 3 \(H\) are 0\.00 Angstrom apart in conformer 2"
    ):
        water.with_positions(np.stack([WATER, WATER[[0, 1, 1]]]))


def test_require_3d_tells_a_drawing_from_nothing():
    with pytest.raises(MissingCoordinatesError, match="no coordinates"):
        Molecule.from_smiles("O").require_3d()
    mol = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    rdDepictor.Compute2DCoords(mol)
    drawing = Molecule.from_rdkit(mol)
    assert drawing.n_conformers == 0
    with pytest.raises(FlatCoordinatesError, match="drawing in a plane"):
        drawing.require_3d()
    Molecule.from_rdkit(embedded("CCO")).require_3d()


# --- complexes ---


def test_join_and_fragment_are_inverse():
    parts = [Molecule.from_rdkit(embedded(smiles, 2)) for smiles in ("CO", "c1cc[nH]c1", "O")]
    parts = [part.with_positions(part.positions + 6.0 * k) for k, part in enumerate(parts)]
    together = Molecule.join(*parts)
    assert (together.n_fragments, together.n_conformers) == (3, 2)
    for k, part in enumerate(parts):
        single = together.fragment(k)
        assert single.same_structure(part)
        np.testing.assert_array_equal(single.positions, part.positions)
        assert single.inchikey == part.inchikey
        assert Molecule.from_rdkit(single.to_rdkit()).same_structure(part)
    with pytest.raises(IndexError):
        together.fragment(3)
    with pytest.raises(MissingCoordinatesError, match=r"\[0, 2\] conformers"):
        Molecule.join(parts[0], Molecule.from_smiles("O"))


def test_interleaved_fragments_keep_their_order():
    dimer = Molecule.from_smiles("O.CO")
    mixed = Molecule.from_rdkit(Chem.RenumberAtoms(dimer.to_rdkit(), [3, 1, 0, 5, 2, 6, 4, 7, 8]))
    for k in range(2):
        fragment = mixed.fragment(k)
        assert fragment.symbols == tuple(np.array(mixed.symbols)[mixed.fragments == k])
        assert fragment.formula in ("H2O", "CH4O")


# --- the rest ---


def test_same_structure_sees_stereochemistry_only_where_both_have_it():
    left, right = Molecule.from_smiles("C[C@H](N)C(=O)O"), Molecule.from_smiles("C[C@@H](N)C(=O)O")
    assert not left.same_structure(right)
    assert left.same_structure(Molecule.from_smiles("CC(N)C(=O)O"))
    assert not left.same_structure(Molecule.from_smiles("NC(C)C(=O)O"))


def test_limit_on_atoms():
    with pytest.raises(TooManyAtomsError, match="301 atoms, more than the limit of 300"):
        Molecule.from_smiles("C" * 301)
    with pytest.raises(TooManyAtomsError, match="8 atoms"):
        Molecule.from_smiles("CC", max_atoms=7)
    assert Molecule.from_smiles("C" * 120, max_atoms=400).n_atoms == 362


def test_molecule_survives_pickling_and_copying():
    molecule = Molecule.from_rdkit(embedded("C[C@H](N)C(=O)O", 2)).with_name("alanine")
    for again in (pickle.loads(pickle.dumps(molecule)), copy.deepcopy(molecule)):
        assert again.same_structure(molecule)
        assert (again.name, again.inchikey) == ("alanine", molecule.inchikey)
        np.testing.assert_array_equal(again.positions, molecule.positions)


@pytest.mark.parametrize(
    ("smiles", "formula"),
    [("O", "H2O"), ("C(Cl)(Br)F", "CHBrClF"), ("N", "H3N"), ("FS(F)(F)(F)(F)F", "F6S"), ("O=C=O", "CO2")],
)
def test_formula_is_in_hill_order(smiles, formula):
    assert Molecule.from_smiles(smiles).formula == formula
