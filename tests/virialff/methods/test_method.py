"""Methods by name: engines, models, ASE calculators and those of other packages."""

import importlib
import importlib.util
import pickle
from typing import cast

import numpy as np
import pytest

from tests.virialff.sample_methods import FunctionMethod
from virialff import get_engine, load_model
from virialff.conformers.generation import generate
from virialff.conformers.relax import relax
from virialff.engines import DFT_ENGINES
from virialff.engines.ani import AniEngine
from virialff.engines.ani_weights import AniWeights
from virialff.engines.dft import CAMPAIGN, CAMPAIGN_ENERGIES
from virialff.engines.pyscf import PyscfEngine
from virialff.errors import CheckpointError, EngineError, UnsupportedElementError
from virialff.methods.method import (
    GROUP,
    first_usable,
    get_method,
    level_of_theory,
    method_names,
    require,
    with_forces,
)
from virialff.methods.runs import energies_of
from virialff.models import registry
from virialff.molecules.molecule import Molecule


@pytest.fixture(scope="module")
def propanol():
    return generate(Molecule.from_smiles("CCCO"), 2)


def test_engines_and_models_by_name(propanol):
    gfn2 = get_method("gfn2")
    assert gfn2 is get_engine("gfn2")
    for name in ("model", "default", str(registry.find("default").folder)):
        model = get_method(name)
        np.testing.assert_allclose(
            model.energy(propanol, propanol.positions), load_model().force_field(propanol).energy(propanol.positions)
        )
    assert method_names()[:7] == ("model", "gfn2", "ani", "mmff94", "uff", "pyscf", "psi4")
    assert "paper" in method_names()
    with pytest.raises(EngineError, match="there is no method 'gfn3'; choose from model, gfn2"):
        get_method("gfn3")
    with pytest.raises(CheckpointError, match="no model folder nowhere"):
        get_method("nowhere/")


def test_pyscf_takes_the_faster_settings_for_energies_alone():
    method = cast("PyscfEngine", get_method("pyscf"))
    assert method.energy_settings == CAMPAIGN_ENERGIES
    assert method.settings == CAMPAIGN
    assert cast("PyscfEngine", get_engine("pyscf")).energy_settings == CAMPAIGN


def test_the_model_is_a_method_as_it_stands(propanol):
    model, force_field = load_model(), load_model().force_field(propanol)
    require(model, propanol)
    assert model.level == f"trained on {model.level_of_theory}"
    assert level_of_theory(model) == model.level_of_theory
    assert level_of_theory(get_method("gfn2")) == "GFN2-xTB"
    calls = []
    energies = model.energy(propanol, propanol.positions, progress=lambda *n: calls.append(n))
    np.testing.assert_allclose(energies, force_field.energy(propanol.positions))
    np.testing.assert_allclose(model.forces(propanol, propanol.positions), force_field.forces(propanol.positions))
    assert calls == [(2, 2)]
    assert model.energy(propanol, propanol.positions[0]).shape == (1,)
    np.testing.assert_allclose(model.atomic_energies(propanol.numbers), force_field.atomic_energies)
    result = energies_of(model, propanol)
    np.testing.assert_allclose(result.atomization_energies, force_field.atomization_energy(propanol.positions))
    with pytest.raises(UnsupportedElementError, match="no isolated atom"):
        model.atomic_energies([2])
    methane = generate(Molecule.from_smiles("C"), 1)
    np.testing.assert_allclose(model.energy(methane, methane.positions)[0], energies_of(model, methane).values[0])


def test_the_model_relaxes_in_another_process_too(propanol):
    model = load_model()
    relaxed = relax(propanol, pickle.loads(pickle.dumps(model)))
    energies, forces = model.energy_and_forces(propanol, relaxed.molecule.positions)
    assert all(energies < model.energy(propanol, propanol.positions))
    assert all(conformer.converged for conformer in relaxed.conformers)
    assert np.linalg.norm(forces, axis=-1).max() <= 0.5 + 1e-3


def test_an_element_without_parameters_is_said(tmp_path):
    molecule = Molecule.from_smiles("Br").with_positions(np.array([[0.0, 0.0, 0.0], [1.42, 0.0, 0.0]]))
    ani = AniEngine(AniWeights("ANI-2x", tmp_path, "never read: the elements are known by the name"))
    with pytest.raises(EngineError, match="ANI-2x has no parameters for Br"):
        require(ani, molecule)
    with pytest.raises(EngineError, match="ANI-2x has no parameters for Br"):
        energies_of(ani, molecule)
    require(get_engine("gfn2"), molecule)


def test_a_method_that_cannot_compute_at_all_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("VIRIALFF_ANI_WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.raises(EngineError, match="nowhere"):
        require(AniEngine())


def test_the_first_usable_of_several(monkeypatch, propanol):
    for name in DFT_ENGINES:
        method = get_method(name)
        monkeypatch.setattr(type(method), "available", lambda self: f"{self.name} is missing")
    assert first_usable(DFT_ENGINES, propanol) == "pyscf is missing; psi4 is missing"
    assert first_usable((*DFT_ENGINES, "gfn2"), propanol) is get_method("gfn2")


def test_a_calculator_of_ase(propanol):
    from ase import Atoms
    from ase.calculators.lj import LennardJones

    method = with_forces(get_method("ase:ase.calculators.lj:LennardJones"))
    assert get_method("ase:ase.calculators.lj:LennardJones") is method
    assert method.level == "LennardJones"
    result = energies_of(method, propanol)
    atoms = Atoms(numbers=propanol.numbers, positions=propanol.positions[1], calculator=LennardJones())
    assert result.values[1] == pytest.approx(atoms.get_potential_energy() * 23.0605, rel=1e-5)
    np.testing.assert_allclose(
        method.forces(propanol, propanol.positions[1])[0], atoms.get_forces() * 23.0605, rtol=1e-4, atol=1e-6
    )
    assert np.isnan(result.atomization_energies).all()


OWN = """
import numpy as np
from ase.calculators.calculator import Calculator, all_changes


class Springs(Calculator):
    implemented_properties = ["energy", "forces"]
    level = "springs to the origin"

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if 35 in atoms.numbers:
            raise KeyError("Br")
        assert atoms.info == {"charge": 0, "spin": 1}
        self.results = {"energy": 0.5 * float((atoms.positions**2).sum()), "forces": -atoms.positions}


def broken():
    raise RuntimeError("the weights are missing")
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_springs.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_calculator_of_the_user(own_module, propanol):
    method = with_forces(get_method("ase:own_springs:Springs"))
    assert method.level == "springs to the origin"
    result = energies_of(method, propanol)
    np.testing.assert_allclose(result.values, 0.5 * 23.060548 * (propanol.positions**2).sum(axis=(1, 2)), rtol=1e-6)
    bromide = generate(Molecule.from_smiles("CBr"), 1)
    failed = energies_of(method, bromide)
    assert failed.failures == {1: "springs to the origin failed: KeyError: 'Br'"}
    assert not failed.succeeded


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ase:own_springs:broken", "cannot be loaded: RuntimeError: the weights are missing"),
        ("ase:own_springs:Missing", "cannot be loaded: AttributeError"),
        ("ase:no_such_module:Springs", "cannot be loaded: ModuleNotFoundError: No module named 'no_such_module'"),
        ("ase:own_springs", "cannot be loaded: ValueError: write ase:module:factory"),
        ("ase:builtins:dict", "cannot be loaded: TypeError: dict\\(\\) gave a dict, which is no ASE calculator"),
    ],
)
def test_what_cannot_be_loaded_is_a_named_reason(own_module, name, sentence):
    with pytest.raises(EngineError, match=f"the method {name!r} {sentence}"):
        get_method(name)


PACKAGE = """
from virialff.methods.ase import AseMethod


def springs():
    from own_springs import Springs

    return AseMethod("springs", Springs())


nothing = object
"""


@pytest.fixture
def package(own_module, tmp_path, monkeypatch):
    """An installed package with entry points."""
    (tmp_path / "springs_plug_in.py").write_text(PACKAGE)
    (tmp_path / "broken_plug_in.py").write_text("raise OSError('no such library')\n")
    info = tmp_path / "springs-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: springs\nVersion: 1.0\n")
    lines = ["springs = springs_plug_in:springs", "nothing = springs_plug_in:nothing", "broken = broken_plug_in:method"]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))
    importlib.invalidate_caches()


def test_methods_of_other_packages(package, propanol):
    assert {"springs", "nothing", "broken"} <= set(method_names())
    method = get_method("springs")
    assert method is get_method("springs")
    assert method.name == "springs"
    assert energies_of(method, propanol).succeeded
    with pytest.raises(EngineError, match=r"'nothing' cannot be loaded: TypeError: .* is no method: it has no name"):
        get_method("nothing")
    with pytest.raises(EngineError, match="'broken' cannot be loaded: OSError: no such library"):
        get_method("broken")


def test_a_method_without_forces_does_not_relax():
    with pytest.raises(EngineError, match="the method 'zero' gives no forces"):
        with_forces(FunctionMethod(lambda _, positions: np.zeros(len(positions)), "zero"))


@pytest.mark.skipif(importlib.util.find_spec("pyscf") is None, reason="PySCF is not installed")
def test_dft_of_hydrogen():
    molecule = Molecule.from_smiles("[H][H]").with_positions(np.array([[[0, 0, 0], [0, 0, 0.75]]]))
    method = cast("PyscfEngine", get_method("pyscf"))
    result = energies_of(method, molecule)
    np.testing.assert_allclose(result.values, get_engine("pyscf").energy(molecule, molecule.positions), atol=0.01)
    # The experimental D_e is 109.5 kcal/mol.
    assert 100 < result.atomization_energies[0] < 115
    assert np.abs(method.forces(molecule, molecule.positions)).max() < 20
    method.close()
