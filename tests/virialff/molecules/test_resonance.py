"""Bond orders are a function of the molecule, not of how it was drawn."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, RDConfig

from virialff.errors import MoleculeError
from virialff.molecules.molecule import Molecule
from virialff.molecules.resonance import pinned_bonding, resonance_bonding


def real_smiles(n, seed):
    with open(f"{RDConfig.RDDataDir}/NCI/first_5K.smi") as file:
        lines = [line.split()[0] for line in file if line.strip()]
    return random.Random(seed).sample(lines, n)


REAL = real_smiles(150, seed=5)
SAME = [
    ("CS(C)=O", "C[S+](C)[O-]"),
    ("CP(C)(C)=O", "C[P+](C)(C)[O-]"),
    ("CP(C)(C)=C", "C[P+](C)(C)[CH2-]"),
    ("C[N+](=O)[O-]", "CN(=O)=O"),
    ("CON(=O)=O", "CO[N+](=O)[O-]"),
    ("CN=[N+]=[N-]", "CN=N#N", "C[N-][N+]#N"),
    ("C=[N+]=[N-]", "C=N#N", "[CH2-][N+]#N"),
    ("[O-][n+]1ccccc1", "O=n1ccccc1"),
    ("NC(=[NH2+])NCC([O-])=O", "NC(N)=[NH+]CC([O-])=O"),
    ("CS(=O)(=O)O", "C[S+2]([O-])([O-])O", "C[S+]([O-])(=O)O"),
    ("[O-]C(C)=[NH+]C", "CC(=O)NC"),
    ("CN1C=CN(C)C1=C", "C[n+]1ccn(C)c1[CH2-]"),
    ("C1=CC=CC=CC=C1", "C=1C=CC=CC=CC=1"),
    ("c1ccc2ccccc2c1", "C1=CC=C2C=CC=CC2=C1", "C=1C=CC=2C=CC=CC=2C=1"),
    ("C[n+]1cccc([O-])c1", "C[N+]1=CC=CC([O-])=C1"),
]


@pytest.mark.parametrize("forms", SAME)
def test_drawn_forms_of_one_molecule_are_one_molecule(forms):
    molecules = [Molecule.from_smiles(form) for form in forms]
    first = molecules[0]
    for other in molecules[1:]:
        assert other.inchikey == first.inchikey
        assert other.smiles == first.smiles
        assert sorted(other.orders) == sorted(first.orders)
        a, b = Molecule.from_smiles(other.smiles), Molecule.from_smiles(first.smiles)
        np.testing.assert_array_equal(a.orders, b.orders)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(REAL), st.randoms(use_true_random=False))
def test_orders_follow_a_renumbering_and_another_kekule_form(smiles, rng):
    try:
        molecule = Molecule.from_smiles(smiles)
    except MoleculeError:
        return
    new_to_old = list(range(molecule.n_atoms))
    rng.shuffle(new_to_old)
    mol = Chem.RenumberAtoms(molecule.to_rdkit(), new_to_old)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    other = Molecule.from_rdkit(mol)
    order_of = {tuple(bond): order for bond, order in zip(molecule.bonds.tolist(), molecule.orders, strict=True)}
    for (i, j), order in zip(other.bonds.tolist(), other.orders, strict=True):
        assert order_of[tuple(sorted((new_to_old[i], new_to_old[j])))] == order
    assert other.inchikey == molecule.inchikey


@pytest.mark.parametrize(
    "smiles",
    [
        "C[N+](=O)[O-]",
        "C[N+](C)(C)CC(=O)[O-]",
        "NC(=[NH2+])NCS([O-])(=O)=O",
        "C1=CC=CC=CC=C1",
        "C1=CC2=CC=CC2=C1",
        "c1ccc2c(c1)c1ccccc12",
        "C1=Cc2ccccc2C=Cc2ccccc12",
        "C[n+]1ccc(cc1)C([O-])=C1C=CN(C)C=C1",
        "c1cc2cc3ccc(cc4ccc(cc5ccc(cc1n2)[nH]5)n4)[nH]3",
        "C12=C3C4=C5C1=C1C6=C7C2=C2C8=C3C3=C9C4=C4C%10=C5C5=C1C1=C6C6=C%11C7=C2C2=C7C8=C3C3=C8C9=C4C4=C9C%10=C5C5="
        "C1C1=C6C6=C%11C2=C2C7=C3C3=C8C4=C4C9=C5C1=C1C6=C2C3=C41",
    ],
)
def test_equivalent_atoms_have_equal_bonds(smiles):
    """Every automorphism of the graph of elements and connectivity keeps the orders."""
    molecule = Molecule.from_smiles(smiles)
    heavy = np.flatnonzero(molecule.numbers > 1).tolist()
    hydrogens = np.bincount(
        molecule.bonds[(molecule.numbers[molecule.bonds] == 1).any(axis=1)].ravel(), minlength=molecule.n_atoms
    )
    skeleton = Chem.RWMol()
    for atom in heavy:
        node = Chem.Atom(int(molecule.numbers[atom]))
        node.SetIsotope(int(hydrogens[atom]) + 1)
        node.SetNoImplicit(True)
        skeleton.AddAtom(node)
    orders = {}
    for (i, j), order in zip(molecule.bonds.tolist(), molecule.orders, strict=True):
        if i in heavy and j in heavy:
            a, b = heavy.index(i), heavy.index(j)
            skeleton.AddBond(a, b, Chem.BondType.SINGLE)
            orders[frozenset((a, b))] = order
    automorphisms = skeleton.GetSubstructMatches(skeleton, uniquify=False, maxMatches=300)
    assert len(automorphisms) > 1
    for image in automorphisms:
        for bond, order in orders.items():
            assert orders[frozenset(image[atom] for atom in bond)] == order


def test_aromatic_bonds_are_those_of_rdkit():
    for smiles in (
        "c1ccccc1",
        "c1cc[nH]c1",
        "c1ccoc1",
        "c1ccc2[nH]ccc2c1",
        "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
        "O=c1cc[nH]cc1",
    ):
        molecule = Molecule.from_smiles(smiles)
        expected = {
            tuple(sorted((bond.GetBeginAtomIdx(), bond.GetEndAtomIdx())))
            for bond in molecule.to_rdkit().GetBonds()
            if bond.GetIsAromatic()
        }
        found = {tuple(bond) for bond in molecule.bonds[molecule.orders == 1.5].tolist()}
        assert found == expected


def test_fragments_without_a_structure_are_said_so():
    numbers, bonds = np.array([8, 1, 1, 8, 1]), np.array([[0, 1], [0, 2], [3, 4]])
    assert resonance_bonding(numbers, bonds) is None
    assert resonance_bonding(numbers[:3], bonds[:2]).orders.tolist() == [1, 1]


def test_pinned_orders_give_the_charges():
    numbers, bonds = np.array([7, 8, 8, 6, 1, 1, 1]), np.array([[0, 1], [0, 2], [0, 3], [3, 4], [3, 5], [3, 6]])
    one = pinned_bonding(numbers, bonds, np.array([2.0, 1, 1, 1, 1, 1]))
    assert one.charges.tolist() == [1, 0, -1, 0, 0, 0, 0]
    five = pinned_bonding(numbers, bonds, np.array([2.0, 2, 1, 1, 1, 1]))
    assert five.orders.tolist() == [1.5, 1.5, 1, 1, 1, 1]
    assert pinned_bonding(numbers, bonds, np.array([2.0, 1, 1, 2, 1, 1])) is None
