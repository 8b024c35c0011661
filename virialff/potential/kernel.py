"""Eq. 20-23 as one compiled loop: energies, or energies and forces, of many conformers of one molecule on the CPU.

The potential has six exponentials a pair, so its cost is arithmetic; the torch path (`energy`) pays for its
temporaries instead. Here a block of conformers stands in the lanes of the vector unit: positions lie as atom x axis x
conformer, the parameters of a pair are read once a block, and nothing is stored a pair. `energy` is the oracle of the
tests, and serves where numba is missing, on GPUs and in training.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from virialff.potential.gaussians import CENTRES, WIDTH_FLOOR
from virialff.potential.parameters import PairParameters
from virialff.units import COULOMB_CONSTANT

#: Conformers of a block: a multiple of every vector length, and 50 atoms of it fill half of a first-level cache.
LANES = 64
#: Rows whose energies are added up in the precision of the positions before they go to a float64.
ROWS_A_SUM = 64
#: Products of rows and conformers below which a thread more costs more than it gives.
WORK_A_THREAD = 200_000
#: Of a row: charge product, C_0, C_1, amplitude and exponent of each Gaussian, squared threshold.
_N_COLUMNS = 16

FloatArray = NDArray[np.floating[Any]]

# Products and sums may be fused; nothing is reordered, and NaN and infinity keep their meaning.
FUSED = {"contract", "nsz", "arcp", "afn"}


def _power_series(degree: int, dtype: Any) -> tuple[Any, ...]:
    """Coefficients of 2^x on [-1/2, 1/2], constant first, through its values at the Chebyshev points."""
    points = 0.5 * np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
    return tuple(dtype(value) for value in np.polynomial.polynomial.polyfit(points, 2.0**points, degree))


_P32 = _power_series(5, np.float32)  # off by 1e-7
_P64 = _power_series(10, np.float64)  # off by 2e-16
#: Added to a float, they leave its nearest whole number in the lowest bits.
_ROUND32, _ROUND64 = np.float32(1.5 * 2**23), np.float64(1.5 * 2**52)
_LOWEST32, _LOWEST64 = np.float32(-126.0), np.float64(-1022.0)


@intrinsic
def _power_of_two(typingctx: Any, rounded: Any) -> Any:
    """2^n of a float to which the rounding constant was added, so that n stands in its lowest bits."""
    bits, mantissa, bias = (32, 23, 127) if rounded == types.float32 else (64, 52, 1023)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = ir.IntType(bits)
        number = builder.add(builder.bitcast(arguments[0], whole), ir.Constant(whole, bias))
        return builder.bitcast(builder.shl(number, ir.Constant(whole, mantissa)), context.get_value_type(rounded))

    return rounded(rounded), generate


def exp2(x: Any) -> Any:
    """2^x of x <= 0; what is below the normal numbers becomes the smallest of them."""
    raise NotImplementedError("compiled code only")


@overload(exp2, jit_options={"fastmath": FUSED})
def _exp2_compiled(x: Any) -> Any:
    def single(x: Any) -> Any:
        x = x if x > _LOWEST32 else _LOWEST32
        rounded = x + _ROUND32
        f = x - (rounded - _ROUND32)
        p = _P32[0] + f * (_P32[1] + f * (_P32[2] + f * (_P32[3] + f * (_P32[4] + f * _P32[5]))))
        return p * _power_of_two(rounded)  # type: ignore[call-arg]

    def double(x: Any) -> Any:
        x = x if x > _LOWEST64 else _LOWEST64
        rounded = x + _ROUND64
        f = x - (rounded - _ROUND64)
        p = _P64[6] + f * (_P64[7] + f * (_P64[8] + f * (_P64[9] + f * _P64[10])))
        p = _P64[0] + f * (_P64[1] + f * (_P64[2] + f * (_P64[3] + f * (_P64[4] + f * (_P64[5] + f * p)))))
        return p * _power_of_two(rounded)  # type: ignore[call-arg]

    return single if x == types.float32 else double


@numba.njit(inline="always")
def pair(squared: Any, long_range: Any, gaussians: Any, centres: Any, numbers: Any) -> Any:
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
def _read(row: Any) -> Any:
    """The parameters of a pair as two groups of scalars: C_0 to the charges, and the Gaussians."""
    gaussians = (row[3], row[4], row[5], row[6], row[7], row[8], row[9], row[10], row[11], row[12], row[13], row[14])
    return (row[0], row[1], row[2]), gaussians


@numba.njit(nogil=True, cache=True, fastmath=FUSED, error_model="numpy")
def _energies(pairs: Any, rows: Any, centres: Any, numbers: Any, blocks: Any, energies: Any, forces: Any) -> None:
    part = np.empty(LANES, blocks.dtype)
    for block in range(len(blocks)):
        for begin in range(0, len(pairs), ROWS_A_SUM):
            part[:] = 0
            for n in range(begin, min(begin + ROWS_A_SUM, len(pairs))):
                a, b = blocks[block, pairs[n, 0]], blocks[block, pairs[n, 1]]
                ax, ay, az, bx, by, bz = a[0], a[1], a[2], b[0], b[1], b[2]
                long_range, gaussians = _read(rows[n])
                limit = rows[n, 15]
                for lane in range(LANES):
                    x, y, z = bx[lane] - ax[lane], by[lane] - ay[lane], bz[lane] - az[lane]
                    squared = x * x + y * y + z * z
                    energy, _ = pair(squared, long_range, gaussians, centres, numbers)
                    part[lane] += 0 * energy if squared > limit else energy
            for lane in range(LANES):
                energies[block, lane] += part[lane]


@numba.njit(nogil=True, cache=True, fastmath=FUSED, error_model="numpy")
def _energies_and_forces(
    pairs: Any, rows: Any, centres: Any, numbers: Any, blocks: Any, energies: Any, forces: Any
) -> None:
    part = np.empty(LANES, blocks.dtype)
    for block in range(len(blocks)):
        for begin in range(0, len(pairs), ROWS_A_SUM):
            part[:] = 0
            for n in range(begin, min(begin + ROWS_A_SUM, len(pairs))):
                a, b = blocks[block, pairs[n, 0]], blocks[block, pairs[n, 1]]
                ax, ay, az, bx, by, bz = a[0], a[1], a[2], b[0], b[1], b[2]
                on_a, on_b = forces[block, pairs[n, 0]], forces[block, pairs[n, 1]]
                fax, fay, faz, fbx, fby, fbz = on_a[0], on_a[1], on_a[2], on_b[0], on_b[1], on_b[2]
                long_range, gaussians = _read(rows[n])
                limit = rows[n, 15]
                for lane in range(LANES):
                    x, y, z = bx[lane] - ax[lane], by[lane] - ay[lane], bz[lane] - az[lane]
                    squared = x * x + y * y + z * z
                    energy, over_r = pair(squared, long_range, gaussians, centres, numbers)
                    if squared > limit:
                        energy, over_r = 0 * energy, 0 * over_r
                    part[lane] += energy
                    fx, fy, fz = over_r * x, over_r * y, over_r * z
                    fax[lane] += fx
                    fay[lane] += fy
                    faz[lane] += fz
                    fbx[lane] -= fx
                    fby[lane] -= fy
                    fbz[lane] -= fz
            for lane in range(LANES):
                energies[block, lane] += part[lane]


class CompiledPotential:
    """The potential of one molecule, its parameters laid out for the compiled loops.

    Parameters
    ----------
    parameters : PairParameters
        Of one molecule, on the CPU.
    dtype : type
        numpy.float32 or numpy.float64: the precision of the computation.
    """

    def __init__(self, parameters: PairParameters, dtype: type[np.floating[Any]] = np.float64) -> None:
        index = parameters.pair_index.numpy()
        charges, coefficients = parameters.charges.double().numpy(), parameters.coefficients.double().numpy()
        not_bonded = ~parameters.bonded.numpy()
        rows = np.empty((index.shape[1], _N_COLUMNS))
        rows[:, 0] = COULOMB_CONSTANT * charges[index[0]] * charges[index[1]] * not_bonded
        rows[:, 1:3] = np.abs(coefficients[:, :2]) * not_bonded[:, None]
        rows[:, 3:15:2] = coefficients[:, 2::2]
        rows[:, :15] *= parameters.weight
        rows[:, 4:15:2] = -np.log2(np.e) / (coefficients[:, 3::2] ** 2 + WIDTH_FLOOR)
        rows[:, 15] = np.inf
        if parameters.threshold is not None:
            rows[not_bonded, 15] = parameters.threshold**2
        self._rows = rows.astype(dtype)
        self._pairs = np.ascontiguousarray(index.T)
        self._centres = tuple(dtype(centre) for centre in CENTRES)
        self._numbers = (dtype(1.0), dtype(6.0), dtype(2.0 * np.log(2.0)))
        self._dtype = dtype

    def energies(self, positions: FloatArray) -> NDArray[np.float64]:
        """Pair energies (n_conformers,), kcal/mol, of positions (n_conformers, n_atoms, 3), Angstrom."""
        return self._run(_energies, positions, with_forces=False)[0]

    def energies_and_forces(self, positions: FloatArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`energies`, and forces (n_conformers, n_atoms, 3), kcal/mol/Angstrom."""
        return self._run(_energies_and_forces, positions, with_forces=True)

    def _run(
        self, loop: Callable[..., None], positions: FloatArray, *, with_forces: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        n_conformers, n_atoms = positions.shape[:2]
        n_blocks = -(-n_conformers // LANES)
        # The last block is filled up with its last conformer, which can raise no floating-point fault of its own.
        padding = np.repeat(positions[-1:], n_blocks * LANES - n_conformers, axis=0)
        # About their center, float32 keeps most digits of the positions.
        centered = np.concatenate([positions, padding])
        centered = centered - centered.mean(axis=1, keepdims=True)
        lanes = centered.reshape(n_blocks, LANES, n_atoms, 3)
        blocks = np.ascontiguousarray(lanes.transpose(0, 2, 3, 1), dtype=self._dtype)
        energies = np.zeros((n_blocks, LANES))
        forces = np.zeros(blocks.shape if with_forces else (n_blocks, 0, 3, LANES), dtype=self._dtype)
        threads = min(torch.get_num_threads(), n_blocks, 1 + n_conformers * len(self._rows) // WORK_A_THREAD)
        edges = np.linspace(0, n_blocks, threads + 1).astype(int)

        def part(index: int) -> None:
            of = slice(edges[index], edges[index + 1])
            loop(self._pairs, self._rows, self._centres, self._numbers, blocks[of], energies[of], forces[of])

        if threads == 1:
            part(0)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(part, range(threads)))
        per_conformer = forces.transpose(0, 3, 1, 2).reshape(n_blocks * LANES, -1, 3)
        return energies.reshape(-1)[:n_conformers], per_conformer[:n_conformers].astype(np.float64)
