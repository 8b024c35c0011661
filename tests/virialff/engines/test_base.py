"""What every engine must do, whatever computes inside."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from virialff.engines import ENGINES, get_engine
from virialff.engines.base import Engine, missing_elements, symbol
from virialff.errors import EngineError, ShapeError
from virialff.molecules.molecule import Molecule


def test_energies_and_forces_have_the_conformer_axis(engine: Engine, glycine: Molecule) -> None:
    n, atoms = glycine.n_conformers, glycine.n_atoms
    assert n > 1
    energies, forces = engine.energy_and_forces(glycine, glycine.positions)
    assert energies.shape == (n,)
    assert forces.shape == (n, atoms, 3)
    assert energies.dtype == forces.dtype == np.float64
    assert engine.energy(glycine, glycine.positions[0]).shape == (1,)
    assert engine.forces(glycine, glycine.positions[0]).shape == (1, atoms, 3)


def test_a_batch_gives_what_its_conformers_give_alone(engine: Engine, glycine: Molecule) -> None:
    energies, forces = engine.energy_and_forces(glycine, glycine.positions)
    for k in reversed(range(glycine.n_conformers)):
        energy, force = engine.energy_and_forces(glycine, glycine.positions[k])
        assert energy[0] == pytest.approx(energies[k], abs=1e-6)
        np.testing.assert_allclose(force[0], forces[k], atol=1e-6)


def test_energy_alone_and_forces_alone_are_those_of_both(engine: Engine, glycine: Molecule) -> None:
    energies, forces = engine.energy_and_forces(glycine, glycine.positions)
    np.testing.assert_allclose(engine.energy(glycine, glycine.positions), energies, atol=1e-7)
    np.testing.assert_allclose(engine.forces(glycine, glycine.positions), forces, atol=1e-7)


def test_forces_are_the_slope_of_the_energy(engine: Engine, water: Molecule) -> None:
    step = 1e-3
    displaced = np.array(
        [water.positions[0] + sign * step * np.eye(9)[k].reshape(3, 3) for k in range(9) for sign in (-1, 1)]
    )
    energies = engine.energy(water, displaced).reshape(9, 2)
    slopes = (energies[:, 1] - energies[:, 0]) / (2 * step)
    np.testing.assert_allclose(engine.forces(water, water.positions)[0], -slopes.reshape(3, 3), atol=5e-3)


def test_rotating_moving_and_renumbering_changes_nothing(engine: Engine, glycine: Molecule) -> None:
    positions = glycine.positions[:1]
    energy, forces = engine.energy_and_forces(glycine, positions)
    rotation = Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix()
    moved = positions @ rotation.T + np.array([5.0, -3.0, 1.0])
    moved_energy, moved_forces = engine.energy_and_forces(glycine, moved)
    assert moved_energy[0] == pytest.approx(energy[0], abs=1e-4)
    np.testing.assert_allclose(moved_forces, forces @ rotation.T, atol=2e-3)

    order = np.random.default_rng(2).permutation(glycine.n_atoms)
    bonds = np.sort(np.argsort(order)[glycine.bonds], axis=1)
    renumbered = Molecule.from_arrays(glycine.numbers[order], bonds, glycine.orders, positions[:, order])
    other_energy, other_forces = engine.energy_and_forces(renumbered, renumbered.positions)
    assert other_energy[0] == pytest.approx(energy[0], abs=1e-4)
    np.testing.assert_allclose(other_forces, forces[:, order], atol=2e-3)


def test_the_input_is_left_alone(engine: Engine, glycine: Molecule) -> None:
    positions = glycine.positions.copy()
    engine.energy_and_forces(glycine, positions)
    np.testing.assert_array_equal(positions, glycine.positions)


def test_a_molecule_is_bound_against_its_atoms(engine: Engine, water: Molecule) -> None:
    atoms = engine.atomic_energies(water.numbers)
    assert atoms.shape == (3,)
    atomization = atoms.sum() - engine.energy(water, water.positions)[0]
    # 232 kcal/mol without vibrations (from experiment); GFN2-xTB overbinds.
    assert 200 < atomization < 340


def test_progress_is_reported_and_its_exception_stops(engine: Engine, glycine: Molecule) -> None:
    calls: list[tuple[int, int]] = []
    engine.energy(glycine, glycine.positions, progress=lambda done, total: calls.append((done, total)))
    n = glycine.n_conformers
    assert calls[-1] == (n, n)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})

    class StoppedError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        engine.forces(glycine, glycine.positions, progress=stop)
    assert engine.energy(glycine, glycine.positions).shape == (n,)


def test_wrong_shapes_say_what_was_expected(engine: Engine, water: Molecule) -> None:
    with pytest.raises(ShapeError, match=r"shape \(4, 3\), expected \(3, 3\) or \(n_conformers, 3, 3\)"):
        engine.energy(water, np.zeros((4, 3)))


def test_coordinates_without_meaning_are_refused(engine: Engine, water: Molecule) -> None:
    with pytest.raises(EngineError, match=r"conformer 2: atoms 1 and 2 are 0\.000 Angstrom apart"):
        engine.energy(water, np.stack([water.positions[0], np.array([[0, 0, 0], [0, 0, 0], [1.0, 0, 0]])]))
    with pytest.raises(EngineError, match="coordinates of atom 3 are not finite"):
        engine.energy(water, np.array([[0, 0, 0], [0, 0, 1], [np.nan, 0, 0]]))


def test_every_engine_is_there_and_says_so() -> None:
    for name in ENGINES:
        found = get_engine(name)
        assert found.name == name
        assert found is get_engine(name)
        assert found.available() is None
    with pytest.raises(EngineError, match="there is no engine 'psi5'; choose one of gfn2, ani"):
        get_engine("psi5")


def test_missing_elements_are_named() -> None:
    assert missing_elements("X", [1, 6], frozenset({1, 6})) is None
    assert missing_elements("ANI-2x", [35, 1, 15], frozenset({1})) == "ANI-2x has no parameters for P and Br"
    assert symbol(17) == "Cl"
    assert symbol(130) == "element 130"
