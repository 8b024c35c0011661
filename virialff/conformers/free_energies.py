"""What vibrations and rotations add to the energies of conformers: RRHO with damped low modes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from virialff.engines.base import Progress, conformer_axis
from virialff.errors import EngineError
from virialff.molecules.molecule import Molecule
from virialff.molecules.rdkit_forms import atomic_weights
from virialff.units import GAS_CONSTANT

if TYPE_CHECKING:
    from virialff.methods.method import ForceMethod

FloatArray = NDArray[np.float64]

#: Displacement of a coordinate from which the Hessian's columns come by central differences of forces, Angstrom.
DISPLACEMENT = 0.005
#: Below this wave number (1/cm) a vibration's entropy passes into that of a free rotor, as xtb and CREST have it.
ROTOR_CUTOFF = 50.0
# sqrt(kcal/mol/Angstrom^2/u) as a wave number, 1/cm; and h^2/(8 pi^2 k_B) as a temperature, K u Angstrom^2.
_WAVE_NUMBER = 108.5914
_ROTATIONAL = 24.2544


@dataclass(frozen=True)
class FreeEnergyCorrections:
    """Result of `free_energy_corrections`."""

    values: FloatArray  #: (n_conformers,) G - E of vibrations and rotations, kcal/mol
    zero_point: FloatArray  #: (n_conformers,) zero-point energies in it, kcal/mol
    lowest: FloatArray  #: (n_conformers,) lowest wave number, 1/cm; negative for an imaginary one, which is no minimum
    temperature: float  #: kelvin


def free_energy_corrections(
    molecule: Molecule,
    method: ForceMethod,
    positions: ArrayLike | None = None,
    *,
    temperature: float = 298.15,
    progress: Progress | None = None,
) -> FreeEnergyCorrections:
    """Vibrational and rotational free energies of conformers at minima of a method, to be added to its energies.

    Harmonic vibrations with the modified rigid-rotor-harmonic-oscillator entropy of low modes (Grimme, Chem. Eur. J.
    2012, 18, 9955) and rigid rotation. Translation, which is the same for all conformers, and symmetry numbers are left
    out: mirror images and equivalent numberings are counted as degeneracies. Each conformer costs six evaluations of
    the forces an atom.

    Parameters
    ----------
    molecule : Molecule
        The molecule.
    method : ForceMethod
        Any method that gives forces, GFN2-xTB as a rule.
    positions : array_like, shape (n_conformers, n_atoms, 3) or (n_atoms, 3), optional
        Minima of the method, Angstrom; by default the molecule's own conformers.
    temperature : float, optional
        In kelvin.
    progress : callable, optional
        Called with the conformers done and their total after each; what it raises stops the run.

    Returns
    -------
    FreeEnergyCorrections
        In the order of the conformers.

    Raises
    ------
    EngineError
        If the method fails, or ASE, which has the thermochemistry, is not installed.
    ValueError
        Unless the temperature is positive.
    """
    if not temperature > 0:
        raise ValueError(f"the temperature must be positive, got {temperature:g} K")
    if positions is None:
        molecule.require_3d()
        positions = molecule.positions
    geometries = conformer_axis(molecule.n_atoms, positions)
    waves = []
    for index, geometry in enumerate(geometries):
        waves.append(wave_numbers(molecule, method, geometry))
        if progress is not None:
            progress(index + 1, len(geometries))
    return corrections_of(molecule, waves, geometries, temperature)


def corrections_of(
    molecule: Molecule, waves: Sequence[ArrayLike], positions: ArrayLike, temperature: float
) -> FreeEnergyCorrections:
    """The corrections of conformers (n_conformers, n_atoms, 3), Angstrom, whose `wave_numbers` are known."""
    rows = [
        (*_thermal(molecule, geometry, np.asarray(known), temperature), float(np.min(known, initial=np.inf)))
        for known, geometry in zip(waves, conformer_axis(molecule.n_atoms, positions), strict=True)
    ]
    values, zero_point, lowest = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return FreeEnergyCorrections(values, zero_point, lowest, temperature)


def wave_numbers(molecule: Molecule, method: ForceMethod, positions: ArrayLike) -> FloatArray:
    """Harmonic vibrations of a geometry (n_atoms, 3), Angstrom: wave numbers (n_modes,), 1/cm, in ascending order.

    Translations and rotations are projected out. Imaginary ones are negative. Raises EngineError.
    """
    geometry = np.asarray(positions, dtype=np.float64)
    moves = DISPLACEMENT * np.eye(geometry.size).reshape(-1, *geometry.shape)
    forces = method.forces(molecule, np.concatenate([geometry + moves, geometry - moves]))
    ahead, behind = forces.reshape(2, geometry.size, geometry.size)
    hessian = (behind - ahead) / (2 * DISPLACEMENT)
    masses = atomic_weights(molecule.numbers)
    weights = np.repeat(masses, 3) ** -0.5
    free = _vibrations(geometry, masses)
    projected = free.T @ ((hessian + hessian.T) / 2 * np.outer(weights, weights)) @ free
    values = np.linalg.eigvalsh(projected)
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)) * _WAVE_NUMBER)


def _vibrations(geometry: FloatArray, masses: FloatArray) -> FloatArray:
    """An orthonormal basis (3 n_atoms, n_modes) of mass-weighted moves that neither shift nor turn the molecule."""
    centred = geometry - np.average(geometry, axis=0, weights=masses)
    rigid = [np.tile(axis, (len(masses), 1)) for axis in np.eye(3)] + [np.cross(axis, centred) for axis in np.eye(3)]
    columns = np.array([(np.sqrt(masses)[:, None] * move).ravel() for move in rigid]).T
    left, sizes, _ = np.linalg.svd(columns)
    return np.asarray(left[:, int((sizes > 1e-4 * sizes[0]).sum()) :])


def _thermal(molecule: Molecule, geometry: FloatArray, waves: FloatArray, temperature: float) -> tuple[float, float]:
    """G - E and the zero-point energy of one conformer, kcal/mol."""
    try:
        from ase import Atoms, units
        from ase.thermochemistry import MSRRHOThermo
    except ImportError as error:
        raise EngineError("free energies of conformers need ASE: pip install 'virialff[ase]'") from error
    atoms = Atoms(molecule.numbers, geometry)
    in_kcal_mol = units.mol / units.kcal
    # Imaginary modes count as real ones of their size, as Grimme advises for the small ones of loose minima.
    thermo = MSRRHOThermo(list(np.abs(waves) * units.invcm), atoms, tau=ROTOR_CUTOFF)
    vibrations = thermo.get_helmholtz_energy(temperature, verbose=False) if len(waves) else 0.0
    moments = atoms.get_moments_of_inertia()
    turning = temperature / _ROTATIONAL * moments[moments > 1e-3]
    partition = np.sqrt(np.pi * turning.prod()) if len(turning) == 3 else turning[:1].prod()
    rotation = -GAS_CONSTANT * temperature * np.log(partition)
    return float(vibrations) * in_kcal_mol + float(rotation), float(np.abs(waves).sum() / 2 * units.invcm * in_kcal_mol)
