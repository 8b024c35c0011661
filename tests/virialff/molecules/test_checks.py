"""What is outside the method is refused by name, with the atom and what to do."""

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDepictor, rdDistGeom

from virialff.errors import (
    FlatCoordinatesError,
    IsotopeError,
    MissingHydrogensError,
    NetChargeError,
    NoAtomsError,
    RadicalError,
    UnsupportedBondError,
    UnsupportedElementError,
    ValenceError,
)
from virialff.molecules import checks
from virialff.molecules.molecule import Molecule

BENZENE_ANGLES = np.arange(6) * np.pi / 3
BENZENE = np.concatenate(
    [np.stack([r * np.cos(BENZENE_ANGLES), r * np.sin(BENZENE_ANGLES), np.zeros(6)], axis=1) for r in (1.39, 2.48)]
)


@pytest.mark.parametrize(
    ("smiles", "error", "words"),
    [
        ("C[Si](C)(C)C", UnsupportedElementError, r"atom 2 \(Si\).*H, C, N, O, F, P, S, Cl, Br"),
        ("[Na+].[Cl-]", UnsupportedElementError, r"atom 1 \(Na\)"),
        ("CI", UnsupportedElementError, r"atom 2 \(I\)"),
        ("C*", UnsupportedElementError, r"atom 2 \(\*\)"),
        ("C[N+](C)(C)C", NetChargeError, r"net charge \+1.*proton"),
        ("CC(=O)[O-]", NetChargeError, r"net charge -1"),
        ("[NH4+].CC(=O)[O-]", NetChargeError, r"fragment 1 \(H4N, from atom 1 on\).*\+1.*acetic acid and ammonia"),
        ("[CH3]", RadicalError, r"atom 1 \(C\) has unpaired electrons"),
        ("CC[O]", RadicalError, r"atom 3 \(O\)"),
        ("C[N+]([O])=C", RadicalError, r"atom 3 \(O\)"),
        ("[2H]OC", IsotopeError, r"atom 1 \(H\).*label 2"),
        ("C[13CH3]", IsotopeError, r"atom 2 \(C\).*label 13"),
        ("", NoAtomsError, "no atoms"),
        ("N->C", UnsupportedBondError, r"atom 1 \(N\) and atom 2 \(C\) is of type dative"),
        ("CN(C)(C)(C)C", ValenceError, r"atom 2 \(N\) has too many bonds"),
        ("c1cccc1", ValenceError, r"alternating double bonds.*\[nH\]"),
        ("Cn", ValenceError, r"atom 2 \(N\).*in no ring"),
    ],
)
def test_refused_with_a_reason(smiles, error, words, capfd):
    with pytest.raises(error, match=words) as caught:
        Molecule.from_smiles(smiles)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "smiles", ["C[N+](=O)[O-]", "C[N+](C)(C)CC(=O)[O-]", "[O-][n+]1ccccc1", "C[N+]#[C-]", "[NH3+]CC(=O)[O-]"]
)
def test_formal_charges_that_cancel_are_accepted(smiles):
    assert Molecule.from_smiles(smiles).n_atoms > 0


def test_missing_hydrogens_name_the_atom_and_the_number():
    mol = Chem.MolFromSmiles("CCO")
    with pytest.raises(MissingHydrogensError, match=r"atom 1 \(C\) lacks 3 hydrogens, and 2 more atoms") as caught:
        Molecule.from_rdkit(mol)
    assert caught.value.atom == 1
    partly = Chem.AddHs(mol, onlyOnAtoms=[0, 1])
    with pytest.raises(MissingHydrogensError, match=r"atom 3 \(O\) lacks 1 hydrogen; .*AddHs"):
        Molecule.from_rdkit(partly)


@pytest.mark.parametrize("kind", [Chem.BondType.ZERO, Chem.BondType.HYDROGEN, Chem.BondType.QUADRUPLE])
def test_other_bond_types_are_refused(kind):
    mol = Chem.RWMol(Chem.AddHs(Chem.MolFromSmiles("O.O")))
    mol.AddBond(0, 5, kind)
    with pytest.raises(UnsupportedBondError, match=r"atom 1 \(O\) and atom 6 \(H\)"):
        Molecule.from_rdkit(mol)


# --- drawings and geometries ---


def test_true_planar_geometry_is_no_drawing():
    benzene = Molecule.from_smiles("c1ccccc1")
    assert not checks.is_drawing(benzene.numbers, benzene.bonds, BENZENE)
    assert not checks.is_drawing(benzene.numbers, benzene.bonds, BENZENE, marked_2d=True)
    water = Molecule.from_smiles("O")
    geometry = np.array([[0.0, 0, 0], [0.757, 0.587, 0], [-0.757, 0.587, 0]])
    assert not checks.is_drawing(water.numbers, water.bonds, geometry)


@pytest.mark.parametrize(
    "smiles", ["c1ccccc1", "C", "O", "CCO", "C=C", "c1cc[nH]c1", "Brc1ccccc1", "[H][H]", "O=C=O", "FC(F)(F)F"]
)
@pytest.mark.parametrize("bond_length", [1.5, 1.0, 0.825])
def test_depictions_are_drawings(smiles, bond_length):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDepictor.Compute2DCoords(mol, bondLength=bond_length)
    molecule = Molecule.from_rdkit(mol)
    assert molecule.n_conformers == 0
    with pytest.raises(FlatCoordinatesError):
        molecule.require_3d()


@pytest.mark.parametrize(("numbers", "distance"), [([9, 9], 1.41), ([7, 7], 1.10), ([6, 8], 1.13), ([1, 1], 0.74)])
def test_diatomic_along_x_is_no_drawing(numbers, distance):
    assert not checks.is_drawing(np.array(numbers), np.array([[0, 1]]), np.array([[0.0, 0, 0], [distance, 0, 0]]))


@pytest.mark.parametrize("smiles", ["c1ccccc1", "C", "CCO", "Brc1ccccc1", "OS(=O)(=O)O", "C#N"])
def test_geometries_are_no_drawings(smiles):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=2)
    assert Molecule.from_rdkit(mol).n_conformers == 1


def test_a_drawing_among_geometries_is_refused():
    mol = Chem.AddHs(Chem.MolFromSmiles("CCO"))
    rdDistGeom.EmbedMultipleConfs(mol, 2, randomSeed=2)
    drawn = Chem.Mol(mol)
    rdDepictor.Compute2DCoords(drawn)
    mol.AddConformer(drawn.GetConformer(), assignId=True)
    with pytest.raises(FlatCoordinatesError, match="conformer 3 of 3"):
        Molecule.from_rdkit(mol)
