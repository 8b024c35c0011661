from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.labelling.small_campaign import campaign, write_pool
from training.labelling.config import CampaignConfig
from training.labelling.plan.plan import make_plan
from training.labelling.structures.pools import read_smiles_file
from training.labelling.tasks.flexible import from_folded_to_extended
from training.labelling.tasks.kinds import compute, from_json, to_json
from training.recipes.recipe import PRESETS
from virialff.engines.xtb import energy_and_forces
from virialff.labels.check import row_problems
from virialff.molecules.molecule import Molecule


def flexible_campaign(folder: Path, **settings: Any) -> CampaignConfig:
    pool = write_pool(folder / "flexible_pool.smi", ("CCCCCCCCCO", "CCO", "c1ccccc1-c1ccccc1", "NCCCCCCCCCN"))
    small: dict[str, Any] = {"min_heavy": 9, "n_embedded": 8, "n_conformers": 3, "kept_steps": 3}
    return campaign(folder, ("CCO",), rounds=[], flexible=small | {"pools": {str(pool): 9}} | settings)


def radius(positions: np.ndarray) -> float:
    return float(np.sqrt(((positions - positions.mean(0)) ** 2).sum(-1).mean()))


def test_only_flexible_molecules_of_the_size_are_taken(tmp_path: Path) -> None:
    written = write_pool(tmp_path / "list.smi", ("CCCCCCCCCC", "CC"))
    plan = make_plan(flexible_campaign(tmp_path, smiles=str(written)), lambda line: None)
    tasks: list[Any] = list(plan.tasks)
    assert sorted(task.smiles for task in tasks) == ["CCCCCCCCCC", "CCCCCCCCCO", "NCCCCCCCCCN"]
    assert all(from_json(to_json(task)) == task for task in tasks)


def test_conformers_reach_from_folded_to_extended(tmp_path: Path) -> None:
    config = flexible_campaign(tmp_path)
    task = next(make_plan(config, lambda line: None).tasks)
    rows: list[Any] = compute(task, config)
    assert [problem for row in rows for problem in row_problems(row)] == []
    assert 6 <= len(rows) <= 9
    assert {(row.kind, row.detail) for row in rows} <= {("displaced", "relaxation_step"), ("minimum", "minimum_gfn2")}
    assert [row.detail for row in rows].count("relaxation_step") >= 6
    sizes = [radius(row.positions) for row in rows]
    assert max(sizes) > 1.1 * min(sizes)
    energy, forces = energy_and_forces(rows[0].numbers, rows[0].positions)
    assert rows[0].energy == pytest.approx(energy, abs=1e-6)
    np.testing.assert_allclose(rows[0].forces, forces, atol=1e-3)


def test_the_chosen_are_the_ends_and_what_lies_between() -> None:
    shape = np.random.default_rng(1).normal(size=(5, 3))
    positions = np.array([factor * shape for factor in (1.0, 1.1, 1.2, 1.9, 2.0, 1.05)])
    chosen = [radius(one) / radius(shape) for one in from_folded_to_extended(positions, 3)]
    np.testing.assert_allclose(chosen, [1.0, 1.2, 2.0])


def test_the_written_list_can_be_labelled() -> None:
    smiles = list(read_smiles_file(PRESETS / "flexible.smi"))
    assert len(smiles) > 200
    for text in smiles[::10]:
        assert 12 <= int((Molecule.from_smiles(text).numbers > 1).sum()) <= 40
