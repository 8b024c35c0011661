"""The compiled loops against the torch path, their oracle."""

from __future__ import annotations

import subprocess
import sys
from itertools import islice

import numpy as np
import pytest
import torch

from virialff.conformers.generation import generate
from virialff.labels.store import LabelStore
from virialff.models import force_field as module
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule
from virialff.potential.energy import pair_energies, pair_energies_and_forces
from virialff.potential.kernel import LANES, CompiledPotential
from virialff.potential.parameters import PairParameters
from virialff.settings import ASSETS


def random_parameters(n_atoms: int, *, weight: float = 1.0, threshold: float | None = None) -> PairParameters:
    generator = torch.Generator().manual_seed(n_atoms)
    i, j = torch.triu_indices(n_atoms, n_atoms, 1)
    index = torch.stack([i, j]) if weight == 1.0 else torch.stack([torch.cat([i, j]), torch.cat([j, i])])
    n_rows = index.shape[1]
    coefficients = torch.randn(n_rows, 14, generator=generator, dtype=torch.float64)
    coefficients[:, 2::2] *= 20.0
    coefficients[:, 3::2] = 0.3 + torch.rand(n_rows, 6, generator=generator, dtype=torch.float64)
    return PairParameters(
        charges=0.3 * torch.randn(n_atoms, generator=generator, dtype=torch.float64),
        pair_index=index,
        bonded=torch.rand(n_rows, generator=generator) < 0.2,
        coefficients=coefficients,
        pair_molecules=torch.zeros(n_rows, dtype=torch.int64),
        n_molecules=1,
        weight=weight,
        threshold=threshold,
    )


def spread_positions(n_conformers: int, n_atoms: int) -> np.ndarray:
    """Atoms on a jittered grid, none nearer to another than 0.9 Angstrom."""
    generator = np.random.default_rng(n_atoms)
    grid = np.stack(np.meshgrid(*[np.arange(6)] * 3), axis=-1).reshape(-1, 3)[:n_atoms] * 1.5
    return grid + generator.uniform(-0.3, 0.3, (n_conformers, n_atoms, 3))


def assert_equal_to_torch(parameters: PairParameters, positions: np.ndarray, single_forces: float = 1e-3) -> None:
    energies, forces = pair_energies_and_forces(parameters, torch.from_numpy(positions))
    double = CompiledPotential(parameters, np.float64)
    assert np.abs(double.energies(positions) - energies[:, 0].numpy()).max() < 1e-9
    energies_too, forces_too = double.energies_and_forces(positions)
    assert np.abs(energies_too - energies[:, 0].numpy()).max() < 1e-9
    assert np.abs(forces_too - forces.numpy()).max() < 1e-9
    single = CompiledPotential(parameters, np.float32)
    energies_too, forces_too = single.energies_and_forces(positions)
    assert np.abs(single.energies(positions) - energies[:, 0].numpy()).max() < 1e-3
    assert np.abs(energies_too - energies[:, 0].numpy()).max() < 1e-3
    assert np.abs(forces_too - forces.numpy()).max() < single_forces


@pytest.mark.parametrize("n_conformers", [1, LANES - 1, LANES, LANES + 1, 3 * LANES + 5])
def test_any_number_of_conformers(n_conformers):
    assert_equal_to_torch(random_parameters(9), spread_positions(n_conformers, 9))


@pytest.mark.parametrize(("weight", "threshold"), [(1.0, 4.0), (0.5, None), (0.5, 3.0)])
def test_both_orders_of_a_pair_and_a_threshold(weight, threshold):
    assert_equal_to_torch(random_parameters(12, weight=weight, threshold=threshold), spread_positions(20, 12))


@pytest.mark.parametrize("model", ["default", "paper", "foundation-gfn2"])
def test_labelled_molecules_of_the_shipped_models(model):
    """Molecules and complexes of up to 60 atoms at geometries of the labels, displaced ones among them."""
    loaded = load_model(model)
    rows = list(islice(LabelStore(ASSETS / "data" / "gfn2_pushed.parquet").labels(), 0, 1200, 20))
    assert len(rows) == 60
    for seed, row in enumerate(rows):
        molecule = Molecule.from_arrays(row.numbers, row.bonds, row.orders)
        positions = np.asarray(row.positions) + np.random.default_rng(seed).normal(0, 0.02, (3, row.n_atoms, 3))
        # The printed Eq. 22 allows spikes 0.003 Angstrom wide, whose slope float32 positions do not resolve.
        single_forces = 1e-2 if model == "paper" else 1e-3
        assert_equal_to_torch(loaded.force_field(molecule).parameters, positions, single_forces)


def test_forces_feel_digits_of_positions_that_float32_has_not():
    """Two molecules far from each other, so that each is far from the center of both."""
    parameters, positions = random_parameters(8), spread_positions(20, 8)
    positions[:, 4:] += 3000.0
    rounded = (positions - positions.mean(axis=1, keepdims=True)).astype(np.float32).astype(np.float64)
    exact, of_rounded = (
        pair_energies_and_forces(parameters, torch.from_numpy(x))[1].numpy() for x in (positions, rounded)
    )
    assert np.abs(of_rounded - exact).max() > 5e-3
    _, forces = CompiledPotential(parameters, np.float32).energies_and_forces(positions)
    assert np.abs(forces - exact).max() < 1e-3


def test_what_is_no_number_stays_none():
    parameters, positions = random_parameters(5), spread_positions(LANES, 5)
    positions[3, 2, 1] = np.nan
    positions[7, 1] = positions[7, 0]
    torch_energies = pair_energies(parameters, torch.from_numpy(positions))[:, 0].numpy()
    for dtype in (np.float32, np.float64):
        energies, forces = CompiledPotential(parameters, dtype).energies_and_forces(positions)
        assert np.array_equal(np.isfinite(energies), np.isfinite(torch_energies))
        assert list(np.flatnonzero(~np.isfinite(energies))) == [3, 7]
        assert np.isnan(forces[[3, 7]]).any(axis=(1, 2)).all()
        assert np.isfinite(np.delete(forces, [3, 7], axis=0)).all()


def test_threads_share_the_blocks(monkeypatch):
    parameters, positions = random_parameters(40), spread_positions(700, 40)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    alone = CompiledPotential(parameters, np.float64).energies_and_forces(positions)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    shared = CompiledPotential(parameters, np.float64).energies_and_forces(positions)
    assert np.array_equal(alone[0], shared[0])
    assert np.array_equal(alone[1], shared[1])


@pytest.fixture(scope="module")
def butane():
    return generate(Molecule.from_smiles("CCCC"), n_conformers=3, seed=1)


def test_a_force_field_takes_it_for_many_conformers(butane, monkeypatch):
    force_field = load_model().force_field(butane)
    positions = np.repeat(butane.positions[:1], 3, axis=0) + np.random.default_rng(1).normal(0, 0.05, (3, 14, 3))
    by_torch = force_field.energy(positions)
    assert force_field._compiled(positions, torch.from_numpy(positions), single=False) is None
    monkeypatch.setattr(module, "COMPILED_FROM", 1)
    assert isinstance(force_field._compiled(positions, torch.from_numpy(positions), single=False), CompiledPotential)
    assert np.abs(force_field.energy(positions) - by_torch).max() < 1e-9
    in_single = force_field.energy(positions.astype(np.float32))
    assert 0 < np.abs(in_single - by_torch).max() < 1e-3
    energies, forces = force_field.energy_and_forces(positions)
    assert np.abs(energies - by_torch).max() < 1e-9
    assert forces.shape == positions.shape


def test_torch_serves_where_the_compiler_is_missing():
    code = """
import sys
sys.modules["numba"] = None
import numpy as np, virialff
from virialff.conformers import generate
from virialff.models import force_field
force_field.COMPILED_FROM = 1
molecule = generate(virialff.Molecule.from_smiles("CC"), n_conformers=1, seed=1)
positions = np.repeat(molecule.positions[:1], 4, axis=0)
print(virialff.load_model().force_field(molecule).energy(positions).shape)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.stdout.strip() == "(4,)", result.stderr
