"""Eq. 20-23 as one compiled loop: energies, or energies and forces, of many conformers of one molecule on the CPU.

The potential has six exponentials a pair, so its cost is arithmetic; the torch path (`energy`) pays for its
temporaries instead. Here a block of conformers stands in the lanes of the vector unit: positions lie as atom x axis x
conformer, the parameters of a pair are read once a block, and nothing is stored a pair. A Gaussian is computed where
some conformer of the block is near enough to its center: of the six of a pair that is two or three, for a pair keeps
its distance from conformer to conformer. `energy` is the oracle of the tests, and serves where numba is missing, on
GPUs and in training.
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

from virialff.potential.gaussians import CENTRES, N_GAUSSIANS, WIDTH_FLOOR
from virialff.potential.parameters import PairParameters
from virialff.units import COULOMB_CONSTANT

#: Conformers of a block: a multiple of every vector length, and 50 atoms of it fill half of a first-level cache.
LANES = 64
#: Rows whose energies are added up in the precision of the positions before they go to a float64.
ROWS_A_SUM = 64
#: Products of rows and conformers below which a thread more costs more than it gives.
WORK_A_THREAD = 200_000
#: Of a row: charge product, C_0, C_1, squared threshold, amplitude and exponent of each Gaussian.
_N_COLUMNS = 4 + 2 * N_GAUSSIANS
#: Gaussians are left out of blocks in all of whose conformers they are smaller than this, kcal/mol.
NEGLIGIBLE = {np.float32: 1e-9, np.float64: 1e-13}
#: A distance in Angstrom at which no Gaussian is left, for pairs beyond the threshold.
_FAR = 1e6

FloatArray = NDArray[np.floating[Any]]

# Products and sums may be fused; nothing is reordered, and NaN and infinity keep their meaning.
FUSED = {"contract", "nsz", "arcp", "afn"}


def _power_series(degree: int, dtype: Any) -> tuple[Any, ...]:
    """Coefficients of 2^x on [-1/2, 1/2], constant first, through its values at the Chebyshev points."""
    points = 0.5 * np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
    return tuple(dtype(value) for value in np.polynomial.polynomial.polyfit(points, 2.0**points, degree))


_P32 = _power_series(5, np.float32)  # off by 1e-7
_P64 = _power_series(9, np.float64)  # off by 1e-14
#: Added to a float, they leave its nearest whole number in the lowest bits.
_ROUND32, _ROUND64 = np.float32(1.5 * 2**23), np.float64(1.5 * 2**52)
#: Smaller powers become 2 to these: products with smaller ones are denormal, which costs a processor a hundred cycles.
_LOWEST32, _LOWEST64 = np.float32(-80.0), np.float64(-900.0)


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
    """2^x of x <= 0; what is below 2^-80 in float32, 2^-900 in float64, becomes that."""
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
        p = _P64[6] + f * (_P64[7] + f * (_P64[8] + f * _P64[9]))
        p = _P64[0] + f * (_P64[1] + f * (_P64[2] + f * (_P64[3] + f * (_P64[4] + f * (_P64[5] + f * p)))))
        return p * _power_of_two(rounded)  # type: ignore[call-arg]

    return single if x == types.float32 else double


@numba.njit(nogil=True, cache=True, error_model="numpy")
def _lay_out(positions: Any, blocks: Any) -> None:
    """Conformers into lanes, each about its center, where float32 keeps most digits of the positions.

    The last block is filled up with the last conformer, which can raise no floating-point fault of its own.
    """
    n_atoms = positions.shape[1]
    for block in range(len(blocks)):
        for lane in range(LANES):
            conformer = positions[min(block * LANES + lane, len(positions) - 1)]
            x = y = z = 0.0
            for atom in range(n_atoms):
                x += conformer[atom, 0]
                y += conformer[atom, 1]
                z += conformer[atom, 2]
            x, y, z = x / n_atoms, y / n_atoms, z / n_atoms
            for atom in range(n_atoms):
                place = blocks[block, atom]
                place[lane] = conformer[atom, 0] - x
                place[LANES + lane] = conformer[atom, 1] - y
                place[2 * LANES + lane] = conformer[atom, 2] - z


@numba.njit(inline="always")
def _extremes(bits: Any) -> Any:
    """The least and the largest of a block of distances, by their bits: whole numbers of the same order."""
    least, most = bits[0], bits[0]
    for lane in range(LANES):
        least, most = min(least, bits[lane]), max(most, bits[lane])
    return least, most


@numba.njit(nogil=True, cache=True, fastmath=FUSED, error_model="numpy")
def _energies(
    pairs: Any, rows: Any, reach: Any, centres: Any, numbers: Any, blocks: Any, energies: Any, forces: Any
) -> None:
    one, _, far = numbers
    scratch = np.empty((2, LANES), rows.dtype)
    part, distance = scratch[0], scratch[1]
    bits = distance.view(reach.dtype)
    for block in range(len(blocks)):
        for begin in range(0, len(pairs), ROWS_A_SUM):
            part[:] = 0
            for n in range(begin, min(begin + ROWS_A_SUM, len(pairs))):
                a, b = blocks[block, pairs[n, 0]], blocks[block, pairs[n, 1]]
                q, c0, c1, limit = rows[n, 0], rows[n, 1], rows[n, 2], rows[n, 3]
                for lane in range(LANES):
                    x = b[lane] - a[lane]
                    y = b[LANES + lane] - a[LANES + lane]
                    z = b[2 * LANES + lane] - a[2 * LANES + lane]
                    squared = x * x + y * y + z * z
                    inverse = one / np.sqrt(squared)
                    square = inverse * inverse
                    sixth = square * square * square
                    energy = q * inverse + sixth * (c1 * sixth - c0)
                    beyond = squared > limit
                    distance[lane] = far if beyond else squared * inverse
                    part[lane] += 0 * energy if beyond else energy
                least, most = _extremes(bits)
                for k in range(N_GAUSSIANS):
                    if most < reach[n, k, 0] or least > reach[n, k, 1]:
                        continue
                    centre, amplitude, exponent = centres[k], rows[n, 4 + 2 * k], rows[n, 5 + 2 * k]
                    for lane in range(LANES):
                        d = distance[lane] - centre
                        part[lane] += amplitude * exp2(d * d * exponent)
            for lane in range(LANES):
                energies[block, lane] += part[lane]


@numba.njit(nogil=True, cache=True, fastmath=FUSED, error_model="numpy")
def _energies_and_forces(
    pairs: Any, rows: Any, reach: Any, centres: Any, numbers: Any, blocks: Any, energies: Any, forces: Any
) -> None:
    one, two_ln_two, far = numbers
    two = one + one
    six = two + two + two
    scratch = np.empty((7, LANES), rows.dtype)
    part, distance, slope, reciprocal = scratch[0], scratch[1], scratch[2], scratch[3]
    wx, wy, wz = scratch[4], scratch[5], scratch[6]
    bits = distance.view(reach.dtype)
    for block in range(len(blocks)):
        for begin in range(0, len(pairs), ROWS_A_SUM):
            part[:] = 0
            for n in range(begin, min(begin + ROWS_A_SUM, len(pairs))):
                a, b = blocks[block, pairs[n, 0]], blocks[block, pairs[n, 1]]
                q, c0, c1, limit = rows[n, 0], rows[n, 1], rows[n, 2], rows[n, 3]
                for lane in range(LANES):
                    wx[lane] = b[lane] - a[lane]
                    wy[lane] = b[LANES + lane] - a[LANES + lane]
                    wz[lane] = b[2 * LANES + lane] - a[2 * LANES + lane]
                    squared = wx[lane] * wx[lane] + wy[lane] * wy[lane] + wz[lane] * wz[lane]
                    inverse = one / np.sqrt(squared)
                    square = inverse * inverse
                    sixth = square * square * square
                    coulomb, dispersion, repulsion = q * inverse, c0 * sixth, c1 * sixth * sixth
                    energy = coulomb - dispersion + repulsion
                    derivative = inverse * (six * (dispersion - two * repulsion) - coulomb)
                    beyond = squared > limit
                    reciprocal[lane] = inverse
                    distance[lane] = far if beyond else squared * inverse
                    slope[lane] = 0 * derivative if beyond else derivative
                    part[lane] += 0 * energy if beyond else energy
                least, most = _extremes(bits)
                for k in range(N_GAUSSIANS):
                    if most < reach[n, k, 0] or least > reach[n, k, 1]:
                        continue
                    centre, amplitude, exponent = centres[k], rows[n, 4 + 2 * k], rows[n, 5 + 2 * k]
                    steepness = two_ln_two * exponent
                    for lane in range(LANES):
                        d = distance[lane] - centre
                        energy = amplitude * exp2(d * d * exponent)
                        part[lane] += energy
                        slope[lane] += steepness * d * energy
                on_a, on_b = forces[block, pairs[n, 0]], forces[block, pairs[n, 1]]
                for lane in range(LANES):
                    over_r = slope[lane] * reciprocal[lane]
                    fx, fy, fz = over_r * wx[lane], over_r * wy[lane], over_r * wz[lane]
                    on_a[lane] += fx
                    on_a[LANES + lane] += fy
                    on_a[2 * LANES + lane] += fz
                    on_b[lane] -= fx
                    on_b[LANES + lane] -= fy
                    on_b[2 * LANES + lane] -= fz
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
        rows = np.zeros((index.shape[1], _N_COLUMNS))
        amplitudes, widths = coefficients[:, 2::2], coefficients[:, 3::2]
        rows[:, 0] = COULOMB_CONSTANT * charges[index[0]] * charges[index[1]] * not_bonded
        rows[:, 1:3] = np.abs(coefficients[:, :2]) * not_bonded[:, None]
        rows[:, 4::2] = amplitudes
        rows *= parameters.weight
        rows[:, 3] = np.inf
        if parameters.threshold is not None:
            rows[not_bonded, 3] = parameters.threshold**2
        rows[:, 5::2] = -np.log2(np.e) / (widths**2 + WIDTH_FLOOR)
        logarithms = np.log(np.maximum(np.abs(amplitudes) / NEGLIGIBLE[dtype], 1.0))
        half = np.sqrt(logarithms * (widths**2 + WIDTH_FLOOR))
        centres = np.array(CENTRES)
        limits = np.stack([np.maximum(centres - half, 0.0), centres + half], axis=-1).astype(dtype)
        reach = limits.view(np.int32 if dtype is np.float32 else np.int64)
        numbers = (dtype(1.0), dtype(2.0 * np.log(2.0)), dtype(_FAR))
        self._parameters = (np.ascontiguousarray(index.T), rows.astype(dtype), reach, centres.astype(dtype), numbers)
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
        # Bonds are so stiff that forces go by digits of a position that float32 does not keep.
        blocks = np.empty((n_blocks, n_atoms, 3 * LANES), dtype=np.float64 if with_forces else self._dtype)
        _lay_out(positions, blocks)
        energies = np.zeros((n_blocks, LANES))
        forces = np.zeros(blocks.shape if with_forces else (n_blocks, 0, 3 * LANES), dtype=self._dtype)
        threads = min(torch.get_num_threads(), n_blocks, 1 + n_conformers * len(self._parameters[0]) // WORK_A_THREAD)
        edges = np.linspace(0, n_blocks, threads + 1).astype(int)

        def part(index: int) -> None:
            of = slice(edges[index], edges[index + 1])
            loop(*self._parameters, blocks[of], energies[of], forces[of])

        if threads == 1:
            part(0)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(part, range(threads)))
        per_conformer = forces.reshape(n_blocks, -1, 3, LANES).transpose(0, 3, 1, 2).reshape(n_blocks * LANES, -1, 3)
        return energies.reshape(-1)[:n_conformers], per_conformer[:n_conformers].astype(np.float64)
