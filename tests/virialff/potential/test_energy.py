"""The sum over pairs: forces against autograd, decomposition, bonded pairs, threshold, precision."""

import pytest
import torch

from virialff.molecules.topology import all_pairs
from virialff.potential.energy import pair_energies, pair_energies_and_forces, pair_terms
from virialff.potential.parameters import PairParameters


def random_parameters(n_atoms: int, *, dtype=torch.float64, **changes) -> PairParameters:
    generator = torch.Generator().manual_seed(3)
    index = torch.from_numpy(all_pairs(n_atoms))
    n_pairs = index.shape[1]
    coefficients = torch.randn(n_pairs, 14, generator=generator, dtype=torch.float64)
    coefficients[:, 0] *= 300
    coefficients[:, 1] *= 1e4
    coefficients[:, 3::2] += torch.sign(coefficients[:, 3::2]) * 0.3
    return PairParameters(
        charges=torch.randn(n_atoms, generator=generator, dtype=torch.float64).to(dtype),
        pair_index=index,
        bonded=torch.arange(n_pairs) % 4 == 0,
        coefficients=coefficients.to(dtype),
        pair_molecules=torch.zeros(n_pairs, dtype=torch.int64),
        n_molecules=1,
    )._replace(**changes)


def spread_positions(n_conformers: int, n_atoms: int) -> torch.Tensor:
    grid = torch.cartesian_prod(*[torch.arange(3.0)] * 3)[:n_atoms].double() * 1.7
    noise = torch.randn(n_conformers, n_atoms, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    return grid + 0.2 * noise


@pytest.mark.parametrize("threshold", [None, 3.1])
def test_forces_are_minus_the_gradient(threshold):
    parameters = random_parameters(9, threshold=threshold)
    positions = spread_positions(4, 9).requires_grad_(True)
    (gradient,) = torch.autograd.grad(pair_energies(parameters, positions).sum(), positions)
    energies, forces = pair_energies_and_forces(parameters, positions.detach())
    torch.testing.assert_close(forces, -gradient, rtol=1e-9, atol=1e-8)
    torch.testing.assert_close(energies, pair_energies(parameters, positions.detach()))


def test_forces_against_finite_differences():
    parameters, positions, step = random_parameters(6), spread_positions(1, 6), 1e-4
    forces = pair_energies_and_forces(parameters, positions)[1]
    for atom, axis in [(0, 0), (3, 1), (5, 2)]:
        moved = positions.repeat(2, 1, 1)
        moved[0, atom, axis] -= step
        moved[1, atom, axis] += step
        low, high = pair_energies(parameters, moved)[:, 0]
        assert forces[0, atom, axis].item() == pytest.approx(-((high - low) / (2 * step)).item(), rel=1e-5)


def test_net_force_and_torque_vanish():
    positions = spread_positions(2, 9)
    forces = pair_energies_and_forces(random_parameters(9), positions)[1]
    assert forces.sum(dim=1).abs().max() < 1e-9
    assert torch.linalg.cross(positions, forces).sum(dim=1).abs().max() < 1e-8


def test_terms_sum_to_the_energy_and_bonded_pairs_have_only_gaussians():
    parameters, positions = random_parameters(7), spread_positions(3, 7)
    terms = pair_terms(parameters, positions)
    torch.testing.assert_close(terms.sum(dim=(1, 2)), pair_energies(parameters, positions)[:, 0])
    assert (terms[:, parameters.bonded, :3] == 0).all()
    assert (terms[:, ~parameters.bonded, :3] != 0).all()


def test_pairs_beyond_the_threshold_do_not_interact_but_bonds_do():
    parameters = random_parameters(4, threshold=5.0)
    far = torch.arange(4.0).double()[:, None] * torch.tensor([6.0, 0, 0]).double()
    terms = pair_terms(parameters, far[None])
    assert (terms[:, ~parameters.bonded] == 0).all()
    near_bond = pair_terms(parameters, far[None] * 0.3)[:, parameters.bonded]
    assert (near_bond[..., 3] != 0).all()


def test_two_half_weighted_rows_a_pair_equal_one():
    one, positions = random_parameters(6), spread_positions(2, 6)
    two = one._replace(
        pair_index=torch.cat([one.pair_index, one.pair_index.flip(0)], dim=1),
        bonded=one.bonded.repeat(2),
        coefficients=one.coefficients.repeat(2, 1),
        pair_molecules=one.pair_molecules.repeat(2),
        weight=0.5,
    )
    for first, second in zip(
        pair_energies_and_forces(one, positions), pair_energies_and_forces(two, positions), strict=True
    ):
        torch.testing.assert_close(first, second)


def test_single_precision_agrees_with_double():
    positions = spread_positions(2, 9)
    double = pair_energies_and_forces(random_parameters(9), positions)
    single = pair_energies_and_forces(random_parameters(9, dtype=torch.float32), positions.float())
    for high, low in zip(double, single, strict=True):
        assert low.dtype == torch.float32
        torch.testing.assert_close(low.double(), high, rtol=1e-4, atol=1e-3 * high.abs().max().item())
