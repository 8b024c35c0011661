"""Conformers: generation that keeps the molecule, pruning, relative energies and weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem
from scipy.stats import rankdata

from virialff.conformers import generation
from virialff.conformers.ensembles import RMSD_TOLERANCE, degeneracies, prune
from virialff.conformers.generation import (
    boltzmann_weights,
    energy_ranks,
    generate,
    relative_energies,
    search,
)
from virialff.engines.xtb import Gfn2Engine
from virialff.errors import EmbeddingError, EngineError, MissingCoordinatesError
from virialff.molecules.molecule import Molecule
from virialff.units import GAS_CONSTANT

# A sugar, a drug with a double bond and undefined centres, and both double-bond isomers.
CHIRAL = ("OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O", "C/C=C/C(=O)N[C@@H](C)C(=O)O", r"C/C=C\CC(F)(Cl)Br")


def _smiles_of_geometry(molecule: Molecule, conformer: int) -> str:
    mol = molecule.with_positions(molecule.positions[conformer]).to_rdkit()
    Chem.AssignStereochemistryFrom3D(mol)
    return Chem.MolToSmiles(Chem.RemoveHs(mol))


def _distances(positions: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions[..., :, None, :] - positions[..., None, :, :], axis=-1)


def test_the_molecule_stays_what_it_is() -> None:
    molecule = Molecule.from_smiles("CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O")
    result = generate(molecule, 5)
    np.testing.assert_array_equal(result.numbers, molecule.numbers)
    np.testing.assert_array_equal(result.bonds, molecule.bonds)
    np.testing.assert_array_equal(result.orders, molecule.orders)
    assert result.smiles == molecule.smiles
    assert 1 < result.n_conformers <= 5
    lengths = _distances(result.positions)[:, molecule.bonds[:, 0], molecule.bonds[:, 1]]
    assert lengths.min() > 0.9
    assert lengths.max() < 1.6


def test_an_unusual_atom_order_is_kept() -> None:
    ethanol = Molecule.from_smiles("CCO")
    order = np.array([4, 2, 0, 8, 1, 3, 7, 5, 6])
    bonds = np.sort(np.argsort(order)[ethanol.bonds], axis=1)
    shuffled = Molecule.from_arrays(ethanol.numbers[order], bonds, ethanol.orders)
    result = generate(shuffled, 2)
    np.testing.assert_array_equal(result.numbers, ethanol.numbers[order])
    lengths = _distances(result.positions)[:, bonds[:, 0], bonds[:, 1]]
    assert lengths.max() < 1.6


@pytest.mark.parametrize("smiles", CHIRAL)
def test_stereochemistry_is_kept(smiles: str) -> None:
    molecule = Molecule.from_smiles(smiles)
    result = generate(molecule, 6)
    found = {_smiles_of_geometry(result, k) for k in range(result.n_conformers)}
    assert len(found) == 1
    defined = Chem.MolFromSmiles(smiles)
    assert Chem.MolFromSmiles(found.pop()).HasSubstructMatch(defined, useChirality=True)


def test_undefined_centres_are_the_same_in_all_conformers() -> None:
    molecule = Molecule.from_smiles("CC(O)C(N)C(F)C=CC")
    result = generate(molecule, 12)
    assert result.n_conformers > 3
    assert len({_smiles_of_geometry(result, k) for k in range(result.n_conformers)}) == 1


@pytest.mark.parametrize("smiles", ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", r"F/C=C\F", "F/C=C/F"])
def test_undefined_centres_follow_the_coordinates_that_came_with_the_molecule(smiles: str) -> None:
    given_geometry = generate(Molecule.from_smiles(smiles), 1)
    bare = Molecule.from_arrays(
        given_geometry.numbers, given_geometry.bonds, given_geometry.orders, given_geometry.positions
    )
    result = generate(bare, 4, seed=11)
    expected = _smiles_of_geometry(given_geometry, 0)
    assert {_smiles_of_geometry(result, k) for k in range(result.n_conformers)} == {expected}


@pytest.mark.parametrize("smiles", ["CC=C1CC(=CC)C1", "CC=C=CC", "CC1CC2(C1)CC1(C2)CC(C)C1"])
def test_isomers_that_a_formula_cannot_hold_follow_the_coordinates(smiles: str) -> None:
    molecule = Molecule.from_smiles(smiles)
    for seed in range(1, 5):
        given_geometry = generate(molecule, 1, seed=seed)
        for n_conformers in (1, 3):
            result = generate(given_geometry, n_conformers, seed=seed + 20)
            assert result.same_structure(given_geometry)


def test_the_seed_decides() -> None:
    molecule = Molecule.from_smiles("CCCC(=O)NCCO")
    first, again, other = (generate(molecule, 6, seed=seed).positions for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or not np.allclose(first, other)


def test_butane_has_its_conformers_the_gauche_one_twice() -> None:
    result = search(Molecule.from_smiles("CCCC"), 20)
    assert result.force_field == "MMFF94s"
    assert result.n_embedded == 80
    # Anti, and 0.8 kcal/mol above it the gauche form (MMFF94, Halgren 1996), which stands for its mirror image too.
    np.testing.assert_allclose(result.energies - result.energies[0], [0.0, 0.78], atol=0.02)
    assert degeneracies(result.molecule, result.energies).tolist() == [1, 2]
    ends = _distances(result.molecule.positions)[:, 0, 3]
    assert ends[0] > 3.8 > ends[1:].max()


def test_lowest_first_distinct_and_within_the_window() -> None:
    molecule = Molecule.from_smiles("OCC(N)CC(=O)OCC")
    result = search(molecule, 30, energy_window=4.0)
    assert (np.diff(result.energies) >= 0).all()
    assert result.energies[-1] - result.energies[0] <= 4.0
    wide = search(molecule, 30, energy_window=None)
    assert wide.molecule.n_conformers > result.molecule.n_conformers
    heavy = Chem.RemoveHs(result.molecule.to_rdkit())
    rms = np.array(Chem.rdMolAlign.GetAllConformerBestRMS(heavy))
    first, second = np.tril_indices(result.molecule.n_conformers, k=-1)
    close = np.abs(result.energies[first] - result.energies[second]) <= 0.05
    assert (rms[close] > RMSD_TOLERANCE).all()


def test_rigid_molecules_have_one_conformer() -> None:
    for smiles in ("O", "[H][H]", "c1ccccc1", "C12C3C4C1C5C2C3C45"):
        assert generate(Molecule.from_smiles(smiles), 8).n_conformers == 1


@pytest.mark.parametrize(
    ("smiles", "smallest"),
    [
        ("FS(F)(F)(F)(F)F", 88),
        ("O=S(F)(F)(F)F", 80),
        ("FP(F)(F)(F)F", 88),
        ("FS(F)(F)F", 80),
        ("CP(F)(F)(F)F", 80),
        ("ClS(F)(F)(F)(F)F", 85),
        ("O=S(=O)=O", 119),
        ("C=S(=O)=O", 115),
        ("OP(=O)=O", 110),
    ],
)
def test_hypervalent_centres_are_relaxed_with_gfn2(smiles: str, smallest: float) -> None:
    result = search(Molecule.from_smiles(smiles), 1)
    assert result.force_field == "GFN2-xTB"
    assert np.isfinite(result.energies).all()
    molecule = result.molecule
    centre = int(np.bincount(molecule.bonds.ravel()).argmax())
    bonds = molecule.bonds[(molecule.bonds == centre).any(axis=1)]
    arms = molecule.positions[0, bonds[bonds != centre]] - molecule.positions[0, centre]
    cosines = (arms @ arms.T) / np.outer(*[np.linalg.norm(arms, axis=1)] * 2)
    assert np.degrees(np.arccos(cosines[np.triu_indices(len(arms), 1)].max())) > smallest


def test_without_gfn2_a_hypervalent_centre_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise EngineError("tblite is not installed")

    monkeypatch.setattr(Gfn2Engine, "energy_and_forces", fail)
    with pytest.raises(EmbeddingError, match="MMFF94s cannot relax F6S, and GFN2-xTB cannot either"):
        search(Molecule.from_smiles("FS(F)(F)(F)(F)F"), 1)


@pytest.mark.parametrize(
    ("smiles", "counts"),
    [
        ("CCO", [1, 2]),
        ("OCC=O", [1, 2, 2]),
        ("CC(C)CC", [2, 1]),
        ("FCCF", [2, 1]),
        ("C[C@H](F)Cl", [1]),
        ("c1ccccc1", [1]),
    ],
)
def test_mirror_images_of_achiral_molecules_count_in_populations(smiles: str, counts: list[int]) -> None:
    result = search(Molecule.from_smiles(smiles), 12)
    found = degeneracies(result.molecule, result.energies)
    assert found.tolist() == counts
    both = np.concatenate([result.molecule.positions, result.molecule.positions * [1, 1, -1]])
    if "@" not in smiles:
        # An ensemble that has both forms has the same populations.
        pair = result.molecule.with_positions(both)
        energies = np.tile(result.energies, 2)
        assert degeneracies(pair, energies).tolist() == [1] * len(both)
        kept = prune(pair, energies).kept
        assert len(kept) == len(counts)
        weights = boltzmann_weights(energies[kept], 298.15, degeneracies(result.molecule, result.energies))
        np.testing.assert_allclose(weights, boltzmann_weights(result.energies, 298.15, counts))


@pytest.mark.parametrize(
    "smiles",
    [
        "C1C2CC1C2",
        "CC12CC(C)(C1)C2",
        "OC(=O)C12CC(C1)(C2)C(=O)O",
        "C1C2CC3CC1CC(C2)C3",
        "C12C3C4C1C5C2C3C45",
        "C1CN2CCN1CC2",
    ],
)
def test_cages_have_conformers_although_rdkit_sees_stereocentres(smiles: str) -> None:
    assert search(Molecule.from_smiles(smiles), 3).molecule.n_conformers >= 1


def test_a_fullerene_is_embedded_without_knowledge_of_torsions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation, "_EMBEDDING_SECONDS", 2)
    smiles = (
        "c12c3c4c5c1c1c6c7c2c2c8c3c3c9c4c4c%10c5c5c1c1c6c6c%11c7c2c2c7c8c3c3c8c9c4c4c9c%10c5c5c1c1c6c6c%11c2c2c7c3c3"
        "c8c4c4c9c5c1c1c6c2c3c41"
    )
    geometry = search(Molecule.from_smiles(smiles), 1).molecule.positions[0]
    radii = np.linalg.norm(geometry - geometry.mean(axis=0), axis=1)
    assert radii.min() > 3.2
    assert radii.max() < 3.9


def test_without_minimization_the_embedded_geometries_are_kept() -> None:
    molecule = Molecule.from_smiles("CCCCO")
    result = search(molecule, 5, minimize=None)
    assert result.force_field is None
    assert np.isnan(result.energies).all()
    assert result.molecule.n_conformers == 5
    lengths = _distances(search(molecule, 5).molecule.positions)[:, 0, 1]
    assert np.ptp(lengths) < 0.01 < np.ptp(_distances(result.molecule.positions)[:, 0, 1])


def test_a_complex_is_refused_with_what_to_do() -> None:
    with pytest.raises(MissingCoordinatesError, match="complex of 2; give a file with its coordinates"):
        generate(Molecule.from_smiles("O.CO"), 3)


def test_an_impossible_geometry_is_refused_with_what_to_check() -> None:
    # Norbornane with one bridgehead hydrogen inside the cage.
    impossible = Molecule.from_smiles("C1C[C@H]2CC[C@H]1C2")
    with pytest.raises(EmbeddingError, match="no three-dimensional geometry of C7H12 could be made"):
        generate(impossible, 1)


def test_no_conformers_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        generate(Molecule.from_smiles("C"), 0)


energies = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)


@given(energies, st.floats(-1e5, 1e5))
def test_relative_energies_do_not_see_the_zero(values: list[float], shift: float) -> None:
    relative = relative_energies(values)
    assert relative.min() == 0
    np.testing.assert_allclose(relative_energies(np.array(values) + shift), relative, atol=1e-6)


@given(st.lists(st.floats(0, 20), min_size=1, max_size=12), st.floats(50, 2000))
def test_boltzmann_weights_are_populations(values: list[float], temperature: float) -> None:
    weights = boltzmann_weights(values, temperature)
    assert weights.sum() == pytest.approx(1.0)
    ratio = np.exp(-(values[0] - values[-1]) / (GAS_CONSTANT * temperature))
    assert weights[0] == pytest.approx(ratio * weights[-1], rel=1e-9)


def test_boltzmann_weight_of_one_rt() -> None:
    one_rt = 0.001987204259 * 298.15
    np.testing.assert_allclose(boltzmann_weights([0.0, one_rt]), [0.7310585786, 0.2689414214])
    with pytest.raises(ValueError, match="positive, got 0 K"):
        boltzmann_weights([0.0], 0.0)


def test_energies_that_differ_by_noise_share_a_rank() -> None:
    np.testing.assert_array_equal(energy_ranks([0.0, 1.0002, 1.0, 2.0]), [1, 2, 2, 4])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=10))
def test_ranks_are_those_of_scipy(values: list[int]) -> None:
    np.testing.assert_array_equal(energy_ranks(values), rankdata(values, method="min"))


def test_a_conformer_without_energy_has_none_of_the_rest() -> None:
    values = np.array([2.0, np.nan, 1.0])
    np.testing.assert_array_equal(relative_energies(values), [1.0, np.nan, 0.0])
    np.testing.assert_array_equal(energy_ranks(values), [2.0, np.nan, 1.0])
    weights = boltzmann_weights(values)
    assert np.isnan(weights[1])
    assert np.nansum(weights) == pytest.approx(1.0)
    assert np.isnan(relative_energies([np.nan, np.nan])).all()
