import pytest

from tests.training.labelling.small_campaign import assert_same_rows, campaign, compute_here
from training.labelling.campaign.known import take_over
from training.labelling.campaign.worker import is_finished
from training.labelling.plan.plan import stored_plan
from virialff.errors import StoreError
from virialff.labels.merge import merge
from virialff.labels.store import LabelStore


def quiet(line):
    del line


@pytest.fixture
def earlier(tmp_path):
    """A finished campaign of three molecules, as one file."""
    folder = tmp_path / "earlier"
    folder.mkdir()
    config = campaign(folder)
    rows = compute_here(config)
    merge([config.folder], tmp_path / "known.parquet")
    return tmp_path / "known.parquet", rows


def test_a_campaign_takes_over_what_is_known(tmp_path, earlier):
    path, rows = earlier
    config = campaign(tmp_path, known=[str(path)])
    plan = stored_plan(config, quiet)
    assert take_over(config, plan, quiet) == 3
    assert all(is_finished(config.folder, chunk) for chunk in plan.chunks)
    assert_same_rows(config.folder, rows)
    assert take_over(config, plan, quiet) == 0
    assert_same_rows(config.folder, rows)


def test_the_rest_is_still_to_be_computed(tmp_path, earlier):
    path, rows = earlier
    config = campaign(tmp_path, ("CCO", "CC(N)=O", "CS", "CF"), known=[str(path)])
    plan = stored_plan(config, quiet)
    assert take_over(config, plan, quiet) == 3
    assert not all(is_finished(config.folder, chunk) for chunk in plan.chunks)
    done = LabelStore(config.folder).tasks()
    assert done == {row.task for row in rows}
    assert len({task.key for task in plan.tasks} - done) == 1


def test_a_known_store_that_is_not_there(tmp_path):
    config = campaign(tmp_path, known=[str(tmp_path / "nothing.parquet")])
    with pytest.raises(StoreError, match=r"no label store at .*nothing.parquet"):
        take_over(config, stored_plan(config, quiet), quiet)
