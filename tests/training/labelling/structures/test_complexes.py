from collections.abc import Callable

import numpy as np
import pytest

from training.labelling.structures import complexes, geometries
from virialff.errors import MoleculeError
from virialff.molecules.molecule import Molecule
from virialff.molecules.placement import contact_distances


def placed(smiles: str) -> Molecule:
    molecule = Molecule.from_smiles(smiles)
    return molecule.with_positions(geometries.embed(molecule, 1, seed=1).positions[:1])


def shortest_ratio(a: Molecule, b: Molecule, positions: np.ndarray) -> float:
    first, second = positions[: a.n_atoms], positions[a.n_atoms :]
    distances = np.linalg.norm(first[:, None] - second[None], axis=-1)
    return float((distances / contact_distances(a.numbers, b.numbers)).min())


def internal(positions: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions[:, None] - positions[None], axis=-1)


@pytest.mark.parametrize("arrange", [complexes.contact_pair, complexes.stacked_pair])
def test_contacts_are_at_the_stated_factor_with_frozen_monomers(
    arrange: Callable[..., np.ndarray],
) -> None:
    a, b = placed("CC(=O)N"), placed("c1ccncc1")
    factors = (0.85, 1.0, 1.3, 2.0)
    made = arrange(a, b, factors, np.random.default_rng(3))
    assert made.shape == (4, a.n_atoms + b.n_atoms, 3)
    for factor, positions in zip(factors, made, strict=True):
        assert shortest_ratio(a, b, positions) == pytest.approx(factor, abs=1e-6)
        np.testing.assert_allclose(internal(positions[: a.n_atoms]), internal(a.positions[0]), atol=1e-9)
        np.testing.assert_allclose(internal(positions[a.n_atoms :]), internal(b.positions[0]), atol=1e-9)


def test_stacked_planes_are_parallel() -> None:
    a, b = placed("c1ccccc1"), placed("c1ccncc1")
    positions = complexes.stacked_pair(a, b, (1.0,), np.random.default_rng(0))[0]
    normals = [np.linalg.svd(part - part.mean(0))[2][2] for part in (positions[: a.n_atoms], positions[a.n_atoms :])]
    assert abs(normals[0] @ normals[1]) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("smiles", "n_donors", "acceptors"),
    [
        ("O", 2, ["O"]),
        ("CC(=O)N", 2, ["O"]),  # the amide nitrogen has no free pair to offer
        ("c1ccncc1", 0, ["N"]),
        ("c1cc[nH]c1", 1, []),
        ("CN(C)C", 0, ["N"]),
        ("C#C", 2, []),
        ("C[N+](=O)[O-]", 0, ["O", "O"]),
        ("CCBr", 0, ["Br"]),
        ("CP(C)C", 0, ["P"]),
        ("CS(C)(=O)=O", 0, ["O", "O"]),
        ("Nc1ccccc1", 2, []),
    ],
)
def test_donors_and_acceptors(smiles: str, n_donors: int, acceptors: list[str]) -> None:
    molecule = placed(smiles)
    assert len(complexes.donor_hydrogens(molecule)) == n_donors
    sites = complexes.acceptor_sites(molecule, np.random.default_rng(0))
    assert [molecule.symbols[site.atom] for site in sites] == acceptors
    assert all(np.linalg.norm(site.direction) == pytest.approx(1.0) for site in sites)


def test_lone_pairs_point_away_from_the_bonds() -> None:
    pyridine, formaldehyde = placed("c1ccncc1"), placed("C=O")
    site = complexes.acceptor_sites(pyridine, np.random.default_rng(0))[0]
    outward = pyridine.positions[0][site.atom] - pyridine.positions[0].mean(0)
    assert site.direction @ outward / np.linalg.norm(outward) > 0.99
    site = complexes.acceptor_sites(formaldehyde, np.random.default_rng(0))[0]
    positions = formaldehyde.positions[0]
    bond = positions[1] - positions[0]
    normal = np.cross(positions[2] - positions[0], positions[3] - positions[0])
    assert site.direction @ bond / np.linalg.norm(bond) == pytest.approx(0.5, abs=1e-6)
    assert site.direction @ normal == pytest.approx(0.0, abs=1e-2)


def test_hydrogen_bond_has_its_distance_and_is_nearly_straight() -> None:
    donor, acceptor = placed("O"), placed("CC(C)=O")
    oxygen = donor.n_atoms + acceptor.symbols.index("O")
    generator = np.random.default_rng(4)
    for low, high in complexes.HYDROGEN_BOND_RANGES:
        positions = complexes.hydrogen_bonded_pair(donor, acceptor, (low, high), generator)
        assert positions is not None
        distances = np.linalg.norm(positions[1:3] - positions[oxygen], axis=1)
        hydrogen = 1 + int(distances.argmin())
        assert low <= distances.min() <= high
        first, second = positions[0] - positions[hydrogen], positions[oxygen] - positions[hydrogen]
        cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
        assert np.degrees(np.arccos(cosine)) > 125


def test_no_hydrogen_bond_without_donor() -> None:
    methane, water = placed("C"), placed("O")
    assert complexes.hydrogen_bonded_pair(methane, water, (1.8, 2.0), np.random.default_rng(0)) is None
    assert complexes.hydrogen_bonded_pair(water, methane, (1.8, 2.0), np.random.default_rng(0)) is None


def test_scan_multiplies_the_shortest_distance_along_the_centres() -> None:
    a, b = placed("O"), placed("N")
    start = complexes.contact_pair(a, b, (1.0,), np.random.default_rng(0))[0]
    moved = complexes.scan(Molecule.join(a, b), start, (0.9, 1.0, 2.0))
    np.testing.assert_allclose(moved[1], start)
    np.testing.assert_allclose(moved[:, :3], np.repeat(start[None, :3], 3, axis=0))
    shortest = np.linalg.norm(start[:3, None] - start[None, 3:], axis=-1).min()
    shift = moved[2, 3:].mean(0) - start[3:].mean(0)
    assert np.linalg.norm(shift) == pytest.approx(shortest)
    line = start[3:].mean(0) - start[:3].mean(0)
    assert shift @ line == pytest.approx(np.linalg.norm(shift) * np.linalg.norm(line))


def test_scan_needs_two_molecules() -> None:
    with pytest.raises(MoleculeError, match="exactly two molecules"):
        complexes.scan(Molecule.from_smiles("O"), np.zeros((3, 3)), (1.0,))
