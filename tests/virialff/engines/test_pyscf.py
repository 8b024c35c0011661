"""wB97X-D by PySCF: its slope, its invariances, its atoms, and failures that say why."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from virialff.engines import DFT_ENGINES, ENGINES, get_engine
from virialff.engines.chai_head_gordon import dispersion
from virialff.engines.dft import CAMPAIGN, QMUGS_ATOMIC_ENERGIES, REFERENCE, ElectronicStructure
from virialff.engines.pyscf import PyscfEngine
from virialff.errors import EngineError, ShapeError
from virialff.molecules.molecule import Molecule
from virialff.settings import PYSCF_BLAS_VARIABLE
from virialff.units import BOHR_IN_ANGSTROM, E_ANGSTROM_IN_DEBYE, HARTREE_IN_KCAL_MOL

WATER = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.96], [0.93, 0.0, -0.24]])
COARSE = replace(CAMPAIGN, grid=((30, 110),) * 3)


@pytest.fixture(scope="module")
def engine() -> Iterator[PyscfEngine]:
    engine = PyscfEngine()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def result(engine: PyscfEngine) -> ElectronicStructure:
    return engine.electronic_structure([8, 1, 1], WATER, gradient=True)


def test_density_and_integrals_are_those_of_a_spherical_basis(result):
    assert result.density.shape == result.kinetic.shape == result.overlap.shape == (24, 24)
    np.testing.assert_array_equal(result.ao_atoms, [0] * 14 + [1] * 5 + [2] * 5)
    assert np.sum(result.density * result.overlap) == pytest.approx(10.0, abs=1e-9)
    np.testing.assert_allclose(np.diagonal(result.overlap), 1.0, atol=1e-12)
    np.testing.assert_allclose(result.density, result.density.T, atol=1e-12)
    # Closed shell: D S D = 2 D.
    np.testing.assert_allclose(result.density @ result.overlap @ result.density, 2 * result.density, atol=1e-10)
    assert result.kinetic_energy == pytest.approx(-result.energy, rel=0.01)
    assert result.program.startswith("PySCF 2.")
    assert result.settings is CAMPAIGN
    assert result.scf_procedure == "DIIS from superposed atoms"


def test_the_dispersion_term_is_in_the_energy(result):
    energy, _ = dispersion(result.numbers, result.positions)
    assert result.dispersion_energy == energy < 0.0


def test_the_dipole_is_that_of_water(result):
    # 1.85 D by experiment, some more in a basis without diffuse functions; it halves the angle of the bonds.
    bisector = WATER[1] / np.linalg.norm(WATER[1]) + WATER[2] / np.linalg.norm(WATER[2])
    debye = result.dipole * BOHR_IN_ANGSTROM * E_ANGSTROM_IN_DEBYE
    assert 1.9 < np.linalg.norm(debye) < 2.2
    assert debye @ bisector / np.linalg.norm(debye) / np.linalg.norm(bisector) > 0.9999


def test_forces_are_the_slope_of_the_energy():
    fluoride = Molecule.from_arrays([9, 1], [(0, 1)], [1.0])
    bonds = np.array([[[0.0, 0, 0], [0.3, 0.4, 0.8 + shift]] for shift in (-0.01, 0.0, 0.01)])
    engine = PyscfEngine(replace(CAMPAIGN, grid=((75, 302),) * 3))
    energies, forces = engine.energy_and_forces(fluoride, bonds)
    engine.close()
    # The gradient leaves out how the grid moves with the atoms.
    assert forces[1, 1, 2] == pytest.approx(-(energies[2] - energies[0]) / 0.02, abs=0.2)
    np.testing.assert_allclose(forces.sum(axis=1), 0.0, atol=0.2)


def test_energies_and_forces_keep_the_protocol(engine, result):
    molecule = Molecule.from_smiles("O").with_positions(WATER)
    rotation = Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix()
    calls: list[tuple[int, int]] = []
    energies, forces = engine.energy_and_forces(
        molecule, [WATER, WATER @ rotation.T + 3.0], progress=lambda done, total: calls.append((done, total))
    )
    assert energies.shape == (2,)
    assert forces.shape == (2, 3, 3)
    assert calls == [(1, 2), (2, 2)]
    assert energies[0] == pytest.approx(result.energy * HARTREE_IN_KCAL_MOL, abs=1e-5)
    assert energies[1] == pytest.approx(energies[0], abs=2e-5 * HARTREE_IN_KCAL_MOL)
    np.testing.assert_allclose(forces[1], forces[0] @ rotation.T, atol=0.1)
    np.testing.assert_array_equal(molecule.positions[0], WATER)


def test_atoms_of_water_are_bound_as_strongly_as_measured(engine, result):
    atoms = engine.atomic_energies([8, 1, 1])
    assert atoms.shape == (3,)
    # 232 kcal/mol from experiment without vibrations.
    assert atoms.sum() - result.energy * HARTREE_IN_KCAL_MOL == pytest.approx(232, abs=15)


def test_with_exact_integrals_only_hydrogen_differs_from_qmugs():
    """QMugs' hydrogen atom carries the density-fitting error of Psi4's long-range exchange; see docs/dft.md."""
    engine = PyscfEngine(replace(REFERENCE, grid=((99, 302),) * 3))
    hydrogen, nitrogen = engine.atomic_energies([1, 7]) / HARTREE_IN_KCAL_MOL
    engine.close()
    assert nitrogen == pytest.approx(QMUGS_ATOMIC_ENERGIES[7], abs=1.2e-5)
    assert hydrogen - QMUGS_ATOMIC_ENERGIES[1] == pytest.approx(6.114e-4, abs=1e-6)


def test_the_ladder_goes_on_where_plain_diis_stops():
    formaldehyde = [6, 8, 1, 1]
    positions = np.array([[0, 0, -0.6], [0, 0, 0.6], [0, 0.94, -1.18], [0, -0.94, -1.18]])
    patient, hasty = PyscfEngine(COARSE), PyscfEngine(replace(COARSE, max_iterations=7, first_grid=None))
    expected = patient.electronic_structure(formaldehyde, positions)
    result = hasty.electronic_structure(formaldehyde, positions)
    patient.close()
    hasty.close()
    assert expected.scf_procedure == "DIIS from superposed atoms"
    assert result.scf_procedure in {"level shift and damping", "second-order SCF"}
    assert result.energy == pytest.approx(expected.energy, abs=1e-8)
    assert result.kinetic_energy == pytest.approx(expected.kinetic_energy, abs=1e-5)


def test_an_scf_that_nothing_converges_is_an_error_with_its_reason():
    engine = PyscfEngine(replace(CAMPAIGN, grid=((20, 50),) * 3, max_iterations=1))
    molecule = Molecule.from_smiles("O").with_positions(WATER)
    with pytest.raises(EngineError, match=r"^conformer 1: wB97X-D \(PySCF\) failed: the SCF did not converge by DIIS"):
        engine.energy(molecule, WATER)
    engine.close()


def test_input_without_meaning_is_refused(engine):
    with pytest.raises(EngineError, match="9 electrons, which cannot leave 0 unpaired"):
        engine.electronic_structure([8, 1], WATER[:2])
    with pytest.raises(EngineError, match=r"wB97X-D \(PySCF\) has no parameters for I"):
        engine.electronic_structure([53, 1], WATER[:2])
    with pytest.raises(EngineError, match=r"wB97X-D \(PySCF\) has no parameters for I"):
        engine.atomic_energies([53])
    with pytest.raises(EngineError, match="no atoms"):
        engine.electronic_structure([], np.zeros((0, 3)))
    with pytest.raises(EngineError, match="takes one geometry, got 2"):
        engine.electronic_structure([8, 1, 1], [WATER, WATER])
    with pytest.raises(EngineError, match="atoms 1 and 2 are"):
        engine.energy(Molecule.from_smiles("O"), WATER * 0.1)
    with pytest.raises(ShapeError):
        engine.energy(Molecule.from_smiles("O"), WATER[:2])


def test_progress_stops_by_its_exception():
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    engine = PyscfEngine(COARSE)
    with pytest.raises(KeyboardInterrupt):
        engine.energy(Molecule.from_arrays([9, 1], [(0, 1)], [1.0]), [WATER[:2], WATER[:2]], progress=stop)
    engine.close()


def test_it_is_an_engine_by_name_and_is_missed_with_a_sentence(monkeypatch):
    assert not set(DFT_ENGINES) & set(ENGINES)
    found = get_engine("pyscf")
    assert (found.name, found.level) == ("pyscf", "wB97X-D/def2-SVP")
    assert found.available() is None
    assert found.unsupported(Molecule.from_smiles("CP(=O)(OC)SCC(Br)CCl")) is None
    monkeypatch.setitem(sys.modules, "pyscf", None)
    assert found.available() == (
        "wB97X-D needs the Python package pyscf, which is not installed; install it with `pip install pyscf`"
    )
    with pytest.raises(EngineError, match="pip install pyscf"):
        found.energy(Molecule.from_smiles("O"), WATER)


def test_settings_cannot_change_under_a_campaign():
    with pytest.raises(FrozenInstanceError):
        CAMPAIGN.grid = ((20, 50),) * 3  # type: ignore[misc]


def test_a_ghost_lends_only_its_functions(engine, result):
    """Water with a second one beside it as ghosts: a lower energy, ten electrons, no dispersion between the two."""
    both = np.concatenate([WATER, WATER + [0.0, 0.0, 3.0]])
    ghosts = [False] * 3 + [True] * 3
    helped = engine.electronic_structure([8, 1, 1] * 2, both, ghosts=ghosts, gradient=True)
    assert result.energy - 0.01 < helped.energy < result.energy
    assert np.sum(helped.density * helped.overlap) == pytest.approx(10.0, abs=1e-9)
    assert helped.dispersion_energy == pytest.approx(result.dispersion_energy, abs=1e-12)
    far = engine.electronic_structure([8, 1, 1] * 2, np.concatenate([WATER, WATER + [0, 0, 40.0]]), ghosts=ghosts)
    assert far.energy == pytest.approx(result.energy, abs=1e-6)
    np.testing.assert_allclose(far.dipole, result.dipole, atol=1e-4)


def test_ghosts_must_leave_a_molecule(engine):
    with pytest.raises(ShapeError, match=r"ghosts have shape \(2,\), expected \(3,\)"):
        engine.electronic_structure([8, 1, 1], WATER, ghosts=[True, False])
    with pytest.raises(EngineError, match="no atoms to compute"):
        engine.electronic_structure([8, 1, 1], WATER, ghosts=[True] * 3)


def test_the_blas_named_by_the_user_is_loaded(monkeypatch, tmp_path):
    monkeypatch.setenv(PYSCF_BLAS_VARIABLE, str(tmp_path / "libopenblas.so"))
    with pytest.raises(EngineError, match=r"names .*libopenblas.so, which is no file"):
        PyscfEngine().electronic_structure([1], [[0, 0, 0]], unpaired_electrons=1)
