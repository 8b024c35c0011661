"""Drift of the total energy in dynamics at constant energy (velocity Verlet of ASE) with the calculator VirialFF.

python -m perf.energy_drift CCO > docs/logs/energy_drift.txt
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
import torch
from ase import Atoms, units
from ase.md.velocitydistribution import Stationary, ZeroRotation, thermalize_momenta
from ase.md.verlet import VelocityVerlet

from virialff import Molecule, __version__, load_model
from virialff.ase import VirialFF
from virialff.conformers.generation import generate
from virialff.conformers.relax import relax
from virialff.units import EV_IN_KCAL_MOL

TIME_STEP = 0.5  # fs
TEMPERATURE = 300.0  # K


class Drift(NamedTuple):
    """How the total energy of a run went."""

    n_atoms: int
    drift: float  #: slope of a straight line through the energies, kcal/mol/atom/ps
    fluctuation: float  #: standard deviation about that line, kcal/mol/atom
    temperature: float  #: mean, K


def energy_drift(smiles: str, *, picoseconds: float, seed: int = 1) -> Drift:
    """Run from a minimum with velocities drawn at twice TEMPERATURE, half of which goes into the potential."""
    model = load_model()
    start = relax(generate(Molecule.from_smiles(smiles), 1, seed=seed), model).molecule
    atoms = Atoms(numbers=start.numbers, positions=start.positions[0])
    atoms.calc = VirialFF(start, model)
    thermalize_momenta(atoms, 2 * TEMPERATURE, rng=np.random.default_rng(seed))
    Stationary(atoms)
    ZeroRotation(atoms)
    dynamics = VelocityVerlet(atoms, TIME_STEP * units.fs)
    times, energies, temperatures = [], [], []

    def note() -> None:
        times.append(dynamics.get_time() / units.fs / 1000)
        energies.append(atoms.get_total_energy() * EV_IN_KCAL_MOL / len(atoms))
        temperatures.append(atoms.get_temperature())

    dynamics.attach(note, interval=10)
    dynamics.run(round(1000 * picoseconds / TIME_STEP))
    slope, height = np.polyfit(times, energies, 1)
    rest = np.array(energies) - (slope * np.array(times) + height)
    return Drift(len(atoms), float(slope), float(rest.std()), float(np.mean(temperatures)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("smiles", nargs="+", help="molecules")
    parser.add_argument("--picoseconds", type=float, default=20.0, help="length of a run (default %(default)s)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model()
    print(f"virialff {__version__}, model {model.name} ({model.sha256[:12]})")
    print(f"{arguments.picoseconds:g} ps at {TIME_STEP} fs, constant energy, about {TEMPERATURE:g} K")
    print(
        f"{'molecule':<20} {'atoms':>5} {'drift, kcal/mol/atom/ps':>24} {'fluctuation, kcal/mol/atom':>27} {'T, K':>6}"
    )
    for smiles in arguments.smiles:
        run = energy_drift(smiles, picoseconds=arguments.picoseconds)
        numbers = f"{run.n_atoms:>5} {run.drift:>24.1e} {run.fluctuation:>27.1e} {run.temperature:>6.0f}"
        print(f"{smiles:<20} {numbers}", flush=True)


if __name__ == "__main__":
    main()
