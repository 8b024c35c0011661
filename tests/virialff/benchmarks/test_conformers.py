import numpy as np
import pytest

from tests.virialff.sample_methods import FunctionMethod
from virialff.benchmarks.conformers import ConformerResult, compare_conformers, conformer_set
from virialff.engines import get_engine
from virialff.errors import MissingCoordinatesError, ShapeError
from virialff.labels.evaluation_sets import evaluation_reason
from virialff.molecules.molecule import Molecule

TWO = ["CC(=O)OCCCO", "CCCc1cocn1"]


@pytest.fixture(scope="module")
def molecules():
    return conformer_set(4, molecules=TWO)


def test_the_set_is_the_frozen_one_with_conformers(molecules):
    assert [molecule.name for molecule in molecules] == TWO
    assert all(2 <= molecule.n_conformers <= 4 for molecule in molecules)
    assert all(evaluation_reason(molecule) for molecule in molecules)


def test_a_method_that_is_the_reference_has_no_error_whatever_its_zero(molecules):
    gfn2 = get_engine("gfn2")
    result = compare_conformers(
        molecules,
        gfn2,
        {
            "same": gfn2,
            "shifted": FunctionMethod(lambda mol, positions: gfn2.energy(mol, positions) - 5.0 * mol.n_atoms),
        },
    )
    assert result.levels == {"reference": "GFN2-xTB", "same": "GFN2-xTB", "shifted": "a function"}
    for method in ("same", "shifted"):
        for zero in ("reference", "own"):
            assert result.summary(method, zero).rmse.estimate == pytest.approx(0.0, abs=1e-9)
    assert result.table.groupby("molecule")["reference"].min().tolist() == [0.0, 0.0]


def _three_conformers(predicted):
    reference = {0.0: 3.0, 1.0: 1.0, 2.0: 2.0}
    molecule = Molecule.from_smiles("F").with_positions(np.array([[[x, 0, 0], [x + 0.9, 0, 0]] for x in range(3)]))
    return compare_conformers(
        [molecule],
        FunctionMethod(lambda _, positions: np.array([reference[x] for x in positions[:, 0, 0]])),
        {"method": FunctionMethod(lambda _, positions: np.array([predicted[int(x)] for x in positions[:, 0, 0]]))},
    )


def test_both_zeros_by_hand():
    result = _three_conformers([10.0, 12.0, 14.0])
    assert result.table["reference"].tolist() == [2.0, 0.0, 1.0]
    assert result.table["method"].tolist() == [-2.0, 0.0, 2.0]
    to_reference = result.summary("method")
    assert to_reference.n_values == 2
    assert to_reference.mae.estimate == pytest.approx((4.0 + 1.0) / 2)
    to_own = result.summary("method", "own")
    assert to_own.n_values == 3
    assert to_own.mae.estimate == pytest.approx((2.0 + 2.0 + 3.0) / 3)
    assert result.statistics[["method", "zero", "n_values"]].to_numpy().tolist() == [
        ["method", "reference", 2],
        ["method", "own", 3],
    ]


def test_a_molecule_outside_a_model_keeps_its_row_with_the_reason(random_model):
    sulfide = conformer_set(3, molecules=["CCCSC"])
    result = compare_conformers(sulfide, get_engine("gfn2"), {"model": random_model})
    assert isinstance(result, ConformerResult)
    assert result.table["model"].isna().all()
    assert "was not trained on it" in result.reasons["model", 1]
    assert result.statistics.empty


def test_bad_requests_are_refused(molecules):
    with pytest.raises(MissingCoordinatesError):
        compare_conformers([Molecule.from_smiles("CCO")], get_engine("gfn2"), {})
    with pytest.raises(ShapeError, match="the method wrong gave energies of shape"):
        compare_conformers(molecules, get_engine("gfn2"), {"wrong": FunctionMethod(lambda *_: np.zeros(1), "wrong")})
    with pytest.raises(ValueError, match="cannot be named 'smiles'"):
        compare_conformers(molecules, get_engine("gfn2"), {"smiles": get_engine("gfn2")})
