from typing import Any

import numpy as np
import pytest
from rdkit import Chem

from tests.training.labelling.small_campaign import campaign, complex_task
from training.labelling.plan.dft_draws import DftComplexTask, DftMoleculeTask, draw_dft_rounds
from training.labelling.structures import geometries
from training.labelling.tasks import dft
from virialff.conformers.generation import generate
from virialff.molecules.molecule import Molecule


def write_sdf(path, molecule):
    with Chem.SDWriter(str(path)) as writer:
        writer.write(molecule.to_rdkit())


def molecule_task(smiles, n_conformers=1):
    return DftMoleculeTask(Molecule.from_smiles(smiles).inchikey, smiles, "test", n_conformers)


def pair_task(first, second, family):
    task = complex_task(first, second, family)
    return DftComplexTask(task.inchikeys, task.smiles, task.sources, task.family, task.displaced)


def test_a_molecule_has_both_levels_at_each_minimum(tmp_path):
    config = campaign(tmp_path)
    # One minimum, whichever way it starts.
    rows: Any = dft.label_molecule(molecule_task("CS", n_conformers=3), config)
    assert [row.level_of_theory for row in rows] == ["GFN2-xTB", "wB97X-D/def2-SVP"]
    assert {row.detail for row in rows} == {"minimum_gfn2"}
    assert abs(rows[0].forces).max() <= config.dft.gradient_norm
    assert (rows[0].positions == rows[1].positions).all()
    assert rows[1].kinetic_bonds.shape == (5,)
    assert [row.task for row in rows] == [molecule_task("CS").key] * 2


def test_without_densities_the_energy_is_the_same_and_alone(tmp_path):
    (_, full), (_, alone) = (
        dft.label_molecule(molecule_task("CS"), campaign(tmp_path, dft={"densities": densities}))
        for densities in (True, False)
    )
    assert alone.energy == pytest.approx(full.energy, abs=0.02)
    assert alone.kinetic_atoms is None
    assert alone.dipole is None
    assert alone.settings != full.settings


def test_conformers_of_a_file_are_labelled_instead_of_new_ones(tmp_path, monkeypatch):
    molecule = generate(Molecule.from_smiles("OO"), n_conformers=1, seed=1)
    write_sdf(tmp_path / "peroxide.sdf", molecule)
    config = campaign(tmp_path, dft_rounds=[{"ensembles": [str(tmp_path / "peroxide.sdf")]}])
    ((task,),) = [draw.molecules for draw in draw_dft_rounds(config, [], lambda line: None)]
    assert task.source == "peroxide.sdf"
    monkeypatch.setattr(geometries, "embed", None)
    rows: Any = dft.label_molecule(task, config)
    assert [row.failure for row in rows] == [None, None]
    assert np.linalg.norm(rows[0].positions - molecule.positions[0], axis=1).max() < 0.5


def test_a_campaign_that_asks_for_crest_says_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    config = campaign(tmp_path, dft={"conformers": "crest"})
    (row,) = dft.label_molecule(molecule_task("CS"), config)
    assert "crest" in str(row.failure).lower()


def test_a_complex_is_counterpoise_corrected(tmp_path):
    config = campaign(tmp_path, dft={"arrangements": 1})
    rows: Any = dft.label_complex(pair_task("C#N", "N", "hydrogen_bond"), config)
    gfn2, reference = rows
    assert reference.counterpoise
    assert reference.interaction_energy == pytest.approx(gfn2.interaction_energy, abs=4.0)
    assert reference.fragments.max() == 1


@pytest.mark.parametrize("smiles", ["C1CC23CC4OC12CC43"])
def test_a_molecule_without_geometry_is_one_row_with_the_reason(tmp_path, smiles):
    (row,) = dft.label_molecule(molecule_task(smiles), campaign(tmp_path))
    assert "no three-dimensional geometry" in str(row.failure)
    assert row.level_of_theory == "wB97X-D/def2-SVP"


def test_an_evaluation_complex_is_refused(tmp_path):
    (row,) = dft.label_complex(pair_task("O", "O", "relaxed"), campaign(tmp_path))
    assert "evaluation complex" in str(row.failure)
