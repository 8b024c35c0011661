"""Free energies of conformers, beside those of the program xtb."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from virialff.conformers.free_energies import free_energy_corrections, wave_numbers
from virialff.conformers.generation import generate
from virialff.conformers.relax import relax
from virialff.engines.xtb import Gfn2Engine
from virialff.molecules.molecule import Molecule
from virialff.units import GAS_CONSTANT, HARTREE_IN_KCAL_MOL

ENGINE = Gfn2Engine()


def minima(smiles: str, n_conformers: int) -> Molecule:
    return relax(generate(Molecule.from_smiles(smiles), n_conformers), ENGINE, force_tolerance=0.05).molecule


def by_xtb(molecule: Molecule, conformer: int, folder: Path) -> tuple[float, float]:
    """G - E with translation and symmetry number, and the zero-point energy, kcal/mol."""
    atoms = zip(molecule.symbols, molecule.positions[conformer].tolist(), strict=True)
    lines = [f"{symbol} {x:.8f} {y:.8f} {z:.8f}" for symbol, (x, y, z) in atoms]
    (folder / "molecule.xyz").write_text("\n".join([str(molecule.n_atoms), "", *lines, ""]))
    words = ["xtb", "molecule.xyz", "--hess"]
    said = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    ).stdout
    found = [re.search(rf"{name}\s+(\S+) Eh", said) for name in (r"G\(RRHO\) contrib\.", "zero point energy")]
    contribution, zero_point = (float(match[1]) * HARTREE_IN_KCAL_MOL for match in found if match is not None)
    return contribution, zero_point


def test_differences_between_conformers_are_those_of_xtb(tmp_path: Path) -> None:
    propanol = minima("CCCO", 2)
    ours = free_energy_corrections(propanol, ENGINE)
    theirs = np.array([by_xtb(propanol, number, tmp_path) for number in range(2)])
    assert ours.values[1] - ours.values[0] == pytest.approx(theirs[1, 0] - theirs[0, 0], abs=0.02)
    np.testing.assert_allclose(ours.zero_point, theirs[:, 1], atol=0.05)
    assert (ours.lowest > 80).all()


def test_water_is_that_of_xtb_less_translation_and_symmetry_number(tmp_path: Path) -> None:
    water = minima("O", 1)
    contribution, _ = by_xtb(water, 0, tmp_path)
    # Sackur-Tetrode of 18.015 u at 298.15 K and 1 bar, from xtb's table: 1481.254 cal/mol and 34.593 cal/mol/K.
    translation = 1.481254 - 298.15 * 34.593e-3
    symmetry = GAS_CONSTANT * 298.15 * np.log(2)
    found = free_energy_corrections(water, ENGINE)
    assert found.values[0] == pytest.approx(contribution - translation - symmetry, abs=0.02)


def test_a_linear_molecule_has_one_vibration_more() -> None:
    cyanide = minima("C#N", 1)
    assert len(wave_numbers(cyanide, ENGINE, cyanide.positions[0])) == 4
    assert len(wave_numbers(minima("O", 1), ENGINE, minima("O", 1).positions[0])) == 3


def test_a_saddle_point_shows_an_imaginary_wave_number() -> None:
    flat = Molecule.from_smiles("N")
    angles = np.radians([0.0, 120.0, 240.0])
    plane = np.array([[0, 0, 0], *[[np.cos(a), np.sin(a), 0.0] for a in angles]])
    found = free_energy_corrections(flat.with_positions(plane[None]), ENGINE)
    assert found.lowest[0] < -200
    with pytest.raises(ValueError, match="temperature"):
        free_energy_corrections(flat, ENGINE, plane, temperature=0.0)
