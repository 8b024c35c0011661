from pathlib import Path
from typing import Any

import pytest

from tests.training.labelling.small_campaign import campaign
from training.labelling.plan.contacts import CLASSES
from training.labelling.plan.dft_draws import DftComplexTask
from training.labelling.plan.plan import make_plan
from training.labelling.tasks.kinds import from_json, to_json
from virialff.errors import ConfigError
from virialff.labels.evaluation_sets import evaluation_reason
from virialff.molecules.molecule import Molecule


def test_the_lists_are_molecules_of_the_method() -> None:
    for contact in CLASSES.values():
        for smiles in (*contact.first, *contact.second):
            assert Molecule.from_smiles(smiles).n_fragments == 1


def test_classes_take_turns_and_evaluation_pairs_are_left_out(tmp_path: Path) -> None:
    pairs = {"halogen": 4, "hydrogen_bond": 300, "alkane": 4}
    plan = make_plan(campaign(tmp_path, ("CCO",), rounds=[], contacts={"pairs": pairs}), lambda line: None)
    tasks: list[Any] = list(plan.tasks)
    assert len({task.key for task in tasks}) == len(tasks) == 308
    assert not any(evaluation_reason(task.inchikeys) for task in tasks)
    assert any("S66" in reason for _, reason in plan.refused)
    assert {task.family for task in tasks[:160]} == {"halogen_bond", "hydrogen_bond", "contact"}


def test_dft_has_the_same_pairs(tmp_path: Path) -> None:
    bulk = make_plan(campaign(tmp_path, rounds=[], contacts={"pairs": {"halogen": 5}}), lambda line: None)
    few = make_plan(campaign(tmp_path, rounds=[], contacts={"pairs": {"halogen": 3}, "dft": True}), lambda line: None)
    tasks: list[Any] = list(few.tasks)
    assert all(isinstance(task, DftComplexTask) and from_json(to_json(task)) == task for task in tasks)
    names = [task.name for task in bulk.tasks]  # type: ignore[attr-defined]
    assert [task.name for task in tasks] == names[:3]


def test_an_unknown_class_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no class of contacts 'sulphur'"):
        make_plan(campaign(tmp_path, rounds=[], contacts={"pairs": {"sulphur": 5}}), lambda line: None)
