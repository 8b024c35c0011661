import numpy as np
import pytest

from virialff.engines import get_engine
from virialff.engines.ani import AniEngine
from virialff.engines.ani_weights import AniWeights
from virialff.errors import EngineError, ShapeError
from virialff.methods.energy_functions import check_available, energy_function, level_of_theory, per_geometry
from virialff.molecules.molecule import Molecule


def _hydrogen_bromide():
    return Molecule.from_smiles("Br").with_positions(np.array([[0.0, 0.0, 0.0], [1.42, 0.0, 0.0]]))


def test_an_engine_gives_its_total_energies():
    molecule, gfn2 = _hydrogen_bromide(), get_engine("gfn2")
    function = energy_function(gfn2)
    assert function(molecule, molecule.positions) == pytest.approx(gfn2.energy(molecule, molecule.positions))
    assert level_of_theory(gfn2) == "GFN2-xTB"
    check_available(gfn2)


def test_an_element_without_parameters_is_said(tmp_path):
    molecule = _hydrogen_bromide()
    ani = AniEngine(AniWeights("ANI-2x", tmp_path, "never read: the elements are known by the name"))
    with pytest.raises(EngineError, match="ANI-2x has no parameters for Br"):
        energy_function(ani)(molecule, molecule.positions)


def test_an_engine_that_cannot_compute_at_all_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("VIRIALFF_ANI_WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.raises(EngineError, match="nowhere"):
        check_available(AniEngine())


def test_functions_pass_and_other_things_do_not():
    def function(molecule, positions):
        return np.zeros(len(positions))

    assert energy_function(function) is function
    assert level_of_theory(function) == ""
    check_available(function)
    with pytest.raises(TypeError, match="'gfn2' is neither an engine, a model nor a function"):
        energy_function("gfn2")  # type: ignore[arg-type]


def test_shape_is_checked():
    assert per_geometry("a", np.array([1, 2]), 2).dtype == np.float64
    with pytest.raises(ShapeError, match="the method a gave energies of shape \\(1,\\), expected \\(2,\\)"):
        per_geometry("a", np.zeros(1), 2)
