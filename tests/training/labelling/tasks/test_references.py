from typing import Any

import pytest

from tests.training.labelling.small_campaign import campaign
from training.labelling.config import ReferencesConfig
from training.labelling.tasks import references
from training.labelling.tasks.kinds import from_json, to_json
from training.labelling.tasks.references import (
    ConformersTask,
    DimerTask,
    failed_dimer,
    label_conformers,
    label_dimer,
    reference_tasks,
)
from training.labelling.tasks.single_points import GFN2
from virialff.labels.evaluation_sets import EvaluationSets, evaluation_reason
from virialff.molecules.molecule import Molecule


def test_the_sets_are_whole():
    vertical, conformers, relaxed, further = reference_tasks(ReferencesConfig(n_conformers=8, further_conformers=4))
    assert len([task for task in vertical if task.database == "S66"]) == 66
    assert len(vertical) == 69
    assert len(relaxed) == 68
    assert {task.inchikey_block for task in conformers} == set(EvaluationSets.load().molecules)
    parts = (vertical, conformers, relaxed, further)
    assert len({task.key for part in parts for task in part}) == 137 + 2 * len(conformers)
    assert {(task.n_conformers, task.after) for task in further} == {(4, 8)}
    assert reference_tasks(ReferencesConfig()).further == []


def test_a_relaxed_dimer_gives_what_eq_25_needs(tmp_path):
    rows: Any = label_dimer(DimerTask("S66", 1, "relaxed"), campaign(tmp_path))
    assert [row.failure for row in rows] == [None] * 15
    dft = {row.detail: row for row in rows if row.level_of_theory == "wB97X-D/def2-SVP"}
    deformation = [dft[f"monomer_{k}_in_complex"].energy - dft[f"monomer_{k}_relaxed"].energy for k in (1, 2)]
    assert all(-0.05 < energy < 0.5 for energy in deformation)
    assert dft["relaxed"].interaction_energy + sum(deformation) == pytest.approx(-5.0, abs=1.0)
    assert evaluation_reason(dft["relaxed"].inchikeys)


def test_conformers_are_distinct_minima(tmp_path, monkeypatch):
    # DFT of nine heavy atoms takes long; its rows are those of the dimers.
    monkeypatch.setattr(references, "LEVELS", (GFN2,))
    block, smiles = min(EvaluationSets.load().molecules.items(), key=lambda item: len(item[1]))
    rows: Any = label_conformers(ConformersTask(block, smiles, 4), campaign(tmp_path))
    gfn2 = [row for row in rows if row.level_of_theory == "GFN2-xTB"]
    assert 1 <= len(gfn2) <= 4
    assert [row.energy for row in gfn2] == sorted(row.energy for row in gfn2)
    assert len(rows) == len(gfn2)
    assert {row.kind for row in rows} == {"minimum"}
    # Later starts add minima, none of them twice.
    more: Any = label_conformers(ConformersTask(block, smiles, 8, after=4), campaign(tmp_path))
    every: Any = [*rows, *more]
    assert references._distinct(Molecule.from_smiles(smiles), every) == list(range(len(every)))
    assert more
    # Where there are none, a row says so: a task without rows would be done again for ever.
    (none,) = label_conformers(ConformersTask("VNWKTOKETHGBQD-UHFFFAOYSA-N", "C", 2, after=2), campaign(tmp_path))
    assert none.failure == "further conformers relax to no further minimum"


def test_a_dimer_that_could_not_be_computed(tmp_path):
    row = failed_dimer(DimerTask("S66", 3, "vertical"), campaign(tmp_path), "the worker died")
    assert row.failure == "the worker died"
    assert row.positions is None
    assert row.kind == "complex"


def test_a_task_of_an_earlier_plan_is_read() -> None:
    task = ConformersTask("AAAAAAAAAAAAAA", "CCO", 4)
    content = to_json(task)
    assert from_json(content) == task
    del content["after"]  # which came later
    assert from_json(content) == task
    del content["smiles"]
    with pytest.raises(TypeError, match="smiles"):
        from_json(content)
