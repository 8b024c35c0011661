"""Columns of predicted parameters: the same numbers as the force field of each molecule."""

import numpy as np
import pytest
from rdkit import Chem

from tests.virialff.sample_models import change_card
from virialff import load_model
from virialff.molecules.molecule import Molecule
from virialff.molecules.patterns import AtomPattern
from virialff.molecules.topology import RELATIONS
from virialff.parameters import samples
from virialff.parameters.samples import ParameterSample, sample_parameters, sample_parts

SMILES = ("CCO", "O.CO", "CC(=O)N")


@pytest.fixture(scope="module")
def sample() -> ParameterSample:
    return sample_parameters(load_model(), [Molecule.from_smiles(text, name="secret") for text in SMILES])


def test_columns_are_those_of_the_force_fields(sample):
    for index, text in enumerate(SMILES):
        field = load_model().force_field(Molecule.from_smiles(text))
        pairs = field.pairs[field.pairs["relation"] != "bonded"]
        mine = sample.pair_molecules == index
        np.testing.assert_array_equal(sample.pair_atoms[mine], pairs[["i", "j"]])
        np.testing.assert_allclose(sample.sigma[mine], pairs["sigma"], rtol=1e-4)
        np.testing.assert_allclose(sample.epsilon[mine], pairs["epsilon"], rtol=1e-4)
        np.testing.assert_allclose(sample.r_min[mine], pairs["R_min"], rtol=1e-4)
        assert [RELATIONS[k] for k in sample.relations[mine]] == list(pairs["relation"])
        np.testing.assert_allclose(sample.charges[sample.atom_molecules == index], field.charges, atol=1e-5)
        assert sample.molecular_charges[index] == pytest.approx(field.charges.sum(), abs=1e-5)


def test_structures_carry_neither_names_nor_other_atom_orders(sample):
    assert not any(b"secret" in data for data in sample.structures)
    assert not Chem.Mol(sample.structures[0]).HasProp("_Name")
    given = Molecule.from_smiles("O.CO")
    np.testing.assert_array_equal(sample.molecule(1).numbers, given.numbers)
    np.testing.assert_array_equal(sample.molecule(1).bonds, given.bonds)


def test_parts_joined_are_the_whole(sample, monkeypatch):
    monkeypatch.setattr(samples, "BATCH", 1)
    parts = list(sample_parts(load_model(), [Molecule.from_smiles(text) for text in SMILES]))
    assert len(parts) == 3
    joined = ParameterSample.join(parts)
    assert joined.smiles == sample.smiles
    np.testing.assert_array_equal(joined.pair_molecules, sample.pair_molecules)
    np.testing.assert_allclose(joined.sigma, sample.sigma, rtol=1e-4)


def test_it_ends_at_the_limit_of_pairs(monkeypatch):
    monkeypatch.setattr(samples, "BATCH", 1)
    monkeypatch.setattr(samples, "MAX_PAIRS", 20)
    whole = sample_parameters(load_model(), [Molecule.from_smiles("CCO")] * 4)
    assert whole.n_molecules == 1


def test_refused_molecule_is_a_failure_and_the_others_stay(model):
    change_card(model, elements=["H", "C", "O"])
    found = sample_parameters(load_model(model), [Molecule.from_smiles(text) for text in SMILES])
    assert found.smiles == ("CCO", "O.CO")
    assert found.molecules_table(["ethanol", "pair", "amide"])["name"].tolist() == ["ethanol", "pair"]
    ((smiles, reason),) = found.failures
    assert smiles == "CC(N)=O"
    assert "atom 4 is N" in reason


def test_patterns_choose_atoms_pairs_and_molecules(sample):
    hydroxyl = AtomPattern("[OX2H]")
    assert sample.atoms_in(hydroxyl).sum() == 2
    assert sample.molecules_in(hydroxyl).tolist() == [True, True, False]
    both = sample.pairs_in(AtomPattern("[OX2H]"), AtomPattern("[CH3]"))
    elements = {tuple(sorted(pair)) for pair in sample.pair_elements[both].tolist()}
    assert elements == {(1, 3)}
    # CH3 is two bonds from O in ethanol and one in methanol, whose bonded pair has no Lennard-Jones term.
    assert [RELATIONS[k] for k in sample.relations[both]] == ["1-3"]


def test_nothing_is_an_empty_sample():
    empty = sample_parameters(load_model(), [])
    assert empty.n_molecules == 0
    assert empty.n_pairs == 0
    assert len(empty.molecular_charges) == 0


def test_names_follow_their_molecules_past_one_that_is_refused(model, monkeypatch):
    monkeypatch.setattr(samples, "BATCH", 2)
    change_card(model, elements=["H", "C", "O"])
    given = [Molecule.from_smiles(text) for text in ("CO", "CN", "CC", "N", "O")]
    found = sample_parameters(load_model(model), given)
    assert found.places.tolist() == [0, 2, 4]
    assert found.molecules_table(list("abcde"))["name"].tolist() == ["a", "c", "e"]
    assert len(found.failures) == 2


def test_tables_of_atoms_and_pairs(sample):
    charges = sample.charges_table(["ethanol", "", ""])
    ethanol = load_model().force_field(Molecule.from_smiles("CCO"))
    mine = charges[charges["name"] == "ethanol"]
    assert mine["atom"].tolist() == list(range(1, 10))
    assert mine["element"].tolist() == list(ethanol.molecule.symbols)
    np.testing.assert_allclose(mine["charge_e"], ethanol.charges, atol=1e-5)
    pairs = sample.pairs_table()
    assert "name" not in pairs.columns
    assert len(pairs) == sample.n_pairs
    first = pairs.iloc[0]
    row = ethanol.pairs.query("i == @first.atom_i - 1 and j == @first.atom_j - 1").iloc[0]
    assert first["sigma_A"] == pytest.approx(row["sigma"], rel=1e-4)
    assert first["relation"] == row["relation"]


@pytest.mark.parametrize(
    "smiles", ["OCC", "Nc1ccccc1C(=O)O", "O.CO", "[H][H]", "CC(=O)Nc1ccc(O)cc1", "C[N+](=O)[O-]", "[CH3:2][OH:1]"]
)
@pytest.mark.parametrize("seed", [None, 0, 1])
def test_atoms_of_tables_count_as_in_the_smiles_beside_them(smiles, seed):
    mol = Molecule.from_smiles(smiles).to_rdkit()
    if seed is not None:
        order = np.random.default_rng(seed).permutation(mol.GetNumAtoms())
        mol = Chem.RenumberAtoms(mol, order.tolist())
    given = Molecule.from_rdkit(mol)
    (written,) = sample_parameters(load_model(), [given]).smiles
    again = Molecule.from_smiles(written)
    np.testing.assert_array_equal(again.numbers, given.numbers)
    assert {tuple(sorted(bond)) for bond in again.bonds.tolist()} == {tuple(sorted(b)) for b in given.bonds.tolist()}
