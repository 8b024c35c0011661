"""Page Data: counts and figures of a store, its rows, checks, imports, and a campaign that outlives the page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.administration import administer
from tests.pages.test_train import button, labelled, text_of
from tests.small_training import small_store
from tests.training.labelling.small_campaign import SLOW_MOLECULES, write_config, write_pool
from tests.virialff.labels.sample_labels import sample_label
from training.jobs import offered
from training.jobs.control import find, list_jobs, stop
from virialff.labels.store import LabelStore
from virialff.labels.summary import summarise
from virialff.settings import RUNS_VARIABLE


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_store(tmp_path_factory.mktemp("labels") / "small.parquet", molecules=10, complexes=5)


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of commands, and that of stores; what a test leaves running is stopped."""
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setattr(offered, "LABELS", tmp_path / "stores")
    yield tmp_path / "runs"
    monkeypatch.delenv("VIRIALFF_READ_ONLY", raising=False)
    for run in list_jobs(None):
        if not run.is_over:
            stop(run.name)


@pytest.fixture
def page(app, jobs, store, tmp_path, monkeypatch):
    """The page with the small store, counted."""
    administer(monkeypatch, tmp_path, labels=store.parent)
    app.run()
    app.switch_page("pages/data.py")
    app.session_state["data_store"] = str(store)
    app.run()
    return settled(app)


def settled(app, seconds: float = 120.0):
    """Run the page again until its background work has ended."""
    deadline = time.monotonic() + seconds
    while any("Counting the rows" in bar.proto.text or "Checking" in bar.proto.text for bar in bars(app)):
        assert time.monotonic() < deadline
        time.sleep(0.3)
        app.run()
    assert not app.exception
    return app


def bars(app):
    return app.get("progress")


def tab(app, name):
    app.session_state["data_tab"] = name
    return settled(app.run())


def over(app, purpose):
    deadline = time.monotonic() + 120
    while not all(run.is_over for run in list_jobs(purpose)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    app.run()
    assert not app.exception
    return list_jobs(purpose)


def test_contents_are_those_of_the_command(page, store):
    summary = summarise(store)
    (level,) = summary.levels
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics["Rows"] == f"{level.rows:,}"
    assert metrics["Molecules and complexes"] == f"{level.systems:,}"
    kinds = next(frame.value for frame in page.dataframe if list(frame.value.columns) == ["kind", "rows"])
    assert dict(zip(kinds["kind"], kinds["rows"], strict=True)) == dict(level.kinds)
    tab(page, "Elements, sizes, energies")
    overview = page.dataframe[0].value
    assert overview["conformers"].sum() == level.rows
    assert len(page.get("plotly_chart")) == 3


def test_rows_are_filtered(page, store):
    tab(page, "Rows")
    assert len(page.dataframe[0].value) == min(100, summarise(store).levels[0].rows)
    labelled(page.multiselect, "Kind").set_value(["complex"]).run()
    assert set(page.dataframe[0].value["kind"]) == {"complex"}
    labelled(page.button_group, "Show").set_value("failures").run()
    assert not page.exception
    assert "0 of" in text_of(page)


def test_a_check_finds_what_is_wrong(app, jobs, tmp_path, monkeypatch):
    administer(monkeypatch, tmp_path, labels=tmp_path)
    with LabelStore(tmp_path / "bad").writer("a") as writer:
        writer.append([sample_label("first", 0)])
        writer.finish()
    app.run()
    app.switch_page("pages/data.py")
    app.session_state["data_store"] = str(tmp_path / "bad")
    tab(app, "Check")
    button(app, "Check every row").click().run()
    settled(app)
    app.run()
    assert "1 row in 1 file" in text_of(app)
    assert "forces that add up to" in "".join(app.dataframe[0].value["problem"])


def test_a_file_that_is_no_store_is_a_sentence(app, jobs, tmp_path, monkeypatch):
    (tmp_path / "none.parquet").write_text("no labels")
    administer(monkeypatch, tmp_path, labels=tmp_path)
    app.run()
    app.switch_page("pages/data.py")
    app.session_state["data_store"] = str(tmp_path / "none.parquet")
    settled(app.run())
    assert not app.exception
    assert any("none.parquet" in error.value.replace("\\", "") for error in app.error)


def test_an_import_that_fails_says_why_and_a_read_only_one_does_not_start(page, tmp_path, monkeypatch):
    labelled(page.button_group, "Import").set_value("QMugs").run()
    assert "QMugs is not here" in [info.proto.title for info in page.info]
    (tmp_path / "summary.csv").write_text("no columns")
    administer(monkeypatch, tmp_path, qmugs=tmp_path)
    page.run()
    button(page, "Import QMugs").click().run()
    (run,) = over(page, offered.IMPORT)
    assert run.state == "failed"
    assert "summary.csv" in text_of(page)
    monkeypatch.setenv("VIRIALFF_READ_ONLY", "1")
    button(page, "Import QMugs").click().run()
    assert "is refused because this installation is read-only" in text_of(page)
    assert len(list_jobs(None)) == 1


def test_a_damaged_record_is_shown_with_its_reason(page, jobs):
    folder = jobs / "commands" / "import-of-labels-7"
    folder.mkdir(parents=True)
    (folder / "request.json").write_text('{"step": null}')
    page.run()
    assert not page.exception
    assert "request.json is damaged" in text_of(page)
    assert [job.state for job in list_jobs(offered.IMPORT)] == ["damaged"]
    assert list_jobs(offered.CAMPAIGN) == []


def test_a_campaign_is_stopped_and_goes_on(page, tmp_path, monkeypatch):
    pool = write_pool(tmp_path / "pool.smi", SLOW_MOLECULES)
    config = write_config(tmp_path / "campaign.yaml", tmp_path / "made", pool)
    administer(monkeypatch, tmp_path, campaigns=config.parent)
    labelled(page.run().selectbox, "Campaign").set_value("campaign").run()
    button(page, "Start labelling").click().run()
    assert not page.exception
    (run,) = list_jobs(offered.CAMPAIGN)
    stop(run.name, wait_seconds=120)
    page.run()
    assert find(run.name).state == "stopped"
    button(page, "Go on").click().run()
    (run,) = over(page, offered.CAMPAIGN)
    assert (run.state, run.exit_code) == ("finished", 0)
    assert summarise(tmp_path / "made").levels[0].rows > 0
    assert any("finished:" in block.value for block in page.code)
