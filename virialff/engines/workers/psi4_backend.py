"""One wB97X-D calculation in Psi4 1.3 or later; loaded by serve.py under the Python that has Psi4."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import psi4

PROGRAM = "Psi4 " + psi4.__version__

#: Psi4 holds the integrals of that many basis functions in memory (0.5 GB); above it recomputes them.
MOST_STORED_FUNCTIONS = 150

#: Tried in this order until one converges.
LADDER = (
    ("DIIS from superposed atoms", {"guess": "sad"}),
    ("damping", {"guess": "sad", "damping_percentage": 40.0, "damping_convergence": 1e-4, "maxiter_factor": 2}),
    ("second-order SCF", {"guess": "sad", "soscf": True, "soscf_start_convergence": 1e-1, "soscf_max_iter": 10}),
    ("second-order SCF from the core Hamiltonian", {"guess": "core", "soscf": True, "soscf_max_iter": 10}),
)

psi4.core.set_output_file(os.devnull, False)
psi4.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


class Failure(Exception):
    """A calculation that gave no result, with its reason in a sentence."""


def compute(request: dict[str, Any]) -> dict[str, Any]:
    """Arrays of one molecule (Hartree, Bohr, e), as `virialff.engines.dft.ElectronicStructure` names them."""
    start = time.monotonic()
    psi4.set_memory(int(request["memory_mb"]) * 1000000)
    molecule = _molecule(request)
    wavefunction, procedure = _converge(molecule, request)
    density = np.array(wavefunction.Da_subset("AO")) + np.array(wavefunction.Db_subset("AO"))
    basis = wavefunction.basisset()
    integrals = psi4.core.MintsHelper(basis)
    positions = np.array(request["positions"])
    charges = np.where(request["ghosts"], 0.0, np.array(request["numbers"], dtype=float))
    electronic = [np.sum(density * np.array(component)) for component in integrals.ao_dipole()]
    arrays = {
        "energy": wavefunction.energy(),
        "dispersion_energy": wavefunction.variable("DISPERSION CORRECTION ENERGY"),
        "dipole": charges @ positions + np.array(electronic),
        "density": density,
        "kinetic": np.array(integrals.ao_kinetic()),
        "overlap": np.array(integrals.ao_overlap()),
        "ao_atoms": np.array([basis.function_to_center(k) for k in range(basis.nbf())], dtype=np.int64),
        "scf_procedure": procedure,
    }
    if request["gradient"]:
        arrays["gradient"] = np.array(psi4.gradient("wb97x-d", molecule=molecule, ref_wfn=wavefunction))
    arrays["seconds"] = time.monotonic() - start
    return arrays


def _molecule(request: dict[str, Any]) -> Any:
    psi4.core.clean()
    psi4.core.clean_options()
    lines = [f"0 {request['unpaired_electrons'] + 1}"]
    for symbol, ghost, (x, y, z) in zip(request["symbols"], request["ghosts"], request["positions"]):
        lines.append(f"{'@' if ghost else ''}{symbol} {x:.15f} {y:.15f} {z:.15f}")
    molecule = psi4.geometry("\n".join([*lines, "units bohr", "symmetry c1", "no_com", "no_reorient"]))
    molecule.update_geometry()
    return molecule


def _converge(molecule: Any, request: dict[str, Any]) -> tuple[Any, str]:
    failures = []
    for procedure, options in LADDER:
        _set_options(molecule, request, dict(options))
        try:
            _, wavefunction = psi4.energy("wb97x-d", molecule=molecule, return_wfn=True)
        except psi4.driver.SCFConvergenceError as error:
            failures.append(f"{procedure} ({str(error).strip().splitlines()[0].strip()})")
            psi4.core.clean()
            continue
        except RuntimeError as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            raise Failure(lines[0] if lines else "RuntimeError") from error
        return wavefunction, procedure
    raise Failure("the SCF did not converge by " + ", nor by ".join(failures))


def _set_options(molecule: Any, request: dict[str, Any], options: dict[str, Any]) -> None:
    settings = request["settings"]
    psi4.core.clean_options()
    iterations = int(settings["max_iterations"] * options.pop("maxiter_factor", 1))
    common = {
        "basis": "def2-svp",
        "puream": True,
        "reference": "uks" if request["unpaired_electrons"] else "rks",
        "dft_radial_points": max(radial for radial, _ in settings["grid"]),
        "dft_spherical_points": max(angular for _, angular in settings["grid"]),
        "e_convergence": settings["energy_convergence"],
        "d_convergence": settings["gradient_convergence"],
        "maxiter": iterations,
    }
    if settings["density_fitting"]:
        common["scf_type"] = "df"
    else:
        functions = psi4.core.BasisSet.build(molecule, "ORBITAL", "def2-svp").nbf()
        common["scf_type"] = "pk" if functions <= MOST_STORED_FUNCTIONS else "direct"
    psi4.set_options({**common, **options})
