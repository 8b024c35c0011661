"""One calculation with the Kohn-Sham part of wB97X-D in PySCF; loaded by serve.py. The dispersion term is not here."""

import time
from typing import Any

import numpy as np
import pyscf
from pyscf import dft, gto


def _gpu_package() -> Any:
    """gpu4pyscf where it is installed and finds a GPU, else None."""
    try:
        import cupy
        import gpu4pyscf

        return gpu4pyscf if cupy.cuda.runtime.getDeviceCount() else None
    except (ImportError, RuntimeError):
        # Not installed, or installed for another CUDA than is here.
        return None


GPU = _gpu_package()
PROGRAM = f"PySCF {pyscf.__version__}" + (f" with gpu4pyscf {GPU.__version__}" if GPU else "")
ON_GPU = "DIIS on the GPU"

#: The functional without its dispersion term, by its libxc name: PySCF refuses "wb97x-d", which would claim the whole.
FUNCTIONAL = "HYB_GGA_XC_WB97X_D"

#: Before the symbol of an atom that is only its basis functions and its grid.
GHOST = "GHOST-"

#: Elements that share a grid.
PERIODS = (("H",), ("C", "N", "O", "F"), ("P", "S", "Cl", "Br"))

#: Tried in this order until one converges.
LADDER = (
    "DIIS from superposed atoms",
    "level shift and damping",
    "second-order SCF",
    "second-order SCF from the Hückel guess",
)


class Failure(Exception):
    """A calculation that gave no result, with its reason in a sentence."""


def compute(request: dict[str, Any]) -> dict[str, Any]:
    """Arrays of one molecule (Hartree, Bohr, e), as `virialff.engines.dft.ElectronicStructure` names them."""
    start = time.monotonic()
    names = [GHOST + symbol if ghost else symbol for symbol, ghost in zip(request["symbols"], request["ghosts"])]
    molecule = gto.M(
        atom=list(zip(names, request["positions"])),
        unit="Bohr",
        spin=request["unpaired_electrons"],
        basis="def2-svp",
        verbose=0,
        max_memory=request["memory_mb"],
    )
    mean_field, procedure = _converge(molecule, request["settings"])
    density = np.asarray(mean_field.make_rdm1())
    if density.ndim == 3:
        density = density.sum(axis=0)
    ao_atoms = np.empty(molecule.nao, dtype=np.int64)
    for atom, (_, _, first, last) in enumerate(molecule.aoslice_by_atom()):
        ao_atoms[first:last] = atom
    with molecule.with_common_orig((0.0, 0.0, 0.0)):
        electronic = np.einsum("xij,ji->x", molecule.intor("int1e_r"), density)
    arrays = {
        "energy": mean_field.e_tot,
        "dipole": molecule.atom_charges() @ molecule.atom_coords() - electronic,
        "density": density,
        "kinetic": molecule.intor("int1e_kin"),
        "overlap": molecule.intor("int1e_ovlp"),
        "ao_atoms": ao_atoms,
        "scf_procedure": procedure,
    }
    if request["gradient"]:
        arrays["gradient"] = mean_field.nuc_grad_method().kernel()
    arrays["seconds"] = time.monotonic() - start
    return arrays


def _mean_field(molecule: Any, settings: dict[str, Any]) -> Any:
    mean_field = (dft.UKS if molecule.spin else dft.RKS)(molecule, xc=FUNCTIONAL)
    if settings["density_fitting"]:
        auxiliary = {"default": settings["density_fitting"]}
        if settings["phosphorus_fitting"]:
            auxiliary["P"] = auxiliary[f"{GHOST}P"] = settings["phosphorus_fitting"]
        mean_field = mean_field.density_fit(auxbasis=auxiliary)
    mean_field.grids.atom_grid = _atom_grid(settings)
    if settings["pruning"] == "none":
        mean_field.grids.prune = None
    mean_field.conv_tol = settings["energy_convergence"]
    mean_field.conv_tol_grad = settings["gradient_convergence"]
    mean_field.max_cycle = settings["max_iterations"]
    return mean_field


def _on_first_grid(molecule: Any, settings: dict[str, Any], mean_field: Any) -> Any:
    """The mean field on the first grid, whose steps cost a tenth; it shares the fitted integrals."""
    first = _mean_field(molecule, settings)
    first.with_df = mean_field.with_df
    first.grids.atom_grid = tuple(settings["first_grid"])
    if not settings["final_grid_only"]:
        first.conv_tol, first.conv_tol_grad = 1e-6, 1e-3
    first.kernel()
    return first


def _atom_grid(settings: dict[str, Any]) -> dict[str, tuple[int, int]]:
    grid = {symbol: tuple(size) for symbols, size in zip(PERIODS, settings["grid"]) for symbol in symbols}
    return grid | {GHOST + symbol: size for symbol, size in grid.items()}


def _converge(molecule: Any, settings: dict[str, Any]) -> tuple[Any, str]:
    if GPU:
        # On a GPU the full grid costs no more than the first one.
        on_gpu = _mean_field(molecule, settings).to_gpu()
        on_gpu.kernel()
        if on_gpu.converged:
            return on_gpu.to_cpu(), ON_GPU
    for procedure in LADDER:
        mean_field = _mean_field(molecule, settings)
        if procedure == "level shift and damping":
            mean_field.level_shift, mean_field.damp, mean_field.diis_start_cycle = 0.3, 0.4, 6
            mean_field.max_cycle *= 2
            mean_field.kernel()
            shifted = mean_field.make_rdm1()
            mean_field = _mean_field(molecule, settings)
            mean_field.kernel(dm0=shifted)
        elif procedure.startswith("second-order SCF"):
            mean_field.init_guess = "huckel" if procedure.endswith("guess") else "minao"
            mean_field = mean_field.newton()
            mean_field.kernel()
        elif settings["first_grid"]:
            first = _on_first_grid(molecule, settings, mean_field)
            if first.converged and settings["final_grid_only"]:
                first.e_tot = mean_field.energy_tot(first.make_rdm1())
                return first, procedure
            mean_field.kernel(dm0=first.make_rdm1() if first.converged else None)
        else:
            mean_field.kernel()
        if mean_field.converged:
            return mean_field, procedure
    steps = ", nor by ".join(LADDER)
    raise Failure(f"the SCF did not converge by {steps}, in {settings['max_iterations']} iterations each")
