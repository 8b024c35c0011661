"""The checks of a model's parameters can hold and can fail."""

import pytest

from tests.virialff.sample_models import make_model
from virialff.benchmarks import physics
from virialff.benchmarks.physics import check_physics
from virialff.models.force_field import Model
from virialff.models.registry import load_model
from virialff.molecules.molecule import Molecule

MOLECULES = [Molecule.from_smiles(smiles) for smiles in ("CC(=O)NC", "OCC(F)CN", "O.CO", "c1ccccc1")]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    return load_model(make_model(tmp_path_factory.mktemp("physics") / "model"))


def test_the_shipped_model_has_neutral_fragments_and_sane_wells(model):
    result = check_physics(model, MOLECULES, dimers=False)
    assert result.holds
    assert [check.limit for check in result.checks] == ["1e-04", "95 or more", "95 or more"]
    assert result.n_molecules == len(MOLECULES)
    assert result.distributions["charge of a fragment (e)"]["n"] == len(MOLECULES) + 1
    sigma = result.distributions["sigma (Angstrom)"]
    assert 1.5 < sigma["quantile 2.5 %"] < sigma["quantile 50 %"] < sigma["quantile 97.5 %"] < 4.5
    assert result.as_dict()["checks"][0]["holds"] is True


def test_ranges_that_the_model_leaves_fail(model, monkeypatch):
    monkeypatch.setattr(physics, "SIGMA_RANGE", (3.0, 3.1))
    monkeypatch.setattr(physics, "CHARGE_TOLERANCE", -1.0)
    result = check_physics(model, MOLECULES, dimers=False)
    assert [check.holds for check in result.checks] == [False, False, True]
    assert not result.holds


def test_elements_that_the_model_does_not_know_are_left_out(random_model):
    both = [Molecule.from_smiles("CS"), Molecule.from_smiles("CO")]
    assert check_physics(random_model, both, dimers=False).n_molecules == 1


@pytest.mark.usefixtures("psi4_data")
def test_dimers_are_checked(model, monkeypatch):
    few = {"S66": 2}
    monkeypatch.setattr(physics, "read_database", lambda name: physics_database(name)[: few.get(name)])
    steps = []
    result = check_physics(model, MOLECULES, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 2), (2, 2)]
    names = [check.name for check in result.checks[3:]]
    assert names[0] == "S66 dimers more strongly bound when pushed together"
    assert result.checks[3].found.startswith("0 of 2")
    assert sum(name.startswith("benzene sandwich") for name in names) == 3


physics_database = physics.read_database
