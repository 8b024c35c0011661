"""What MLIPAudit is given in place of its own sets."""

import numpy as np
import pytest

from scripts import mlipaudit_data, mlipaudit_engine
from virialff.benchmarks.noncovalent import S66
from virialff.benchmarks.reference_data import coupled_cluster_energies


def test_scans_start_at_their_lowest_point():
    for scan in mlipaudit_data.scans().values():
        angles, energies = zip(*scan["dft_energy_profile"], strict=True)
        assert min(energies) == 0.0
        assert list(angles) == sorted(angles)
        assert np.shape(scan["conformer_coordinates"]) == (len(angles), len(scan["atom_symbols"]), 3)


def test_conformers_have_an_energy_each():
    found = mlipaudit_data.conformers()
    assert len(found) > 30
    for ranking in found:
        energies = ranking["dft_energy_profile"]
        assert min(energies) == 0.0
        assert np.shape(ranking["conformer_coordinates"]) == (len(energies), len(ranking["atom_symbols"]), 3)


def test_curves_are_deepest_near_the_minimum_of_the_set():
    known = {
        each.name: each.interaction_energy for each in coupled_cluster_energies().values() if each.database == S66.name
    }
    curves = mlipaudit_data.curves()
    assert len(curves) == 66
    for curve in curves.values():
        distances, energies = curve["distance_profile"], curve["interaction_energy_profile"]
        assert distances[int(np.argmin(energies))] in (0.95, 1.0, 1.05)
        # Name by name the two sets are written differently; their wells are the same.
        assert min(abs(min(energies) - other) for other in known.values()) < 0.3


def test_an_engine_computes_molecules_in_turn():
    pytest.importorskip("tblite")
    from ase.build import molecule

    calculator = mlipaudit_engine.EngineCalculator("gfn2")
    energies = []
    for name in ("H2O", "CH3OH", "H2O"):
        atoms = molecule(name)
        atoms.calc = calculator
        energies.append(atoms.get_potential_energy())
        assert atoms.get_forces().shape == (len(atoms), 3)
    assert energies[0] == pytest.approx(energies[2], abs=1e-9)
    assert energies[1] < energies[0]
