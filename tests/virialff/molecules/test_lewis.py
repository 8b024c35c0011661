"""Lewis structures against structures that every chemist draws alike, and against RDKit's reading of real molecules."""

import time

import numpy as np
import pytest
from rdkit import Chem

import virialff.molecules.lewis as search
from virialff.errors import LewisBudgetError
from virialff.molecules import lewis_program
from virialff.molecules.lewis import lewis_structure
from virialff.molecules.resonance import resonance_bonding


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


# --- large ring systems ---


def flake(n):
    """Numbers and bonds of a hexagonal graphene flake of 6 n^2 carbon atoms with hydrogens at its edge."""
    turns = np.pi / 6 + np.arange(6) * np.pi / 3
    corners = np.column_stack([np.cos(turns), np.sin(turns)])
    centres = [(np.sqrt(3) * (q + r / 2), 1.5 * r) for q in range(1 - n, n) for r in range(1 - n, n) if abs(q + r) < n]
    places = np.unique(np.round(np.concatenate([corners + centre for centre in centres]), 6), axis=0)
    places = places[[not any(np.abs(p - q).max() < 1e-3 for q in places[:k]) for k, p in enumerate(places)]]
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    bonds = np.argwhere(np.triu((distances > 0.1) & (distances < 1.1)))
    degree = np.bincount(bonds.ravel(), minlength=len(places))
    edge = np.flatnonzero(degree == 2)
    hydrogens = len(places) + np.arange(len(edge))
    numbers = np.array([6] * len(places) + [1] * len(edge))
    middle = np.argsort(np.linalg.norm(places, axis=1))
    return numbers, np.concatenate([bonds, np.column_stack([edge, hydrogens])]), middle


@pytest.mark.parametrize(
    "smiles",
    [
        "c1ccc2ccccc2c1",
        "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
        "[O-][n+]1ccccc1",
        "CS(C)(=O)=O",
        "OC#[N+][O-]",
        "C[N+]#[C-]",
        "N",
        "C=O",
        "c1ccc2cccc-2cc1",
        "O=S1(=O)N=CC=C1",
        "FS(F)(F)(F)F",
        "Cn1nnc([O-])[n+]1C",
    ],
)
def test_linear_programming_finds_what_joins_find(smiles, monkeypatch):
    numbers, bonds, _, _ = graph(smiles)
    by_joins = lewis_structure(numbers, bonds)
    monkeypatch.setattr(search, "MOST_JOINS", -1)
    found = lewis_structure(numbers, bonds)
    assert found.cost == by_joins.cost
    assert found.charges.sum() == 0
    np.testing.assert_array_equal(found.delocalised, by_joins.delocalised)
    assert lewis_structure(*graph("[NH4+]")[:2]) is None
    assert lewis_structure(*graph("[NH4+]")[:2], charge=1) is not None


def test_a_graphene_flake_with_nitrogen_takes_seconds():
    numbers, bonds, middle = flake(5)
    assert (numbers == 6).sum() == 150
    assert lewis_structure(numbers, bonds).delocalised.any()
    numbers[middle[0]] = 7
    start = time.process_time()
    assert lewis_structure(numbers, bonds) is None  # an odd number of electrons
    numbers[middle[1]] = 7
    found = lewis_structure(numbers, bonds)
    assert found is not None
    assert found.charges.sum() == 0
    assert time.process_time() - start < 30


@pytest.mark.parametrize(("element", "number"), [(7, 4), (8, 1), (15, 2), (16, 3)])
def test_wide_ring_systems_with_other_elements_take_seconds(element, number):
    numbers, bonds, middle = flake(5)
    numbers[middle[number : 2 * number]] = element
    start = time.process_time()
    found = resonance_bonding(numbers, bonds)
    assert found.charges.sum() == 0
    valences = np.zeros(len(numbers))
    np.add.at(valences, bonds.ravel(), np.repeat(found.kekule_orders, 2))
    carbon = (numbers == 6) & (found.charges == 0)
    assert (valences[carbon] == 4).all()
    assert time.process_time() - start < 20


def test_too_many_structures_are_a_named_error(monkeypatch):
    monkeypatch.setattr(search, "MOST_JOINS", -1)
    monkeypatch.setattr(lewis_program, "MOST_SECONDS", 0.0)
    with pytest.raises(LewisBudgetError, match=r"too many Lewis structures.*check the coordinates"):
        lewis_structure(*flake(2)[:2])
