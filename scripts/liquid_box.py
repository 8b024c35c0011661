"""A liquid in a periodic box by OpenMM: from a grid to its density at constant temperature and pressure.

    python -m scripts.liquid_box O --count 100 --spacing 3.6 --cutoff 5.5 > docs/logs/liquid_box_water.txt
    python -m scripts.liquid_box CO --count 48 --spacing 4.8 --cutoff 6 > docs/logs/liquid_box_methanol.txt

The molecules stand on a grid, turned at random; a barostat at a high pressure brings them together, then the run
goes on at 1 bar. The last half of that part gives the density.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import openmm
from openmm import unit

from virialff import Molecule, __version__, load_model
from virialff.conformers.generation import generate
from virialff.models.openmm import SWITCH, box_system
from virialff.molecules.placement import on_grid

COMPRESSION = 1000.0  # bar
STEPS_A_MOVE = 10  # steps between two moves of the barostat


def density(context: openmm.Context, mass: float) -> float:
    """In g/mL; mass in dalton."""
    volume = context.getState().getPeriodicBoxVolume().value_in_unit(unit.angstrom**3)
    return mass / volume * 1.66053907


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("smiles", help="the molecule")
    parser.add_argument("--count", type=int, default=100, help="molecules (default %(default)s)")
    parser.add_argument("--spacing", type=float, default=5.5, help="of the grid, Angstrom (default %(default)s)")
    parser.add_argument("--cutoff", type=float, default=8.0, help="Angstrom (default %(default)s)")
    parser.add_argument("--temperature", type=float, default=298.15, help="K (default %(default)s)")
    parser.add_argument("--compress", type=float, default=2.0, help="ps at the high pressure (default %(default)s)")
    parser.add_argument("--picoseconds", type=float, default=100.0, help="ps at 1 bar (default %(default)s)")
    parser.add_argument("--time-step", type=float, default=1.0, help="fs (default %(default)s)")
    parser.add_argument("--every", type=float, default=1.0, help="ps between two lines (default %(default)s)")
    parser.add_argument("--platform", default="CPU", help="of OpenMM (default %(default)s)")
    arguments = parser.parse_args()

    model = load_model()
    molecule = generate(Molecule.from_smiles(arguments.smiles), 1)
    positions, edge = on_grid([molecule.positions[0]], [arguments.count], spacing=arguments.spacing)
    system = box_system(model, [molecule], [arguments.count], edge, cutoff=arguments.cutoff)
    barostat = openmm.MonteCarloBarostat(COMPRESSION, arguments.temperature, STEPS_A_MOVE)
    barostat.setRandomNumberSeed(1)
    system.addForce(barostat)
    integrator = openmm.LangevinMiddleIntegrator(arguments.temperature, 1.0, arguments.time_step / 1000)
    integrator.setRandomNumberSeed(1)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName(arguments.platform))
    context.setPositions(positions / 10)
    mass = sum(system.getParticleMass(atom).value_in_unit(unit.dalton) for atom in range(system.getNumParticles()))

    print(f"virialff {__version__}, model {model.name} ({model.sha256[:12]}), OpenMM {openmm.__version__}")
    print(f"{arguments.count} molecules of {arguments.smiles}, {system.getNumParticles()} atoms, {arguments.platform}")
    print(
        f"{arguments.temperature:g} K, steps of {arguments.time_step:g} fs, cutoff {arguments.cutoff:g} Angstrom with "
        f"a switch over the last {SWITCH:g} and a correction beyond, PME"
    )
    openmm.LocalEnergyMinimizer.minimize(context, maxIterations=100)
    context.setVelocitiesToTemperature(arguments.temperature, 1)
    print("pressure, bar   time, ps   potential energy, kcal/mol/molecule   T, K   density, g/mL", flush=True)

    freedom = 3 * system.getNumParticles()
    steps = round(1000 * arguments.every / arguments.time_step)
    densities: list[float] = []
    began, began_cpu = time.perf_counter(), time.process_time()
    for pressure, length in ((COMPRESSION, arguments.compress), (1.0, arguments.picoseconds)):
        context.setParameter(openmm.MonteCarloBarostat.Pressure(), pressure)
        densities.clear()
        for line in range(1, round(length / arguments.every) + 1):
            try:
                integrator.step(steps)
            except openmm.OpenMMException as error:
                raise SystemExit(f"{error} Take more molecules or a shorter cutoff.") from error
            state = context.getState(getEnergy=True)
            potential = state.getPotentialEnergy().value_in_unit(unit.kilocalories_per_mole) / arguments.count
            kinetic = state.getKineticEnergy() / unit.MOLAR_GAS_CONSTANT_R
            temperature = 2 * kinetic.value_in_unit(unit.kelvin) / freedom
            if not np.isfinite(potential):
                raise SystemExit(f"the energy is {potential} after {line * arguments.every:g} ps at {pressure:g} bar")
            densities.append(density(context, mass))
            print(
                f"{pressure:>13g} {line * arguments.every:>10.2f} {potential:>37.3f} {temperature:>6.0f}"
                f" {densities[-1]:>15.3f}",
                flush=True,
            )
    last = densities[len(densities) // 2 :]
    print(f"density {np.mean(last):.3f} g/mL, standard deviation {np.std(last):.3f}, over the last {len(last)} lines")
    print(f"{time.perf_counter() - began:.0f} s, {time.process_time() - began_cpu:.0f} s of the processor")


if __name__ == "__main__":
    main()
