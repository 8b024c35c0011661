"""The model behind the protocol of the engines."""

import pickle

import numpy as np
import pytest

from virialff import load_model
from virialff.conformers.generation import search
from virialff.conformers.relax import relax
from virialff.errors import EngineError
from virialff.methods.model_engine import ModelEngine
from virialff.molecules.molecule import Molecule


@pytest.fixture(scope="module")
def ethanol():
    return search(Molecule.from_smiles("CCO"), 2).molecule


@pytest.fixture(scope="module")
def engine(ethanol):
    model = load_model()
    return ModelEngine(model.force_field(ethanol), model.level_of_theory)


def test_energies_forces_and_atoms_are_the_models(ethanol, engine):
    force_field = load_model().force_field(ethanol)
    np.testing.assert_allclose(engine.energy(ethanol, ethanol.positions), force_field.energy(ethanol.positions))
    np.testing.assert_allclose(engine.forces(ethanol, ethanol.positions), force_field.forces(ethanol.positions))
    np.testing.assert_allclose(engine.atomic_energies(ethanol.numbers), force_field.atomic_energies)
    assert engine.energy(ethanol, ethanol.positions[0]).shape == (1,)


def test_relaxation_goes_down_in_another_process_too(ethanol, engine):
    relaxed = relax(ethanol, pickle.loads(pickle.dumps(engine)))
    energies, forces = engine.energy_and_forces(ethanol, relaxed.molecule.positions)
    assert all(energies < engine.energy(ethanol, ethanol.positions))
    assert all(conformer.converged for conformer in relaxed.conformers)
    assert np.linalg.norm(forces, axis=-1).max() <= 0.5 + 1e-3


def test_another_molecule_is_refused(ethanol, engine):
    other = search(Molecule.from_smiles("COC"), 1).molecule
    assert "another order" in engine.unsupported(other)
    with pytest.raises(EngineError, match="C2H6O"):
        relax(other, engine)
    with pytest.raises(EngineError, match="atomic number 7"):
        engine.atomic_energies([7])
