"""Smallest rings: of molecules whose rings are known, and the same in any order of the atoms."""

import numpy as np
import pytest

from virialff.molecules.molecule import Molecule
from virialff.molecules.rings import pair_rings, ring_counts, smallest_rings
from virialff.molecules.topology import NO_RING, RING_SIZES

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
