"""A Lewis structure that exists is no evidence: structures without hydrogens are refused, odd molecules are not.

common_molecules.smi: common molecules. odd_families.xyz: GFN2-xTB minima of molecules with unusual bonds, each with its
family and SMILES.
"""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

from virialff.errors import MissingHydrogensError, MoleculeError, RadicalError
from virialff.io.read import read_molecules
from virialff.molecules.molecule import Molecule

FOLDER = Path(__file__).parent
COMMON = [line.split(" ", 1) for line in (FOLDER / "common_molecules.smi").read_text().splitlines()]
ODD = (FOLDER / "odd_families.xyz").read_text()


def minimum(smiles):
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    rdDistGeom.EmbedMolecule(mol, randomSeed=7)
    rdForceFieldHelpers.MMFFOptimizeMolecule(mol, maxIters=2000)
    return mol


def stripped(mol, *, polar_only):
    """Numbers and positions without the hydrogens, or without those on heteroatoms; None where nothing changes."""
    heavy = [
        atom.GetIdx()
        for atom in mol.GetAtoms()
        if atom.GetAtomicNum() != 1 or (polar_only and atom.GetNeighbors()[0].GetAtomicNum() == 6)
    ]
    if len(heavy) == mol.GetNumAtoms():
        return None
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    return numbers[heavy], mol.GetConformer().GetPositions()[heavy]


@pytest.fixture(scope="module")
def minima():
    return {name: minimum(smiles) for smiles, name in COMMON}


def test_common_molecules_are_accepted_as_they_are(minima):
    assert len(minima) >= 150
    for name, mol in minima.items():
        numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
        perceived = Molecule.from_geometry(numbers, mol.GetConformer().GetPositions())
        assert perceived.same_structure(Molecule.from_rdkit(mol)), name


@pytest.mark.parametrize("polar_only", [False, True])
def test_common_molecules_without_hydrogens_are_refused(minima, polar_only):
    accepted = []
    for name, mol in minima.items():
        left = stripped(mol, polar_only=polar_only)
        if left is None:
            continue
        with contextlib.suppress(MoleculeError):
            accepted.append(f"{name}: {Molecule.from_geometry(*left).smiles}")
    assert len(accepted) <= 2, accepted


@pytest.mark.parametrize(
    ("name", "polar_only", "atoms"),
    [
        ("methanol", False, r"atom 2 \(O\) seems to lack hydrogens"),
        ("formic acid", False, r"atom 2 \(C\) seems.* atom 3 \(O\)"),
        ("paracetamol", True, r"atom 4 \(N\) seems.* atom 9 \(O\)"),
        ("uracil", True, r"atom \d+ \([CN]\) seems to lack hydrogens"),
        ("hydrazobenzene", True, r"\(N\) seems to lack hydrogens"),
        ("benzenedithiol", True, r"\(S\) seems to lack hydrogens"),
    ],
)
def test_the_atoms_are_named(minima, name, polar_only, atoms):
    with pytest.raises(MissingHydrogensError, match=atoms):
        Molecule.from_geometry(*stripped(minima[name], polar_only=polar_only))


def test_molecules_of_odd_families_come_back_with_their_bonds():
    comments = [line for line in ODD.splitlines() if ": " in line]
    families = {comment.split(": ")[0] for comment in comments}
    items = list(read_molecules(io.StringIO(ODD), format="xyz"))
    assert len(items) == len(comments) >= 100
    assert len(families) >= 20
    for item, comment in zip(items, comments, strict=True):
        assert isinstance(item, Molecule), f"{comment}: {item}"
        drawn = Molecule.from_smiles(comment.split(": ")[1])
        np.testing.assert_array_equal(item.bonds, drawn.bonds, err_msg=comment)
        np.testing.assert_array_equal(item.orders, drawn.orders, err_msg=comment)


@pytest.mark.parametrize(("numbers", "distance"), [([8, 8], 1.21), ([16, 16], 1.89), ([16, 8], 1.48)])
def test_triplets_are_refused(numbers, distance):
    with pytest.raises(RadicalError, match="two unpaired electrons in its ground state"):
        Molecule.from_geometry(numbers, [[0, 0, 0], [0, 0, distance]])


@pytest.mark.parametrize("smiles", ["O=O", "[S]=[S]", "[S]=O", "CC.O=O"])
def test_triplets_are_refused_in_every_form(smiles):
    with pytest.raises(RadicalError, match="unpaired electrons"):
        Molecule.from_smiles(smiles)
    with pytest.raises(RadicalError):
        Molecule.from_arrays([8, 8], [[0, 1]], [2])


def test_methylene_and_nitric_oxide_are_no_closed_shells():
    with pytest.raises(MoleculeError):
        Molecule.from_geometry([6, 1, 1], [[0, 0, 0], [0.99, 0.5, 0], [-0.99, 0.5, 0]])
    with pytest.raises(MoleculeError, match="is a radical"):
        Molecule.from_geometry([7, 8], [[0, 0, 0], [0, 0, 1.15]])
