"""Relaxation with an engine, and the changes it reports."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from virialff.conformers.generation import generate
from virialff.conformers.held import HeldCoordinate
from virialff.conformers.relax import Minimum, minimize, relax
from virialff.conformers.scans import value_of
from virialff.engines.xtb import Gfn2Engine, energy_and_forces
from virialff.errors import EngineError, MissingCoordinatesError
from virialff.molecules.changes import connectivity_changes
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


@pytest.mark.parametrize("smiles", ["O", "CC(=O)N", "COP(=O)(OC)OC", "BrCCS"])
def test_minimize_reaches_the_stated_force_below_the_start(smiles: str) -> None:
    molecule = generate(Molecule.from_smiles(smiles), 1)
    evaluate = partial(energy_and_forces, molecule.numbers)
    relaxed = minimize(evaluate, molecule.bonds, molecule.positions[0], force_tolerance=0.3, max_steps=99)
    assert relaxed.converged
    energy, forces = evaluate(relaxed.positions)
    assert np.linalg.norm(forces, axis=1).max() <= 0.3 + 1e-3
    assert energy == pytest.approx(relaxed.energy, abs=1e-6)
    assert energy < evaluate(molecule.positions[0])[0]
    assert connectivity_changes(molecule, relaxed.positions) == ()


def test_minimize_from_a_bad_start_never_ends_higher() -> None:
    molecule = generate(Molecule.from_smiles("CCO"), 1)
    bad = molecule.positions[0] + np.random.default_rng(2).normal(0.0, 0.25, molecule.positions[0].shape)
    evaluate = partial(energy_and_forces, molecule.numbers)
    relaxed = minimize(evaluate, molecule.bonds, bad, force_tolerance=0.1, max_steps=7)
    assert relaxed.n_steps == 7
    assert not relaxed.converged
    assert relaxed.energy < evaluate(bad)[0]
    assert np.abs(relaxed.forces).max() > 0.1


def test_a_held_torsion_stays_while_the_rest_relaxes() -> None:
    molecule = generate(Molecule.from_smiles("CCO"), 1)
    evaluate = partial(energy_and_forces, molecule.numbers)
    held = HeldCoordinate(molecule, "torsion", (0, 1, 2, 8), 120.0)
    steps: list[Minimum] = []
    start = held.put_back(molecule.positions[0])
    relaxed = minimize(
        evaluate, molecule.bonds, start, force_tolerance=0.5, max_steps=40, held=held, on_step=steps.append
    )
    assert relaxed.converged
    for step in steps:
        assert value_of(molecule.with_positions(step.positions), held.atoms) == pytest.approx(120.0, abs=1e-6)
    np.testing.assert_array_equal(steps[0].positions, start)
    np.testing.assert_array_equal(steps[-1].positions, relaxed.positions)
    assert len(steps) <= relaxed.n_steps + 1
    assert np.linalg.norm(held.free(relaxed.positions, relaxed.forces), axis=1).max() <= 0.5
    assert relaxed.largest_force > 1.0
    assert relaxed.energy < evaluate(start)[0]
    energy, forces = evaluate(relaxed.positions)
    assert relaxed.energy == pytest.approx(energy, abs=1e-6)
    np.testing.assert_allclose(relaxed.forces, forces, atol=1e-3)


def test_a_failure_says_which_conformer(alanine: Molecule) -> None:
    broken = np.stack([alanine.positions[0], np.full_like(alanine.positions[0], np.nan)])
    with pytest.raises(EngineError, match="conformer 2: the coordinates of atom 1"):
        relax(alanine, ENGINE, broken)
    with pytest.raises(MissingCoordinatesError):
        relax(Molecule.from_smiles("C"), ENGINE)
