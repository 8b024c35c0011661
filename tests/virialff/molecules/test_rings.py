"""Smallest rings: of molecules whose rings are known, and the same in any order of the atoms."""

import numpy as np
import pytest
from rdkit import Chem

from virialff.io.examples import examples
from virialff.labels.schema import from_table
from virialff.labels.store import LabelStore
from virialff.models.registry import load_model
from virialff.molecules import rdkit_log, rings
from virialff.molecules.molecule import Molecule
from virialff.molecules.rings import pair_rings, ring_counts, smallest_rings
from virialff.molecules.topology import NO_RING, RING_SIZES
from virialff.settings import ASSETS

CUBANE = "C12C3C4C1C5C2C3C45"


def rings_of(smiles: str) -> tuple[Molecule, list[tuple[int, ...]]]:
    molecule = Molecule.from_smiles(smiles)
    return molecule, smallest_rings(molecule.n_atoms, molecule.bonds)


@pytest.mark.parametrize(
    ("smiles", "counts"),
    [
        ("CCCC", {}),
        ("C1CC1C", {"3": 3}),
        ("c1ccc2ccccc2c1", {"6": 12}),
        ("C1CC2CCC1C2", {"5": 10}),
        ("C1CCC12CCCCCC2", {"4": 4, "larger": 7}),
        (CUBANE, {"4": 24}),
    ],
)
def test_memberships_of_known_rings(smiles, counts):
    molecule, rings = rings_of(smiles)
    totals = ring_counts(molecule.n_atoms, rings).sum(axis=0)
    assert {size: int(n) for size, n in zip(RING_SIZES, totals, strict=True) if n} == counts


def test_a_pair_has_the_smallest_ring_that_holds_both():
    molecule, rings = rings_of("C1CC2CC2C1")  # a three-membered ring on a five-membered one
    classes = pair_rings(molecule.n_atoms, rings)
    names = ["none", *RING_SIZES]
    assert names[classes[2, 4]] == "3"  # the shared bond
    assert names[classes[1, 2]] == "5"
    assert names[classes[3, 1]] == "none"
    assert (classes == classes.T).all()
    hydrogens = molecule.numbers == 1
    assert (classes[hydrogens] == NO_RING).all()


@pytest.mark.parametrize("smiles", [CUBANE, "C1CC2CCC1CC2", "c1ccc2[nH]ccc2c1"])
def test_rings_do_not_depend_on_the_order_of_the_atoms(smiles):
    molecule, rings = rings_of(smiles)
    n = molecule.n_atoms
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(n)
        shuffled = smallest_rings(n, np.argsort(order)[molecule.bonds])
        np.testing.assert_array_equal(ring_counts(n, shuffled), ring_counts(n, rings)[order])
        np.testing.assert_array_equal(pair_rings(n, shuffled), pair_rings(n, rings)[np.ix_(order, order)])


def symmetrized_set(n_atoms: int, bonds: np.ndarray) -> list[tuple[int, ...]]:
    """All rings that RDKit's complete search lists."""
    mol = Chem.RWMol()
    for _ in range(n_atoms):
        mol.AddAtom(Chem.Atom(6))
    for first, second in bonds.tolist():
        mol.AddBond(first, second, Chem.BondType.SINGLE)
    with rdkit_log.every_ring():
        return [tuple(ring) for ring in Chem.GetSymmSSSR(mol)]


def macrocycle(n_units: int) -> tuple[int, np.ndarray]:
    """Atoms and bonds of six-membered rings joined in para position to a ring, as in cycloparaphenylenes."""
    first = 6 * np.arange(n_units)
    inside = [np.stack([first + k, first + (k + 1) % 6], axis=1) for k in range(6)]
    return 6 * n_units, np.concatenate([*inside, np.stack([first + 3, np.roll(first, -1)], axis=1)])


def test_rings_of_a_macrocycle_of_rings_are_not_counted_one_by_one():
    """Of n units 2^n rings go round: 32 of five are listed by RDKit, and those of sixty never would be."""
    n_atoms, bonds = macrocycle(5)
    listed = symmetrized_set(n_atoms, bonds)
    assert len(listed) == 5 + 2**5
    found = smallest_rings(n_atoms, bonds)
    np.testing.assert_array_equal(pair_rings(n_atoms, found), pair_rings(n_atoms, listed))
    np.testing.assert_array_equal(ring_counts(n_atoms, found), ring_counts(n_atoms, listed).clip(max=1))
    n_atoms, bonds = macrocycle(60)
    assert (ring_counts(n_atoms, smallest_rings(n_atoms, bonds)) == [0, 0, 0, 1, 1]).all()


def test_many_rings_without_a_macrocycle_are_those_of_the_symmetrized_set(monkeypatch):
    """Cubane, a helicene and a cage by the way of molecules with many rings: the same as by the usual one."""
    for smiles in (CUBANE, "C1CC2CCC1CC2", "c1cc2ccc3ccc4ccc5ccc6ccc1c1c2c3c4c5c61"):
        molecule, usual = rings_of(smiles)
        with monkeypatch.context() as patch:
            patch.setattr(rings, "_MOST_LISTED", 0)
            other = smallest_rings(molecule.n_atoms, molecule.bonds)
        assert sorted(map(sorted, other)) == sorted(map(sorted, usual))


def test_usual_molecules_have_the_rings_of_the_symmetrized_set():
    """All examples and 200 molecules of the shipped labels: their features are those of models trained so far."""
    found = [example.molecule() for example in examples()]
    graphs = [(molecule.n_atoms, molecule.bonds) for molecule in found]
    rows = next(iter(LabelStore(ASSETS / "data" / "gfn2_small.parquet").tables()))
    molecules = {label.inchikeys: (label.n_atoms, label.bonds) for label in from_table(rows) if label.kind != "complex"}
    graphs += list(molecules.values())[:200]
    assert len(graphs) == len(found) + 200
    for n_atoms, bonds in graphs:
        assert smallest_rings(n_atoms, bonds) == symmetrized_set(n_atoms, bonds)


def test_charges_of_a_cyclodextrin_are_those_of_its_open_chain():
    """Sixty-four rings go round alpha-cyclodextrin; charges of -60 e came of counting them."""
    inner = "C1OC(CO)C(C(O)C1O)O"
    ring = "C1%10OC(CO)C(C(O)C1O)O" + 4 * inner + inner + "%10"
    chain = 5 * inner + "C1OC(CO)C(O)C(O)C1O"
    for smiles in (ring, chain):
        molecule = Molecule.from_smiles(smiles)
        oxygens = load_model().force_field(molecule).charges[molecule.numbers == 8]
        assert -0.6 < oxygens.min() < oxygens.max() < -0.2
