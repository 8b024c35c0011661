"""GFN2-xTB: the numbers of the xtb program, both libraries, and failures that say why."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from virialff.conformers.generation import generate
from virialff.elements import UNPAIRED_ELECTRONS
from virialff.engines.xtb import (
    BACKENDS,
    Backend,
    Gfn2Engine,
    energy_and_forces,
    single_point,
)
from virialff.errors import EngineError
from virialff.molecules.molecule import Molecule
from virialff.units import BOHR_IN_ANGSTROM, E_ANGSTROM_IN_DEBYE, HARTREE_IN_KCAL_MOL

ROOT = Path(__file__).resolve().parents[3]
SMILES = ("CC(=O)NC(C)C(=O)NC", "CP(=O)(OC)SCC(Br)CCl", "O=C(Nc1ccc(F)cc1)c1ccccc1[N+](=O)[O-]")


def _xtb(folder: Path, numbers: np.ndarray, positions: np.ndarray, *options: str) -> str:
    """Output of the xtb program for one geometry."""
    lines = [f"{number} {x:.12f} {y:.12f} {z:.12f}" for number, (x, y, z) in zip(numbers, positions)]
    (folder / "m.xyz").write_text("\n".join([str(len(numbers)), "", *lines, ""]))
    command = ["xtb", "m.xyz", "--gfn", "2", "--norestart", *options]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_STACKSIZE": "1G"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout


def _total_energy(output: str) -> float:
    match = re.search(r"TOTAL ENERGY\s+(-?\d+\.\d+) Eh", output)
    assert match is not None
    return float(match.group(1))


def _molecule(smiles: str) -> Molecule:
    return generate(Molecule.from_smiles(smiles), 1, seed=3)


@pytest.mark.program("xtb")
@pytest.mark.parametrize("smiles", SMILES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_energy_and_dipole_are_those_of_the_xtb_program(tmp_path: Path, backend: Backend, smiles: str) -> None:
    molecule = _molecule(smiles)
    output = _xtb(tmp_path, molecule.numbers, molecule.positions[0])
    result = single_point(molecule.numbers, molecule.positions[0], backend=backend)
    assert result.energy / HARTREE_IN_KCAL_MOL == pytest.approx(_total_energy(output), abs=1e-6)
    debye = re.findall(r"full:(?:\s+-?\d+\.\d+){3}\s+(\d+\.\d+)", output)
    assert np.linalg.norm(result.dipole) * E_ANGSTROM_IN_DEBYE == pytest.approx(float(debye[0]), abs=5e-3)
    assert result.charges.sum() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.program("xtb")
def test_forces_are_those_of_the_xtb_program(tmp_path: Path) -> None:
    molecule = _molecule(SMILES[1])
    _xtb(tmp_path, molecule.numbers, molecule.positions[0], "--grad")
    rows = [line.split() for line in (tmp_path / "gradient").read_text().splitlines()]
    gradient = np.array([row for row in rows if len(row) == 3], dtype=float)
    # tblite, converged to the same settings, is within 2e-3 of it.
    _, forces = energy_and_forces(molecule.numbers, molecule.positions[0], backend="xtb-python")
    expected = -gradient * HARTREE_IN_KCAL_MOL / BOHR_IN_ANGSTROM
    np.testing.assert_allclose(forces, expected, atol=1e-3)


@pytest.mark.program("xtb")
@pytest.mark.parametrize("number", [1, 6, 7, 35])
def test_isolated_atoms_have_the_energies_of_the_xtb_program(tmp_path: Path, number: int) -> None:
    unpaired = UNPAIRED_ELECTRONS[number]
    # Now and then the program gives an atom exactly 1 Eh too much.
    of_program = min(
        _total_energy(_xtb(tmp_path, np.array([number]), np.zeros((1, 3)), "--uhf", str(unpaired))) for _ in range(8)
    )
    (energy,) = Gfn2Engine().atomic_energies([number])
    assert energy / HARTREE_IN_KCAL_MOL == pytest.approx(of_program, abs=1e-6)


def test_atomic_energies_follow_the_numbers() -> None:
    engine = Gfn2Engine()
    energies = engine.atomic_energies([8, 1, 1])
    assert energies[1] == energies[2] > energies[0]
    with pytest.raises(EngineError, match="isolated I atom"):
        engine.atomic_energies([53])


@pytest.mark.parametrize("smiles", SMILES)
def test_both_libraries_agree(smiles: str) -> None:
    molecule = _molecule(smiles)
    first, second = (single_point(molecule.numbers, molecule.positions[0], backend=name) for name in BACKENDS)
    assert first.energy == pytest.approx(second.energy, abs=1e-6 * HARTREE_IN_KCAL_MOL)
    np.testing.assert_allclose(first.forces, second.forces, atol=0.02)
    np.testing.assert_allclose(first.dipole, second.dipole, atol=1e-3)


def test_an_energy_does_not_depend_on_what_was_computed_before(glycine: Molecule) -> None:
    fresh = single_point(glycine.numbers, glycine.positions[1]).energy
    single_point(glycine.numbers, glycine.positions[0] * 1.05)
    assert single_point(glycine.numbers, glycine.positions[1]).energy == fresh


@pytest.mark.parametrize("backend", BACKENDS)
def test_charges_that_do_not_converge_are_an_error_with_the_programs_message(
    backend: Backend, capfd: pytest.CaptureFixture[str]
) -> None:
    molecule = _molecule(SMILES[1])
    geometry = molecule.positions[0]
    before = single_point(molecule.numbers, geometry, backend=backend).energy
    with pytest.raises(EngineError, match=rf"conformer 2: GFN2-xTB \({backend}\) failed: .*converge") as caught:
        Gfn2Engine(backend).energy(molecule, np.stack([geometry, geometry * 0.35]))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert single_point(molecule.numbers, geometry, backend=backend).energy == before


def test_several_threads_get_what_one_gets(glycine: Molecule, water: Molecule) -> None:
    jobs = [(m.numbers, positions) for m in (glycine, water) for positions in m.positions] * 4
    alone = [single_point(*job).energy for job in jobs]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda job: single_point(*job).energy, jobs))
    assert together == alone


def test_odd_electrons_and_no_atoms_are_refused() -> None:
    with pytest.raises(EngineError, match="has 9 electrons, which cannot leave 0 unpaired"):
        single_point([8, 1], [[0, 0, 0], [0, 0, 0.97]])
    with pytest.raises(EngineError, match="no atoms"):
        single_point([], np.zeros((0, 3)))
    with pytest.raises(EngineError, match="GFN2-xTB has no parameters for U"):
        single_point([92], np.zeros((1, 3)))
    with pytest.raises(EngineError, match="choose one of tblite, xtb-python"):
        Gfn2Engine("xtb")  # type: ignore[arg-type]


_BLOCKED = """
import sys, importlib.abc
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {blocked!r}:
            raise ImportError(f'no module named {{name}}')
sys.meta_path.insert(0, Block())
import numpy as np
from virialff.engines import get_engine
from virialff.engines.xtb import energy_and_forces
print(get_engine('gfn2').available())
print(energy_and_forces([8, 1, 1], [[0, 0, 0], [0, 0, 0.96], [0.93, 0, -0.24]])[0])
"""


def _without(*blocked: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _BLOCKED.format(blocked=blocked)], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_xtb_python_steps_in_where_tblite_is_missing() -> None:
    reason, energy = _without("tblite").stdout.split()
    expected = single_point([8, 1, 1], [[0, 0, 0], [0, 0, 0.96], [0.93, 0, -0.24]], backend="xtb-python").energy
    assert reason == "None"
    assert float(energy) == pytest.approx(expected, abs=1e-8)


def test_without_either_program_the_reason_is_shown() -> None:
    result = _without("xtb", "tblite")
    reason = result.stdout.strip()
    assert reason.startswith("GFN2-xTB needs the Python package tblite or xtb and neither can be imported")
    assert "pip install tblite" in reason
    assert f"EngineError: {reason}" in result.stderr


def test_the_programs_leave_stdout_and_the_thread_settings_alone() -> None:
    code = """
import os
os.environ['OMP_NUM_THREADS'] = '3'
from virialff.engines.xtb import BACKENDS, single_point
geometry = [[0, 0, 0], [0, 0, 0.96], [0.93, 0, -0.24]]
for backend in BACKENDS:
    single_point([8, 1, 1], geometry, backend=backend)
assert os.environ['OMP_NUM_THREADS'] == '3'
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == ""
    assert result.stderr == ""
