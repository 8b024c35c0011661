"""Energies of molecules by OpenMM against those of the library, System written to XML and read back before.

python -m perf.openmm_equality > docs/logs/openmm_equality.txt
"""

from __future__ import annotations

import argparse

import numpy as np
import openmm
from openmm import unit

from virialff import Molecule, __version__, load_model
from virialff.conformers.generation import generate
from virialff.errors import MoleculeError
from virialff.labels.molecule_samples import draw_molecules
from virialff.settings import ASSETS

PLATFORMS = {"Reference": 1e-6, "CPU": 1e-3, "CUDA": 1e-3}  # kcal/mol


def difference(system: openmm.System, positions: np.ndarray, platform: str, expected: float) -> float:
    """Of the energy of a geometry (n_atoms, 3), Angstrom, from the one expected, kcal/mol."""
    integrator = openmm.VerletIntegrator(0.001)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName(platform))
    context.setPositions(positions / 10)
    found = context.getState(getEnergy=True).getPotentialEnergy().value_in_unit(unit.kilocalories_per_mole)
    return float(found) - expected


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--molecules", type=int, default=100, help="how many (default %(default)s)")
    arguments = parser.parse_args()
    model = load_model()
    drawn = draw_molecules(ASSETS / "data" / "gfn2.parquet", 2 * arguments.molecules, split="test", seed=1)
    there = {openmm.Platform.getPlatform(index).getName() for index in range(openmm.Platform.getNumPlatforms())}
    errors: dict[str, list[float]] = {name: [] for name in PLATFORMS if name in there}
    atoms: list[int] = []
    for smiles in drawn.smiles:
        try:
            molecule = generate(Molecule.from_smiles(smiles), 1)
        except MoleculeError:
            continue  # no geometry was found; others are drawn in its place
        force_field = model.force_field(molecule)
        system = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(force_field.to_openmm()))
        positions = molecule.positions[0]
        expected = float(force_field.pair_energy(positions))
        for platform, found in errors.items():
            found.append(difference(system, positions, platform, expected))
        atoms.append(molecule.n_atoms)
        if len(atoms) == arguments.molecules:
            break
    print(f"virialff {__version__}, model {model.name} ({model.sha256[:12]}), OpenMM {openmm.__version__}")
    print(f"{len(atoms)} molecules of the test part, {min(atoms)} to {max(atoms)} atoms, by XML")
    failed = False
    for platform, found in errors.items():
        largest = np.abs(found).max()
        failed |= bool(largest > PLATFORMS[platform])
        print(f"{platform}: largest difference {largest:.1e} kcal/mol, allowed {PLATFORMS[platform]:g}")
    raise SystemExit(int(failed))


if __name__ == "__main__":
    main()
