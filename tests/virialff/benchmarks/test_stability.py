"""Langevin dynamics with known answers, and molecules that keep or lose their bonds."""

import numpy as np
import pytest
import torch

from virialff.benchmarks import stability as module
from virialff.benchmarks.stability import Langevin, StabilityResult, StabilityRow, join_parameters, stability
from virialff.conformers.generation import generate
from virialff.models.force_field import Model
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule
from virialff.potential.energy import pair_energies_and_forces
from virialff.potential.parameters import PairParameters


def spring(depth: float) -> PairParameters:
    """Two atoms 3 Angstrom apart in a Gaussian well of `depth` kcal/mol and width 1 Angstrom."""
    coefficients = torch.zeros(1, 14, dtype=torch.float64)
    coefficients[0, 8], coefficients[:, 3::2] = -depth, 1.0
    return PairParameters(
        torch.zeros(2, dtype=torch.float64),
        torch.tensor([[0], [1]]),
        torch.tensor([True]),
        coefficients,
        torch.tensor([0]),
        1,
    )


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("default")


@pytest.fixture(scope="module")
def molecules() -> list[Molecule]:
    return [generate(Molecule.from_smiles(smiles), n_conformers=1) for smiles in ("OCC(=O)NC", "CCOC")]


def test_the_parameters_of_several_molecules_as_one_batch(model, molecules):
    fields = model.force_fields(molecules)
    joined = join_parameters([field.parameters for field in fields])
    positions = np.concatenate([molecule.positions[0] for molecule in molecules])
    energies, forces = pair_energies_and_forces(joined, torch.from_numpy(positions)[None])
    for index, (field, molecule) in enumerate(zip(fields, molecules, strict=True)):
        assert field.pair_energy(molecule.positions[0]) == pytest.approx(float(energies[0, index]))
    alone = np.concatenate([field.forces(m.positions[0]) for field, m in zip(fields, molecules, strict=True)])
    np.testing.assert_allclose(forces[0].numpy(), alone, atol=1e-8)
    with pytest.raises(ValueError, match="different models"):
        join_parameters([fields[0].parameters, fields[1].parameters._replace(weight=0.5)])


def kinetic_energy(moving: Langevin) -> float:
    """kcal/mol."""
    return 0.5 * float((moving.masses * moving.velocities**2).sum()) / 4.184e-4


def test_the_thermostat_reaches_its_temperature():
    n = 60
    several = join_parameters([spring(20.0)] * n)
    start = np.zeros((2 * n, 3))
    start[1::2, 0] = 3.0
    moving = Langevin(several, np.full(2 * n, 6), start, 300.0, np.random.default_rng(2))
    temperatures = []
    for _ in range(40):
        moving.run(15)
        temperatures.append(2 * kinetic_energy(moving) / (3 * 2 * n * 1.987204259e-3))
    assert np.mean(temperatures[10:]) == pytest.approx(300.0, rel=0.05)


def test_without_a_thermostat_energy_is_conserved(monkeypatch):
    monkeypatch.setattr(module, "FRICTION", 0.0)
    parameters = spring(20.0)
    moving = Langevin(
        parameters, np.array([6, 6]), np.array([[0.0, 0, 0], [3.2, 0, 0]]), 300.0, np.random.default_rng(0)
    )

    def total() -> float:
        potential, _ = pair_energies_and_forces(parameters, torch.from_numpy(moving.positions)[None])
        return float(potential[0, 0]) + kinetic_energy(moving)

    before = total()
    moving.run(500)
    assert total() == pytest.approx(before, abs=0.01)


def test_sound_molecules_keep_their_bonds_and_progress_is_told(model, molecules):
    told = []
    rows = list(stability(model, molecules, picoseconds=0.2, progress=lambda done, total: told.append((done, total))))
    assert [row.n_heavy for row in rows] == [6, 4]
    assert all(row.keeps_relaxed and row.keeps_moving and row.changed_after_ps is None for row in rows)
    np.testing.assert_allclose(told, [(0.2, 0.4), (0.4, 0.4)])


def test_heat_breaks_bonds_and_stops_only_the_molecule(model, molecules):
    rows = list(stability(model, molecules, picoseconds=0.3, temperature=30_000.0))
    assert all(row.keeps_relaxed for row in rows)
    assert any(not row.keeps_moving for row in rows)
    broken = next(row for row in rows if not row.keeps_moving)
    assert broken.dynamics_changes
    assert broken.changed_after_ps is not None
    assert broken.changed_after_ps <= 0.3


def test_a_molecule_that_the_model_does_not_know_has_its_reason(random_model):
    thiol = generate(Molecule.from_smiles("CS"), n_conformers=1)
    (row,) = stability(random_model, [thiol], picoseconds=0.1)
    assert "was not trained on it" in row.failure
    with pytest.raises(ValueError, match="no molecule could be tried"):
        StabilityResult((row,), 0.1, 300.0).share("dynamics")


def test_shares_have_wilsons_interval():
    sound = StabilityRow("A", "C", 1, 5, True)
    broken = StabilityRow("B", "C", 1, 5, True, dynamics_changes=("x",), changed_after_ps=1.0)
    result = StabilityResult((sound,) * 9 + (broken,), 5.0, 300.0)
    assert result.share("relaxation")[0] == 1.0
    # Wilson's interval of 9 in 10, as tables give it.
    np.testing.assert_allclose(result.share("dynamics"), (0.9, 0.596, 0.982), atol=1e-3)
