"""Energies and forces of the compiled loops against those of torch, over molecules of the shipped labels.

python -m perf.kernel_equality > docs/logs/kernel_equality.txt
"""

from __future__ import annotations

import argparse
import sys

import numba
import numpy as np
import torch

from virialff import Molecule, __version__, load_model
from virialff.labels.store import LabelStore
from virialff.potential.energy import pair_energies_and_forces
from virialff.potential.kernel import CompiledPotential
from virialff.settings import ASSETS

STORES = ("gfn2_pushed", "gfn2", "gfn2_contacts")
#: What is allowed, kcal/mol and kcal/mol/Angstrom.
ALLOWED = {("float64", "energy"): 1e-9, ("float64", "forces"): 1e-9} | {
    ("float32", what): 1e-3 for what in ("energy", "forces")
}
GEOMETRIES = 8  # of each molecule, one a lane


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--molecules", type=int, default=1000, help="how many (default %(default)s)")
    arguments = parser.parse_args()
    model = load_model()
    seen: set[tuple[str, ...]] = set()
    largest = dict.fromkeys(ALLOWED, 0.0)
    atoms: list[int] = []
    rows = (row for store in STORES for row in LabelStore(ASSETS / "data" / f"{store}.parquet").labels())
    for row in rows:
        if row.failure is not None or row.inchikeys in seen:
            continue
        if len(seen) == arguments.molecules:
            break
        seen.add(row.inchikeys)
        atoms.append(row.n_atoms)
        molecule = Molecule.from_arrays(row.numbers, row.bonds, row.orders)
        parameters = model.force_field(molecule).parameters
        displaced = np.random.default_rng(len(seen)).normal(0, 0.02, (GEOMETRIES, row.n_atoms, 3))
        positions = np.asarray(row.positions) + displaced
        energies, forces = pair_energies_and_forces(parameters, torch.from_numpy(positions))
        for precision in (np.float64, np.float32):
            found, found_forces = CompiledPotential(parameters, precision).energies_and_forces(positions)
            for what, difference in (
                ("energy", found - energies[:, 0].numpy()),
                ("forces", found_forces - forces.numpy()),
            ):
                key = (np.dtype(precision).name, what)
                largest[key] = max(largest[key], float(np.abs(difference).max()))
    print(f"virialff {__version__}, model {model.name} ({model.sha256[:12]}), numba {numba.__version__}")
    print(f"{len(seen)} molecules and complexes of {min(atoms)} to {max(atoms)} atoms, {GEOMETRIES} geometries each")
    for (name, what), value in largest.items():
        unit = "kcal/mol" if what == "energy" else "kcal/mol/Angstrom"
        print(f"{name}, {what}: largest difference {value:.1e} {unit}, allowed {ALLOWED[name, what]:g}")
    if len(seen) < arguments.molecules or any(largest[key] > ALLOWED[key] for key in ALLOWED):
        sys.exit("not all of them, or beyond what is allowed")


if __name__ == "__main__":
    main()
