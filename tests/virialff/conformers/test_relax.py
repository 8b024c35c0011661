"""Relaxation with an engine, and the changes it reports."""

from __future__ import annotations

import numpy as np
import pytest

from virialff.conformers.generation import generate
from virialff.conformers.relax import connectivity_changes, relax, stereochemistry_changes
from virialff.engines.xtb import Gfn2Engine
from virialff.errors import EngineError, MissingCoordinatesError
from virialff.molecules.molecule import Molecule

ENGINE = Gfn2Engine()


@pytest.fixture(scope="module")
def alanine() -> Molecule:
    return generate(Molecule.from_smiles("C[C@H](N)C(=O)O"), 2, seed=1)


def test_relaxed_geometries_have_small_forces_and_lower_energies(alanine: Molecule) -> None:
    before = alanine.positions.copy()
    calls: list[tuple[int, int]] = []
    result = relax(alanine, ENGINE, force_tolerance=0.3, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]
    np.testing.assert_array_equal(alanine.positions, before)
    assert result.level_of_theory == "GFN2-xTB"
    energies, forces = ENGINE.energy_and_forces(alanine, result.molecule.positions)
    start = ENGINE.energy(alanine, alanine.positions)
    for k, conformer in enumerate(result.conformers):
        assert conformer.converged
        assert conformer.changes == ()
        assert conformer.energy == pytest.approx(energies[k], abs=1e-6)
        assert conformer.largest_force == pytest.approx(np.linalg.norm(forces[k], axis=1).max(), abs=1e-4)
        assert conformer.largest_force <= 0.3
        assert conformer.energy < start[k] - 1


def test_water_gets_its_gfn2_geometry() -> None:
    water = generate(Molecule.from_smiles("O"), 1)
    geometry = relax(water, ENGINE, force_tolerance=0.05).molecule.positions[0]
    first, second = geometry[1] - geometry[0], geometry[2] - geometry[0]
    lengths = np.linalg.norm(first), np.linalg.norm(second)
    # `xtb --opt vtight` of the program gives 0.9592 Angstrom and 107.2 degrees.
    np.testing.assert_allclose(lengths, 0.9592, atol=5e-4)
    assert np.degrees(np.arccos(first @ second / np.prod(lengths))) == pytest.approx(107.2, abs=0.3)


def test_too_few_steps_are_not_called_converged(alanine: Molecule) -> None:
    (conformer,) = relax(alanine, ENGINE, alanine.positions[0], max_steps=2).conformers
    assert not conformer.converged
    assert conformer.n_steps == 2
    assert conformer.largest_force > 0.5


def test_a_broken_bond_is_reported() -> None:
    water = generate(Molecule.from_smiles("O"), 1)
    torn = water.positions[0].copy()
    torn[1] = torn[0] + np.array([0.0, 0.0, 2.5])
    (change,) = connectivity_changes(water, torn)
    assert change == "the bond between atoms 1 (O) and 2 (H) broke (2.50 Angstrom)"


def test_a_new_bond_is_reported() -> None:
    two = Molecule.from_smiles("[H][H].[H][H]")
    line = np.array([[0, 0, 0], [0, 0, 0.74], [0, 0, 1.4], [0, 0, 2.14]])
    assert two.bonds.tolist() == [[0, 1], [2, 3]]
    assert connectivity_changes(two, line) == ("atoms 2 (H) and 3 (H) formed a bond (0.66 Angstrom)",)


@pytest.mark.parametrize("smiles", ["CS(=O)(=O)N", "FC(Cl)(Br)CP", "C1CC1", "C#N", "N[N+](=O)[O-]", "BrCC(Br)Cl"])
def test_ordinary_geometries_change_nothing(smiles: str) -> None:
    molecule = generate(Molecule.from_smiles(smiles), 3)
    for geometry in molecule.positions:
        assert connectivity_changes(molecule, geometry) == ()


def test_a_mirror_image_changes_the_configuration(alanine: Molecule) -> None:
    geometry = alanine.positions[0]
    (change,) = stereochemistry_changes(alanine, geometry, geometry * [1, 1, -1])
    assert change == "the configuration at atom 2 (C) changed"
    assert stereochemistry_changes(alanine, geometry, alanine.positions[1]) == ()


def test_a_turned_double_bond_changes_the_configuration() -> None:
    e, z = (generate(Molecule.from_smiles(smiles), 1) for smiles in ("F/C=C/Cl", r"F/C=C\Cl"))
    (change,) = stereochemistry_changes(e, e.positions[0], z.positions[0])
    assert change == "the configuration at the double bond between atoms 2 (C) and 3 (C) changed"


def test_a_failure_says_which_conformer(alanine: Molecule) -> None:
    broken = np.stack([alanine.positions[0], np.full_like(alanine.positions[0], np.nan)])
    with pytest.raises(EngineError, match="conformer 2: the coordinates of atom 1"):
        relax(alanine, ENGINE, broken)
    with pytest.raises(MissingCoordinatesError):
        relax(Molecule.from_smiles("C"), ENGINE)
