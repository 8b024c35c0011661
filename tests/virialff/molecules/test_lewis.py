"""Lewis structures against structures that every chemist draws alike, and against RDKit's reading of real molecules."""

import numpy as np
import pytest
from rdkit import Chem

from virialff.molecules.lewis import lewis_structure


def graph(smiles):
    """Atomic numbers, bonds, and the Kekule orders and charges as drawn, all hydrogens explicit."""
    mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
    Chem.Kekulize(mol, clearAromaticFlags=True)
    numbers = np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    bonds = np.array([(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in mol.GetBonds()]).reshape(-1, 2)
    orders = np.array([b.GetBondTypeAsDouble() for b in mol.GetBonds()])
    charges = np.array([atom.GetFormalCharge() for atom in mol.GetAtoms()])
    return numbers, bonds, orders, charges


@pytest.mark.parametrize(
    "smiles",
    [
        "CC(=O)O",
        "CC(=O)N",
        "COC(C)=O",
        "C=CC=C",
        "C=C=C",
        "C#CC#C",
        "N#N",
        "O=O",
        "O=C=O",
        "S=C=S",
        "[H][H]",
        "[C-]#[O+]",
        "C[N+]#[C-]",
        "C=[N+]=[N-]",
        "CN=[N+]=[N-]",
        "CC#[N+][O-]",
        "C[N+](C)(C)[O-]",
        "CS(C)=O",
        "CS(C)(=O)=O",
        "CS(N)(=O)=O",
        "COP(=O)(O)O",
        "CP(C)(C)=C",
        "CS(=N)(C)=O",
        "FS(F)(F)(F)(F)F",
        "FP(F)(F)(F)F",
        "O=C1C=CC(=O)C=C1",
        "C=C1C=CC=C1",
        "C1=CS(=O)C=C1",
        "NC(=N)N",
        "CC(=O)C=C(O)C",
    ],
)
def test_unambiguous_structure_is_found_as_drawn(smiles):
    numbers, bonds, orders, charges = graph(smiles)
    lewis = lewis_structure(numbers, bonds)
    assert lewis is not None
    assert not lewis.delocalised.any()
    np.testing.assert_array_equal(lewis.orders, orders)
    np.testing.assert_array_equal(lewis.charges, charges)


@pytest.mark.parametrize(
    ("smiles", "delocalised"),
    [
        ("C[N+](=O)[O-]", {"NO"}),
        ("C[N+](C)(C)CC(=O)[O-]", {"CO"}),
        ("C[NH2+]CCS(=O)(=O)[O-]", {"OS"}),
        ("NC(=[NH2+])NCC(=O)[O-]", {"CN", "CO"}),
        ("C1=CC=CC=CC=C1", {"CC"}),
        ("[O-][O+]=O", {"OO"}),
        ("ClP1(Cl)=NP(Cl)(Cl)=NP(Cl)(Cl)=N1", {"NP"}),
    ],
)
def test_bonds_that_differ_between_equal_structures(smiles, delocalised):
    numbers, bonds, _, _ = graph(smiles)
    lewis = lewis_structure(numbers, bonds)
    symbols = {1: "H", 6: "C", 7: "N", 8: "O", 15: "P", 16: "S", 17: "Cl"}
    found = {"".join(sorted((symbols[int(numbers[i])], symbols[int(numbers[j])]))) for i, j in bonds[lewis.delocalised]}
    assert found == delocalised


def test_charges_and_valences_of_real_structures_add_up():
    for smiles in (
        "c1ccc2c(c1)[n+]([O-])c1ccccc1[n+]2[O-]",
        "O=[N+]([O-])c1cc(cs1)C=[N+]=[N-]",
        "C[n+]1ccccc1C(=O)[O-]",
    ):
        numbers, bonds, _, drawn = graph(smiles)
        lewis = lewis_structure(numbers, bonds)
        assert lewis.charges.sum() == 0
        assert sorted(lewis.charges) == sorted(drawn)
        valence = np.zeros(len(numbers))
        np.add.at(valence, bonds.ravel(), np.repeat(lewis.orders, 2))
        usual = {1: 1, 6: 4, 7: 3, 8: 2, 16: 2}
        for number, total, charge in zip(numbers, valence, lewis.charges, strict=True):
            if number != 6:
                assert total == usual[int(number)] + charge


def test_ions_and_radicals_have_no_neutral_structure():
    ammonium = graph("[NH4+]")
    assert lewis_structure(*ammonium[:2]) is None
    assert lewis_structure(*ammonium[:2], charge=1).charges.tolist() == [1, 0, 0, 0, 0]
    acetate = graph("CC(=O)[O-]")
    assert lewis_structure(*acetate[:2]) is None
    assert lewis_structure(*acetate[:2], charge=-1) is not None
    assert lewis_structure(np.array([6, 1, 1, 1]), np.array([[0, 1], [0, 2], [0, 3]])) is None


def test_orders_can_be_pinned():
    numbers, bonds, orders, _ = graph("CS(C)=O")
    allowed = [(1,)] * len(bonds)
    lewis = lewis_structure(numbers, bonds, allowed=allowed)
    assert (lewis.charges[1], lewis.charges[3]) == (1, -1)
    allowed[int(np.flatnonzero(orders == 2)[0])] = (3,)
    assert lewis_structure(numbers, bonds, allowed=allowed) is None


def test_a_hundred_rings_are_no_exponential_search():
    n = 41
    smiles = "".join(f"c{k % 2 + 1}ccccc{k % 2 + 1}" for k in range(n))
    numbers, bonds, _, _ = graph(smiles)
    lewis = lewis_structure(numbers, bonds)
    assert lewis.delocalised.sum() == 6 * n
