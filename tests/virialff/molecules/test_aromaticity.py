"""Aromaticity in bounded time: as RDKit has it up to a number of rings, and ring by ring beyond."""

import time

import numpy as np
import pytest
from rdkit import Chem

from tests.virialff.molecules.test_lewis import flake
from virialff.molecules import aromaticity
from virialff.molecules.molecule import Molecule
from virialff.molecules.resonance import resonance_bonding


def molecule(numbers, bonds):
    bonding = resonance_bonding(numbers, bonds)
    return Molecule.from_arrays(numbers, bonds, bonding.orders)


@pytest.mark.parametrize(("rings", "wide"), [("c1ccccc1", False), ("C1CCC2CCCCC2C1", False)])
def test_few_rings_are_left_to_rdkit(rings, wide):
    assert aromaticity.is_wide(Chem.MolFromSmiles(rings)) is wide


@pytest.mark.parametrize("unit", ["c1ccc(cc1)", "C1CCC(CC1)", "c1occ(c1)C"])
def test_many_rings_in_systems_of_their_own_are_not_wide(unit):
    many = Chem.MolFromSmiles("C" + 40 * unit)
    assert many.GetRingInfo().NumRings() > aromaticity.MOST_FUSED_RINGS
    assert not aromaticity.is_wide(many)


def test_a_wide_system_with_a_ring_that_is_not_aromatic_takes_seconds():
    numbers, bonds, middle = flake(4)
    numbers[middle[4]] = 8
    start = time.process_time()
    found = molecule(numbers, bonds)
    again = Molecule.from_smiles(found.smiles)
    assert again.smiles == found.smiles
    assert sorted(again.orders) == sorted(found.orders)
    assert found.inchikey
    assert time.process_time() - start < 15


def test_the_rings_of_a_plain_flake_are_aromatic_either_way(monkeypatch):
    numbers, bonds, _ = flake(3)
    by_rdkit = molecule(numbers, bonds)
    monkeypatch.setattr(aromaticity, "MOST_FUSED_RINGS", 3)
    alone = molecule(numbers, bonds)
    np.testing.assert_array_equal(alone.orders, by_rdkit.orders)
    assert alone.smiles == by_rdkit.smiles
