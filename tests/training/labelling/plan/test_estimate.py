"""What a campaign will take, before it starts."""

import pytest

from tests.training.labelling.small_campaign import SLOW_MOLECULES, write_config, write_pool
from training.labelling.config import load_campaign
from training.labelling.plan.estimate import estimate
from training.recipes.recipe import PRESETS
from virialff.labels.store import LabelStore
from virialff.settings import ASSETS


def test_tasks_and_time_of_labels_that_ship(tmp_path):
    config = load_campaign(
        write_config(tmp_path / "campaign.yaml", tmp_path / "made", write_pool(tmp_path / "pool.smi", SLOW_MOLECULES))
    )
    found = estimate(config)
    assert found.tasks == len(SLOW_MOLECULES)
    (kind,) = found.kinds
    tasks, seconds = 0, 0.0
    for file in (ASSETS / "data").glob("*.parquet"):
        own = set()
        for table in LabelStore(file).tables(["task", "seconds"]):
            for task, time in zip(table["task"].to_pylist(), table["seconds"].to_pylist(), strict=True):
                if task.startswith(f"{kind.name}/"):
                    own.add(task)
                    seconds += time or 0.0
        tasks += len(own)
    assert kind.seconds_per_task == pytest.approx(seconds / tasks)
    assert found.seconds == pytest.approx(len(SLOW_MOLECULES) * seconds / tasks)
    assert not found.dft
    # Nothing was written, and where nothing of the kind ships nothing is said.
    assert not (tmp_path / "made").exists()
    assert estimate(config, shipped=tmp_path).seconds is None


def test_what_is_there_is_not_counted_again():
    config = load_campaign(PRESETS / "labels_dft_torsions.yaml")
    known = config.model_copy(update={"known": (ASSETS / "data" / "dft_torsions.parquet",)})
    every, left = estimate(config.model_copy(update={"known": ()})), estimate(known)
    assert every.dft
    assert left.tasks < every.tasks
