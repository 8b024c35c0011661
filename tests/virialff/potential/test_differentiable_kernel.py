"""The compiled loops of training against the torch path differentiated by autograd, their oracle."""

from __future__ import annotations

import pytest
import torch

from virialff.potential.differentiable_kernel import compiled_energies_and_forces
from virialff.potential.energy import pair_energies_and_forces
from virialff.potential.parameters import PairParameters


def batch(
    dtype: torch.dtype, *, weight: float = 1.0, threshold: float | None = None
) -> tuple[PairParameters, torch.Tensor]:
    """Molecules of 2 to 23 atoms, so that rows fill no whole number of blocks, in three conformers."""
    generator = torch.Generator().manual_seed(3)
    sizes, pairs, molecules = range(2, 24), [], []
    for number, size in enumerate(sizes):
        index = torch.triu_indices(size, size, 1) + sum(sizes[:number])
        pairs.append(index if weight == 1.0 else torch.cat([index, index.flip(0)], dim=1))
        molecules.append(torch.full((pairs[-1].shape[1],), number))
    index = torch.cat(pairs, dim=1)
    coefficients = torch.randn(index.shape[1], 14, generator=generator, dtype=torch.float64)
    coefficients[:, 2::2] *= 20.0
    positions = torch.rand(3, sum(sizes), 3, generator=generator, dtype=torch.float64) * 12.0
    parameters = PairParameters(
        charges=(0.3 * torch.randn(sum(sizes), generator=generator, dtype=torch.float64)).to(dtype).requires_grad_(),
        pair_index=index,
        bonded=torch.rand(index.shape[1], generator=generator) < 0.2,
        coefficients=coefficients.to(dtype).requires_grad_(),
        pair_molecules=torch.cat(molecules),
        n_molecules=len(sizes),
        weight=weight,
        threshold=threshold,
    )
    return parameters, positions.to(dtype)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("weight", "threshold"), [(1.0, None), (0.5, 5.0)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-4)])
def test_energies_forces_and_gradients_are_those_of_torch(
    dtype: torch.dtype, tolerance: float, weight: float, threshold: float | None, threads: int
) -> None:
    parameters, positions = batch(dtype, weight=weight, threshold=threshold)
    found = []
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for potential in (pair_energies_and_forces, compiled_energies_and_forces):
            energies, forces = potential(parameters, positions)
            generator = torch.Generator().manual_seed(5)
            loss = (torch.randn(energies.shape, generator=generator, dtype=dtype) * energies).sum()
            loss = loss + (torch.randn(forces.shape, generator=generator, dtype=dtype) * forces).sum()
            gradients = torch.autograd.grad(loss, (parameters.charges, parameters.coefficients))
            found.append((energies.detach(), forces.detach(), *gradients))
    finally:
        torch.set_num_threads(before)
    for expected, value in zip(*found, strict=True):
        assert value.dtype == expected.dtype
        assert value.shape == expected.shape
        assert float((value - expected).abs().max()) < tolerance * float(expected.abs().max())


def test_a_nan_stays_in_its_molecule_and_its_conformer() -> None:
    parameters, positions = batch(torch.float64)
    positions[1, 0] = torch.nan
    energies, forces = compiled_energies_and_forces(parameters, positions)
    assert torch.isnan(energies).nonzero().tolist() == [[1, 0]]
    assert torch.isnan(forces).any(dim=2).nonzero().tolist() == [[1, 0], [1, 1]]
