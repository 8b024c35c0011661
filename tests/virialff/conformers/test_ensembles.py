"""Pruning and superimposing ensembles."""

import numpy as np
import pytest

from virialff.conformers.ensembles import displacements, prune, superimpose
from virialff.conformers.generation import search
from virialff.errors import MissingCoordinatesError, ShapeError
from virialff.molecules.molecule import Molecule


def turned(positions, angle=0.7):
    c, s = np.cos(angle), np.sin(angle)
    return positions @ np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]).T + np.array([1.0, -2.0, 0.5])


@pytest.fixture(scope="module")
def butanol():
    return search(Molecule.from_smiles("CCCCO"), 6)


def test_turned_copies_are_repeats_and_the_lowest_stays(butanol):
    molecule = butanol.molecule
    doubled = molecule.with_positions(np.concatenate([turned(molecule.positions), molecule.positions]))
    energies = np.concatenate([butanol.energies + 1.0, butanol.energies])
    calls = []
    pruning = prune(doubled, energies, rmsd=0.01, progress=lambda *numbers: calls.append(numbers))
    np.testing.assert_array_equal(pruning.kept, np.arange(6, 12)[np.argsort(butanol.energies)])
    assert (pruning.repeats, pruning.above_window, pruning.without_energy) == (6, 0, 0)
    assert calls[-1] == (12, 12)


def test_symmetry_equivalent_numberings_are_one_conformer():
    """A para-substituted ring turned by half a turn swaps equivalent carbon atoms."""
    molecule = search(Molecule.from_smiles("Cc1ccccc1"), 1).molecule
    mol = molecule.to_rdkit()
    matches = [m for m in mol.GetSubstructMatches(mol, uniquify=False) if m[2] != 2 and m[0] == 0]
    swapped = molecule.positions[0][list(matches[0])]
    pair = molecule.with_positions(np.array([molecule.positions[0], turned(swapped)]))
    assert prune(pair, [0.0, 0.1], rmsd=0.2).repeats == 1
    assert superimpose(pair).rmsd[1] < 0.1


def test_window_and_missing_energies(butanol):
    energies = np.array([5.0, 0.0, np.nan, 2.0, 9.0, 1.0])
    pruning = prune(butanol.molecule, energies, rmsd=0, energy_window=5.0)
    assert pruning.kept.tolist() == [1, 5, 3, 0]
    assert (pruning.repeats, pruning.above_window, pruning.without_energy) == (0, 1, 1)


def test_wrong_arguments(butanol):
    with pytest.raises(ShapeError):
        prune(butanol.molecule, [1.0])
    with pytest.raises(ValueError, match="negative"):
        prune(butanol.molecule, butanol.energies, rmsd=-1)
    with pytest.raises(MissingCoordinatesError):
        prune(Molecule.from_smiles("CC"), [])
    with pytest.raises(IndexError):
        superimpose(butanol.molecule, 6)


def test_superposition_undoes_a_turn_and_keeps_distances(butanol):
    molecule = butanol.molecule
    pair = molecule.with_positions(np.array([molecule.positions[0], turned(molecule.positions[0])]))
    laid = superimpose(pair, onto=1)
    np.testing.assert_allclose(laid.positions[0], pair.positions[1], atol=1e-6)
    np.testing.assert_allclose(laid.rmsd, 0, atol=1e-6)


def test_molecule_without_heavy_atoms():
    positions = np.array([[[0, 0, 0], [0, 0, 0.74]], [[0, 0, 0], [0, 0.74, 0]]])
    hydrogen = Molecule.from_smiles("[H][H]").with_positions(positions)
    assert prune(hydrogen, [0.0, 0.0]).repeats == 1


def test_how_far_conformers_moved() -> None:
    molecule = search(Molecule.from_smiles("CCCO"), 3).molecule
    before = molecule.positions
    after = before + 2.0
    after[1, 0] += [0.0, 0.0, 0.6]
    moved = displacements(molecule, before, after)
    assert moved[0] == pytest.approx(0.0, abs=1e-4)
    assert 0.1 < moved[1] < 0.6
    assert moved[2] == pytest.approx(0.0, abs=1e-4)
