"""Eq. 20-23 for training, compiled: energies and forces of a batch on the CPU, differentiable by the parameters.

A loss differentiates energies and forces once by the parameters, never by the positions. The torch path (`energy`)
keeps a dozen arrays of conformer x row x Gaussian for that; here the forward loop keeps none, and the backward loop
computes the exponentials again. Rows of the batch stand in the lanes of the vector unit. `energy` is the oracle of the
tests.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, cast

import numba
import numpy as np
import torch
from torch import Tensor

from virialff.potential.gaussians import CENTRES, N_GAUSSIANS, WIDTH_FLOOR
from virialff.potential.kernel import FUSED, exp2
from virialff.potential.parameters import PairParameters
from virialff.units import COULOMB_CONSTANT

#: Rows that are computed together, so that what lies between them stays in the first-level cache.
LANES = 128
#: Products of rows and conformers below which a thread more costs more than it gives.
WORK_A_THREAD = 20_000
#: Of a row: charge product, C_0, C_1, amplitude and exponent of each Gaussian.
N_COLUMNS = 3 + 2 * N_GAUSSIANS


def compiled_energies_and_forces(parameters: PairParameters, positions: Tensor) -> tuple[Tensor, Tensor]:
    """What `energy.pair_energies_and_forces` gives, differentiable by the parameters alone; all on the CPU."""
    i, j = parameters.pair_index
    charges, coefficients = parameters.charges, parameters.coefficients
    present = (~parameters.bonded).to(charges) * parameters.weight
    product = COULOMB_CONSTANT * charges.index_select(0, i) * charges.index_select(0, j)
    long_range = torch.stack([product, coefficients[:, 0].abs(), coefficients[:, 1].abs()]) * present
    exponents = -np.log2(np.e) / (parameters.widths**2 + WIDTH_FLOOR)
    gaussians = torch.stack([parameters.weight * parameters.amplitudes, exponents], dim=-1).flatten(start_dim=1)
    columns = torch.cat([long_range, gaussians.T])
    limits = np.full(columns.shape[1], np.inf)
    if parameters.threshold is not None:
        limits[~parameters.bonded.numpy()] = parameters.threshold**2
    batch = _Batch(parameters, positions, limits)
    return cast(tuple[Tensor, Tensor], _EnergiesAndForces.apply(columns, batch))


class _Batch:
    """What a batch has besides its parameters, as arrays for the loops, and the parts of its rows for the threads."""

    def __init__(self, parameters: PairParameters, positions: Tensor, limits: np.ndarray) -> None:
        self.positions = positions.detach().contiguous().numpy()
        dtype = self.positions.dtype.type
        self.pairs = parameters.pair_index.contiguous().numpy()
        self.molecules = parameters.pair_molecules.contiguous().numpy()
        self.n_molecules = parameters.n_molecules
        self.limits = limits.astype(dtype)
        self.constants = tuple(map(dtype, CENTRES)), (dtype(1.0), dtype(6.0), dtype(2.0 * np.log(2.0)))
        n_conformers, n_rows = len(self.positions), len(limits)
        self.n_parts = max(1, min(torch.get_num_threads(), n_conformers * n_rows // WORK_A_THREAD))
        edges = np.linspace(0, n_rows, self.n_parts + 1).astype(int)
        self.parts = [slice(begin, end) for begin, end in pairwise(edges)]

    def each_part(self, run: Callable[[int], None]) -> None:
        if self.n_parts == 1:
            run(0)
            return
        with ThreadPoolExecutor(self.n_parts) as pool:
            list(pool.map(run, range(self.n_parts)))


class _EnergiesAndForces(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, columns: Tensor, batch: _Batch) -> tuple[Tensor, Tensor]:
        rows = columns.detach().contiguous().numpy()
        context.batch, context.rows = batch, rows
        n_conformers = len(batch.positions)
        energies = np.zeros((batch.n_parts, n_conformers, batch.n_molecules))
        forces = np.zeros((batch.n_parts, *batch.positions.shape), rows.dtype)

        def run(part: int) -> None:
            of = batch.parts[part]
            _forward(
                batch.pairs[:, of], batch.molecules[of], batch.limits[of], batch.constants,
                batch.positions, rows[:, of], energies[part], forces[part],
            )  # fmt: skip

        batch.each_part(run)
        return torch.from_numpy(energies.sum(axis=0).astype(rows.dtype)), torch.from_numpy(forces.sum(axis=0))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context: Any, of_energies: Tensor, of_forces: Tensor) -> tuple[Tensor, None]:
        batch, rows = context.batch, context.rows
        gradient = np.zeros_like(rows)
        by_energy, by_force = of_energies.contiguous().numpy(), of_forces.contiguous().numpy()

        def run(part: int) -> None:
            of = batch.parts[part]
            _backward(
                batch.pairs[:, of], batch.molecules[of], batch.limits[of], batch.constants,
                batch.positions, rows[:, of], by_energy, by_force, gradient[:, of],
            )  # fmt: skip

        batch.each_part(run)
        return torch.from_numpy(gradient), None


@numba.njit(inline="always")
def _pair(squared: Any, long_range: Any, gaussians: Any, centres: Any, numbers: Any) -> Any:
    """Energy of a pair at a squared distance, and its dE/dr over r."""
    q, c0, c1 = long_range
    a1, e1, a2, e2, a3, e3, a4, e4, a5, e5, a6, e6 = gaussians
    r1, r2, r3, r4, r5, r6 = centres
    one, six, two_ln_two = numbers
    inverse = one / np.sqrt(squared)
    r = squared * inverse
    d1, d2, d3, d4, d5, d6 = r - r1, r - r2, r - r3, r - r4, r - r5, r - r6
    g1, g2, g3 = a1 * exp2(d1 * d1 * e1), a2 * exp2(d2 * d2 * e2), a3 * exp2(d3 * d3 * e3)
    g4, g5, g6 = a4 * exp2(d4 * d4 * e4), a5 * exp2(d5 * d5 * e5), a6 * exp2(d6 * d6 * e6)
    square = inverse * inverse
    sixth = square * square * square
    coulomb, dispersion, repulsion = q * inverse, c0 * sixth, c1 * sixth * sixth
    energy = coulomb - dispersion + repulsion + (g1 + g2 + g3) + (g4 + g5 + g6)
    slope = two_ln_two * ((g1 * e1 * d1 + g2 * e2 * d2 + g3 * e3 * d3) + (g4 * e4 * d4 + g5 * e5 * d5 + g6 * e6 * d6))
    return energy, slope * inverse + square * (six * (dispersion - repulsion - repulsion) - coulomb)


@numba.njit(inline="always")
def _copied(columns: Any, begin: Any, count: Any, block: Any) -> Any:
    """The columns of a block of rows, side by side; lanes without a row repeat the first one."""
    for column in range(N_COLUMNS):
        for lane in range(LANES):
            block[column, lane] = columns[column, begin + lane if lane < count else begin]


@numba.njit(inline="always")
def _displacements(pairs: Any, begin: Any, count: Any, positions: Any, x: Any, y: Any, z: Any) -> Any:
    for lane in range(LANES):
        row = begin + lane if lane < count else begin
        a, b = positions[pairs[0, row]], positions[pairs[1, row]]
        x[lane], y[lane], z[lane] = b[0] - a[0], b[1] - a[1], b[2] - a[2]


@numba.njit(nogil=True, cache=True, fastmath=FUSED, error_model="numpy")
def _forward(
    pairs: Any, molecules: Any, limits: Any, constants: Any, positions: Any, columns: Any, energies: Any, forces: Any
) -> None:
    centres, numbers = constants
    dtype = columns.dtype
    block = np.empty((N_COLUMNS, LANES), dtype)
    x, y, z = np.empty(LANES, dtype), np.empty(LANES, dtype), np.empty(LANES, dtype)
    energy, over_r = np.empty(LANES, dtype), np.empty(LANES, dtype)
    for begin in range(0, columns.shape[1], LANES):
        count = min(LANES, columns.shape[1] - begin)
        _copied(columns, begin, count, block)
        q, c0, c1 = block[0], block[1], block[2]
        a1, e1, a2, e2, a3, e3 = block[3], block[4], block[5], block[6], block[7], block[8]
        a4, e4, a5, e5, a6, e6 = block[9], block[10], block[11], block[12], block[13], block[14]
        for n in range(len(positions)):
            _displacements(pairs, begin, count, positions[n], x, y, z)
            for lane in range(LANES):
                squared = x[lane] * x[lane] + y[lane] * y[lane] + z[lane] * z[lane]
                long_range = q[lane], c0[lane], c1[lane]
                gaussians = (
                    a1[lane], e1[lane], a2[lane], e2[lane], a3[lane], e3[lane],
                    a4[lane], e4[lane], a5[lane], e5[lane], a6[lane], e6[lane],
                )  # fmt: skip
                energy[lane], over_r[lane] = _pair(squared, long_range, gaussians, centres, numbers)
            for lane in range(count):
                row = begin + lane
                if x[lane] * x[lane] + y[lane] * y[lane] + z[lane] * z[lane] > limits[row]:
                    continue
                energies[n, molecules[row]] += energy[lane]
                fx, fy, fz = over_r[lane] * x[lane], over_r[lane] * y[lane], over_r[lane] * z[lane]
                on_a, on_b = forces[n, pairs[0, row]], forces[n, pairs[1, row]]
                on_a[0] += fx
                on_a[1] += fy
                on_a[2] += fz
                on_b[0] -= fx
                on_b[1] -= fy
                on_b[2] -= fz


@numba.njit(nogil=True, cache=True, fastmath=FUSED, error_model="numpy")
def _backward(
    pairs: Any, molecules: Any, limits: Any, constants: Any, positions: Any, columns: Any,
    by_energy: Any, by_force: Any, gradient: Any,
) -> None:  # fmt: skip
    centres, (one, six, two_ln_two) = constants
    dtype = columns.dtype
    two = one + one
    ln_two = two_ln_two / two
    block, sums = np.empty((N_COLUMNS, LANES), dtype), np.empty((N_COLUMNS, LANES), dtype)
    x, y, z = np.empty(LANES, dtype), np.empty(LANES, dtype), np.empty(LANES, dtype)
    gx, gy, gz, g = np.empty(LANES, dtype), np.empty(LANES, dtype), np.empty(LANES, dtype), np.empty(LANES, dtype)
    for begin in range(0, columns.shape[1], LANES):
        count = min(LANES, columns.shape[1] - begin)
        _copied(columns, begin, count, block)
        sums[:] = 0
        of_q, of_c0, of_c1 = sums[0], sums[1], sums[2]
        for n in range(len(positions)):
            _displacements(pairs, begin, count, positions[n], x, y, z)
            _displacements(pairs, begin, count, by_force[n], gx, gy, gz)
            for lane in range(LANES):
                row = begin + lane if lane < count else begin
                near = x[lane] * x[lane] + y[lane] * y[lane] + z[lane] * z[lane] <= limits[row]
                g[lane] = by_energy[n, molecules[row]] if near else 0
                if not near:
                    gx[lane], gy[lane], gz[lane] = 0, 0, 0
            for lane in range(LANES):
                inverse = one / np.sqrt(x[lane] * x[lane] + y[lane] * y[lane] + z[lane] * z[lane])
                # dL/dE of the pair, and dL/d(dE/dr): the force on the first atom is dE/dr along the pair.
                e = g[lane]
                s = -(gx[lane] * x[lane] + gy[lane] * y[lane] + gz[lane] * z[lane]) * inverse
                square = inverse * inverse
                sixth = square * square * square
                of_q[lane] += inverse * (e - s * inverse)
                of_c0[lane] += sixth * (six * s * inverse - e)
                of_c1[lane] += sixth * sixth * (e - two * six * s * inverse)
            for k in range(N_GAUSSIANS):
                centre, amplitudes, exponents = centres[k], block[3 + 2 * k], block[4 + 2 * k]
                of_amplitude, of_exponent = sums[3 + 2 * k], sums[4 + 2 * k]
                for lane in range(LANES):
                    squared = x[lane] * x[lane] + y[lane] * y[lane] + z[lane] * z[lane]
                    inverse = one / np.sqrt(squared)
                    d = squared * inverse - centre
                    e = g[lane]
                    s = -(gx[lane] * x[lane] + gy[lane] * y[lane] + gz[lane] * z[lane]) * inverse
                    amplitude, exponent = amplitudes[lane], exponents[lane]
                    power = exp2(d * d * exponent)
                    slope = two_ln_two * exponent * d
                    of_amplitude[lane] += power * (e + s * slope)
                    of_exponent[lane] += amplitude * power * d * (ln_two * d * (e + s * slope) + two_ln_two * s)
        for column in range(N_COLUMNS):
            for lane in range(count):
                gradient[column, begin + lane] = sums[column, lane]
