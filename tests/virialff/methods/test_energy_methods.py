"""Methods that pages compare: the same numbers as model and engines, also in another process."""

import importlib.util
import pickle

import numpy as np
import pytest

from virialff import get_engine, load_model
from virialff.conformers.generation import search
from virialff.methods import energy_methods
from virialff.methods.energy_methods import dft_method, engine_method, model_method
from virialff.methods.old_runs import EnergyRun, complete_run
from virialff.molecules.molecule import Molecule


@pytest.fixture(scope="module")
def propanol():
    return search(Molecule.from_smiles("CCCO"), 3).molecule


def energies(method, molecule):
    """As a worker process computes them."""
    received = pickle.loads(pickle.dumps(method))
    run = complete_run(EnergyRun(molecule.n_conformers, np.empty(0)), molecule.positions, received.energy)
    assert run.complete
    return received.result(run)


def test_model(propanol):
    model = load_model()
    force_field = model.force_field(propanol)
    method = model_method(model, force_field)
    result = energies(method, propanol)
    np.testing.assert_allclose(result.energies, force_field.energy(propanol.positions))
    np.testing.assert_allclose(result.atomization_energies, force_field.atomic_energies.sum() - result.energies)
    assert (method.pace, method.label) == ("instant", "Model")


def test_gfn2(propanol):
    method = engine_method("gfn2", propanol)
    engine = get_engine("gfn2")
    result = energies(method, propanol)
    np.testing.assert_allclose(result.energies, engine.energy(propanol, propanol.positions), atol=1e-6)
    assert method.pace == "quick"


def test_a_method_that_lacks_an_element_is_a_sentence():
    assert "Br" in str(engine_method("ani", Molecule.from_smiles("CBr")))


@pytest.mark.skipif(importlib.util.find_spec("pyscf") is None, reason="PySCF is not installed")
def test_dft_of_hydrogen():
    molecule = Molecule.from_smiles("[H][H]").with_positions(np.array([[[0, 0, 0], [0, 0, 0.75]]]))
    method = dft_method(molecule)
    assert (method.label, method.pace) == ("wB97X-D/def2-SVP", "slow")
    result = energies(method, molecule)
    np.testing.assert_allclose(result.energies, get_engine("pyscf").energy(molecule, molecule.positions), atol=0.01)
    # The experimental D_e is 109.5 kcal/mol.
    assert 100 < result.atomization_energies[0] < 115
    energy_methods.energy_engine("pyscf").close()  # type: ignore[attr-defined]


def test_without_a_program_dft_is_a_sentence(monkeypatch):
    molecule = Molecule.from_smiles("[H][H]")
    for name in ("pyscf", "psi4"):
        engine = energy_methods.energy_engine(name)
        monkeypatch.setattr(type(engine), "available", lambda self: f"{self.name} is missing")
    assert dft_method(molecule) == "pyscf is missing; psi4 is missing"
