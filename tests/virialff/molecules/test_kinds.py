"""Kinds of rotatable bonds, ring systems and contacts of molecules that a chemist can check."""

import numpy as np
import pytest

from virialff.molecules.kinds import COUNTED_TO, count_parts, pack_counts, parts_of, unpack_counts
from virialff.molecules.molecule import Molecule
from virialff.molecules.topology import bond_type_indices


def parts(molecule: Molecule | str):
    made = Molecule.from_smiles(molecule) if isinstance(molecule, str) else molecule
    positions = made.positions if made.n_conformers else None
    return parts_of(made.symbols, made.bonds, bond_type_indices(made.orders), positions)


def kinds(found) -> list[str]:
    return sorted(part.kind for part in found)


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CNC=O", ["C3u(H,Xu)-N3(C,H)", "C4(H,H,H)-N3(Cu,H)"]),
        ("CC", ["C4(H,H,H)-C4(H,H,H)"]),
        ("C1CCCCC1", []),
        ("C=C", []),
        ("CC#C", []),  # an atom of a triple bond ends no torsion
        ("c1ccccc1c1ccccc1", ["C3ar6(Ca,Ca)-C3ar6(Ca,Ca)"]),
        ("CSSC", ["C4(H,H,H)-S2(X)", "C4(H,H,H)-S2(X)", "S2(C)-S2(C)"]),
    ],
)
def test_rotatable_bonds(smiles, expected):
    assert kinds(parts(smiles).rotatable_bonds) == expected


def test_a_bond_is_named_by_its_atoms():
    (bond,) = parts("CO").rotatable_bonds
    assert sorted(bond.atoms) == [0, 1]


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("c1ccc2[nH]ccc2c1", ["C4N1a5/C6a6"]),
        ("C1CC1", ["C3"]),
        ("O=C1CCCC1", ["C5u1"]),
        ("C1CC12CC2", ["C3/C3"]),  # a spiro atom joins two rings
        ("c1ccccc1c1ccccc1", ["C6a6", "C6a6"]),  # a bond does not
        ("CCO", []),
    ],
)
def test_ring_systems(smiles, expected):
    assert kinds(parts(smiles).ring_systems) == expected


def test_the_atoms_of_a_ring_system():
    molecule = Molecule.from_smiles("Cc1ccc2[nH]ccc2c1")
    (system,) = parts(molecule).ring_systems
    assert set(system.atoms) == set(range(1, 10))


def water_pair(distance: float) -> Molecule:
    """Two waters, a hydrogen of the first on the line between the oxygens."""
    first = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.96], [0.93, 0.0, -0.24]])
    second = np.array([[0.0, 0.0, 0.0], [0.76, 0.0, 0.59], [-0.76, 0.0, 0.59]]) + [0.0, 0.0, distance]
    water = Molecule.from_smiles("O")
    return Molecule.join(water.with_positions(first), water.with_positions(second))


def test_contacts_are_pairs_that_touch():
    close = parts(water_pair(2.9)).contacts
    assert "H(O)...O2" in kinds(close)
    (bond,) = (part for part in close if part.kind == "H(O)...O2")
    assert set(bond.atoms) == {1, 3}  # the closest pair of its kind
    assert parts(water_pair(9.0)).contacts == ()


def test_no_contacts_without_coordinates_or_within_one_molecule():
    assert parts("O.O").contacts == ()
    alone = water_pair(2.9).fragment(0)
    assert parts(alone).contacts == ()


def test_kinds_do_not_depend_on_the_order_of_the_atoms():
    one, other = parts("CNC(=O)c1ccccc1"), parts("O=C(c1ccccc1)NC")
    assert kinds(one.rotatable_bonds) == kinds(other.rotatable_bonds)
    assert kinds(one.ring_systems) == kinds(other.ring_systems)


def test_counts_are_of_molecules_and_come_back_from_the_card():
    counted = count_parts([parts("CC"), parts("CC.CC"), parts("CO")])
    assert unpack_counts(counted["rotatable_bonds"]) == {"C4(H,H,H)-C4(H,H,H)": 2, "C4(H,H,H)-O2(H)": 1}
    assert counted["ring_systems"] == counted["contacts"] == {}
    assert unpack_counts(pack_counts({"a": 1, "b": 900})) == {"a": 1, "b": COUNTED_TO}
