"""Energies, and energies with forces, of 1,000 conformers of a molecule of 50 atoms: the compiled loops beside torch,
GFN2-xTB by tblite, the ANI-2x ensemble, and what the processor can do.

One thread, one run, seconds of the processor. `VIRIALFF_ANI_WEIGHTS=FOLDER python -m perf.potential`
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np
import torch

from perf.measure import exponent, machine, markdown_table, smallest_times
from virialff import Molecule, load_model
from virialff.conformers.generation import generate
from virialff.engines import ani, xtb
from virialff.errors import EngineError
from virialff.potential.energy import pair_energies, pair_energies_and_forces
from virialff.potential.gaussians import N_GAUSSIANS
from virialff.potential.kernel import FUSED, LANES, CompiledPotential, exp2

MOLECULE = "CC(C)(C)NCC(O)COc1ccccc1C1CCCC1"  # penbutolol, 50 atoms
CONFORMERS = 1000
#: Conformers made; the others are these with all atoms displaced by DISPLACEMENT.
DISTINCT = 50
DISPLACEMENT = 0.02  # Angstrom
ROUNDS = 5
#: Conformers that GFN2-xTB and ANI compute; the cost of one does not depend on their number.
OF_OTHERS = 20
BATCHES = (1, 5, 20)
REPEATS = 2000


@numba.njit(fastmath=FUSED)
def _exponentials(x: Any, sums: Any, repeats: int) -> None:
    for _ in range(repeats):
        for lane in range(LANES):
            sums[lane] += exp2(x[lane])


@numba.njit(fastmath=FUSED, error_model="numpy")
def _distances(x: Any, sums: Any, repeats: int, one: Any) -> None:
    """What a pair needs besides its Gaussians: squares, a root, a quotient and powers."""
    for _ in range(repeats):
        for lane in range(LANES):
            d = x[lane]
            inverse = one / np.sqrt(d * d + (d + one) * (d + one) + (d - one) * (d - one))
            square = inverse * inverse
            sixth = square * square * square
            sums[lane] += d * inverse + sixth * (d * sixth - one)


def processor_times(dtype: type[np.floating[Any]]) -> tuple[float, float]:
    """Nanoseconds of an exponential, and of the other arithmetic of a pair, on data in the first-level cache."""
    x, sums = np.linspace(-20, -1, LANES).astype(dtype), np.zeros(LANES, dtype)
    best = smallest_times(
        {
            "exponential": lambda: _exponentials(x, sums, REPEATS),
            "rest": lambda: _distances(x, sums, REPEATS, dtype(1)),
        },
        rounds=20,
    )
    return best["exponential"] * 1e9 / REPEATS / LANES, best["rest"] * 1e9 / REPEATS / LANES


def conformers(n_conformers: int, smiles: str = MOLECULE) -> tuple[Molecule, np.ndarray]:
    """A molecule and positions (n_conformers, n_atoms, 3), Angstrom."""
    molecule = generate(Molecule.from_smiles(smiles), min(DISTINCT, n_conformers), seed=1)
    tiled = np.resize(molecule.positions, (n_conformers, molecule.n_atoms, 3))
    return molecule, tiled + np.random.default_rng(1).normal(0.0, DISPLACEMENT, tiled.shape)


def ani_calls(
    molecule: Molecule, positions: np.ndarray, dtype: torch.dtype, *, forces: bool
) -> dict[str, tuple[Callable[[], object], int]]:
    """Calls of the ANI-2x ensemble in several batches, each with its number of conformers; {} without its weights."""
    engine = ani.AniEngine()
    try:
        weights = engine._find()
    except EngineError:
        return {}
    if weights.name != "ANI-2x":
        return {}
    model = ani._load_model(weights).to(dtype)
    geometries = positions.astype(np.float32) if dtype == torch.float32 else positions.astype(np.float64)

    def evaluate(batch: int) -> None:
        ani._evaluate(model, molecule.numbers, geometries[:batch], forces)  # type: ignore[arg-type]

    return {f"batches of {batch}": (partial(evaluate, batch), batch) for batch in BATCHES}


def torch_in_parts(function: Callable[..., object], parameters: Any, positions: np.ndarray, size: int) -> None:
    """The torch path, `size` conformers at once: fewer stay in the cache."""
    with torch.inference_mode():
        for part in torch.from_numpy(positions).split(size):
            function(parameters, part)


def computed_gaussians(potential: CompiledPotential, positions: np.ndarray) -> float:
    """The Gaussians of a pair that the compiled loops do not leave out, on average."""
    (i, j), limits = potential._parameters[0].T, potential._parameters[2].view(potential._dtype)
    found = []
    for block in np.split(positions, range(LANES, len(positions), LANES)):
        distances = np.linalg.norm(block[:, i] - block[:, j], axis=-1)
        near = distances.max(axis=0)[:, None] >= limits[..., 0]
        found.append((near & (distances.min(axis=0)[:, None] <= limits[..., 1])).sum(axis=1).mean())
    return float(np.mean(found))


def measure(dtype: type[np.floating[Any]]) -> list[tuple[str, ...]]:
    """The rows of the table for one precision."""
    molecule, positions = conformers(CONFORMERS)
    positions = positions.astype(dtype)
    kind = torch.float32 if dtype is np.float32 else torch.float64
    parameters = load_model().force_field(molecule).parameters
    parameters = parameters._replace(charges=parameters.charges.to(kind), coefficients=parameters.coefficients.to(kind))
    potential = CompiledPotential(parameters, dtype)
    n_pairs = len(parameters.pair_molecules)
    calls: dict[str, tuple[Callable[[], object], int]] = {}
    for forces in (False, True):
        what = "energies, forces" if forces else "energies"
        ours = potential.energies_and_forces if forces else potential.energies
        calls[f"{what}|compiled loops"] = (partial(ours, positions), CONFORMERS)
        by_torch = pair_energies_and_forces if forces else pair_energies
        for size in (10, 100):
            parts = partial(torch_in_parts, by_torch, parameters, positions[:100], size)
            calls[f"{what}|torch, {size} at once"] = (parts, 100)
        for name, call in ani_calls(molecule, positions, kind, forces=forces).items():
            calls[f"{what}|ANI-2x, 8 networks, {name}"] = call

    def gfn2() -> None:
        for geometry in positions[:OF_OTHERS]:
            xtb.energy_and_forces(molecule.numbers, geometry, backend="tblite")

    calls["energies, forces|GFN2-xTB (tblite)"] = (gfn2, OF_OTHERS)
    best = smallest_times({name: call for name, (call, _) in calls.items()}, rounds=ROUNDS)
    each = {name: best[name] / count for name, (_, count) in calls.items()}
    # tblite gives energy and gradient in one call.
    each["energies|GFN2-xTB (tblite)"] = each["energies, forces|GFN2-xTB (tblite)"]
    exponential, rest = processor_times(dtype)
    computed = computed_gaussians(potential, positions)
    rows: list[tuple[str, ...]] = []
    for what in ("energies", "energies, forces"):
        own = each[f"{what}|compiled loops"]
        for name, seconds in sorted(each.items(), key=lambda item: item[1]):
            kind_of, label = name.split("|")
            if kind_of == what:
                rows.append((dtype.__name__, what, label, f"{seconds * 1e6:,.2f}", f"{seconds / own:,.1f}"))
        for count in (computed, float(N_GAUSSIANS)):
            floor = (count * exponential + rest) * 1e-9 * n_pairs
            label = f"processor: {count:.2g} exponentials of {exponential:.2f} ns and {rest:.2f} ns for the rest a pair"
            rows.append((dtype.__name__, what, label, f"{floor * 1e6:,.2f}", f"{floor / own:.2f}"))
    return rows


def curves() -> list[str]:
    """Cost against atoms and against conformers, with exponents."""
    rows: list[tuple[str, ...]] = [("atoms", "conformers", "ms, energies", "ms, energies and forces")]

    def seconds(smiles: str, n_conformers: int) -> tuple[int, float, float]:
        molecule, positions = conformers(n_conformers, smiles)
        potential = CompiledPotential(load_model().force_field(molecule).parameters, np.float64)
        best = smallest_times(
            {
                "energies": lambda: potential.energies(positions),
                "forces": lambda: potential.energies_and_forces(positions),
            },
            rounds=ROUNDS,
        )
        rows.append(
            (
                str(molecule.n_atoms),
                str(n_conformers),
                f"{best['energies'] * 1e3:.2f}",
                f"{best['forces'] * 1e3:.2f}",
            )
        )
        return molecule.n_atoms, best["energies"], best["forces"]

    by_atoms = [seconds("C" * n, 128) for n in (4, 8, 16, 32, 64)]
    by_conformers = [(n, *seconds(MOLECULE, n)[1:]) for n in (64, 256, 1024)]
    lines = [markdown_table(rows), ""]
    for name, points in (("atoms", by_atoms[1:]), ("conformers", by_conformers)):
        sizes, energies, forces = zip(*points, strict=True)
        lines.append(
            f"The cost grows with the number of {name} to the power {exponent(sizes, energies):.2f}, with forces "
            f"{exponent(sizes, forces):.2f}."
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", action="store_true", help="cost against atoms and conformers alone")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if not arguments.curves:
        print(
            f"{MOLECULE}, {CONFORMERS:,} conformers, one thread; {machine('torch', 'numba', 'tblite', 'torchani')}.\n"
        )
        head = ("precision", "what", "by", "microseconds a conformer", "times the compiled loops")
        print(markdown_table([head, *measure(np.float32), *measure(np.float64)]), flush=True)
        print()
    print("\n".join(curves()))


if __name__ == "__main__":
    main()
