"""The dispersion term of wB97X-D: its slope, its limits, and the numbers of Psi4."""

from __future__ import annotations

import json
import os
import subprocess

import numpy as np
import pytest

from virialff.elements import ATOMIC_NUMBERS, SYMBOL_OF
from virialff.engines.chai_head_gordon import PARAMETERS, dispersion
from virialff.engines.psi4 import find_psi4

NUMBERS = np.array(ATOMIC_NUMBERS)
# Bohr; distances from 2 (damped away) to 13 (undamped).
POSITIONS = np.array([[4.1 * (k % 3), 3.7 * (k // 3), 2.0 * np.sin(3.0 * k)] for k in range(9)])
_PSI4 = """
import json, sys, numpy as np, psi4
molecule = psi4.geometry(sys.argv[1])
molecule.update_geometry()
term = psi4.core.Dispersion.build("chg", s6=1.0)
print(json.dumps([term.compute_energy(molecule), np.array(term.compute_gradient(molecule)).tolist()]))
"""


def test_all_elements_have_parameters():
    assert set(PARAMETERS) == set(ATOMIC_NUMBERS)


@pytest.mark.program("psi4")
def test_energy_and_gradient_are_those_of_psi4(tmp_path):
    python, environment = find_psi4()
    atoms = [f"{SYMBOL_OF[n]} {x:.15f} {y:.15f} {z:.15f}" for n, (x, y, z) in zip(NUMBERS.tolist(), POSITIONS)]
    text = "\n".join(["0 1", *atoms, "units bohr", "symmetry c1", "no_com", "no_reorient"])
    command, environment = [python, "-c", _PSI4, text], {**os.environ, **environment}
    answer = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    expected_energy, expected_gradient = json.loads(answer.stdout.splitlines()[-1])
    energy, gradient = dispersion(NUMBERS, POSITIONS)
    assert energy == pytest.approx(expected_energy, rel=1e-6)
    np.testing.assert_allclose(gradient, expected_gradient, atol=1e-9)


def test_the_gradient_is_the_slope_of_the_energy():
    _, gradient = dispersion(NUMBERS, POSITIONS)
    step = 1e-4
    for atom, axis in np.ndindex(POSITIONS.shape):
        shift = np.zeros_like(POSITIONS)
        shift[atom, axis] = step
        slope = (dispersion(NUMBERS, POSITIONS + shift)[0] - dispersion(NUMBERS, POSITIONS - shift)[0]) / (2 * step)
        assert gradient[atom, axis] == pytest.approx(slope, abs=1e-10)
    np.testing.assert_allclose(gradient.sum(axis=0), 0.0, atol=1e-15)


def test_far_apart_it_is_c6_over_r6_and_near_it_vanishes():
    def pair(distance: float) -> float:
        return dispersion(np.array([6, 6]), np.array([[0.0, 0, 0], [0, 0, distance]]))[0]

    # 1.75 J nm^6/mol in Eh Bohr^6.
    assert pair(60.0) == pytest.approx(-30.354 / 60.0**6, rel=1e-4)
    assert abs(pair(1.0)) < 1e-7
    assert abs(pair(2.6)) < abs(pair(6.5)) < 3e-4


def test_one_atom_has_none():
    energy, gradient = dispersion(np.array([35]), np.zeros((1, 3)))
    assert energy == 0.0
    np.testing.assert_array_equal(gradient, np.zeros((1, 3)))
