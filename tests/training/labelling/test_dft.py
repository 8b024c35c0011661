import pytest

from tests.training.labelling.small_campaign import campaign, complex_task
from training.labelling import dft
from training.labelling.dft_draws import DftComplexTask, DftMoleculeTask
from virialff.molecule import Molecule


def molecule_task(smiles, n_conformers=1):
    return DftMoleculeTask(Molecule.from_smiles(smiles).inchikey, smiles, "test", n_conformers)


def pair_task(first, second, family):
    task = complex_task(first, second, family)
    return DftComplexTask(task.inchikeys, task.smiles, task.sources, task.family, task.displaced)


def test_a_molecule_has_both_levels_at_each_minimum(tmp_path):
    config = campaign(tmp_path)
    # One minimum, whichever way it starts.
    rows = dft.label_molecule(molecule_task("CS", n_conformers=3), config)
    assert [row.level_of_theory for row in rows] == ["GFN2-xTB", "wB97X-D/def2-SVP"]
    assert {row.detail for row in rows} == {"minimum_gfn2"}
    assert abs(rows[0].forces).max() <= config.dft.gradient_norm
    assert (rows[0].positions == rows[1].positions).all()
    assert rows[1].kinetic_bonds.shape == (5,)
    assert [row.task for row in rows] == [molecule_task("CS").key] * 2


def test_a_complex_is_counterpoise_corrected(tmp_path):
    config = campaign(tmp_path, dft={"arrangements": 1})
    rows = dft.label_complex(pair_task("C#N", "N", "hydrogen_bond"), config)
    gfn2, reference = rows
    assert reference.counterpoise
    assert reference.interaction_energy == pytest.approx(gfn2.interaction_energy, abs=4.0)
    assert reference.fragments.max() == 1


@pytest.mark.parametrize("smiles", ["C1CC23CC4OC12CC43"])
def test_a_molecule_without_geometry_is_one_row_with_the_reason(tmp_path, smiles):
    (row,) = dft.label_molecule(molecule_task(smiles), campaign(tmp_path))
    assert "no three-dimensional geometry" in row.failure
    assert row.level_of_theory == "wB97X-D/def2-SVP"


def test_an_evaluation_complex_is_refused(tmp_path):
    (row,) = dft.label_complex(pair_task("O", "O", "relaxed"), campaign(tmp_path))
    assert "evaluation complex" in row.failure
