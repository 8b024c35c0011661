"""Page Data: counts and figures of a store, its rows, checks, imports, and a campaign that outlives the page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from rdkit import Chem

from pages.components.shell.state import FINE_TUNE_ON
from tests.administration import administer
from tests.pages.conftest import finish
from tests.pages.test_train import button, labelled, text_of
from tests.small_training import small_store
from tests.training.labelling.small_campaign import SLOW_MOLECULES, write_config, write_pool
from tests.virialff.labels.sample_labels import sample_label
from training.jobs import offered
from training.jobs.control import find, list_jobs, stop
from training.labelling.config import load_campaign
from training.labelling.plan.dft_draws import DftMoleculeTask
from training.labelling.plan.plan import make_plan
from virialff.errors import ConfigError
from virialff.labels.export import export_labels
from virialff.labels.schema import from_table
from virialff.labels.store import LabelStore
from virialff.labels.summary import summarise
from virialff.models import registry
from virialff.molecules.molecule import Molecule
from virialff.settings import ASSETS, MODELS_VARIABLE, RUNS_VARIABLE
from virialff.units import HARTREE_IN_KCAL_MOL


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


def part(app, name):
    app.session_state["data_part"] = name
    app.run()
    assert not app.exception
    return app


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
    labelled(part(page, "Import").button_group, "Import").set_value("QMugs").run()
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
    part(page, "Import")
    assert not page.exception
    assert "request.json is damaged" in text_of(page)
    assert [job.state for job in list_jobs(offered.IMPORT)] == ["damaged"]
    assert list_jobs(offered.CAMPAIGN) == []


def test_energies_of_own_molecules_are_computed(page, jobs, tmp_path):
    page.session_state["own_molecules"] = True
    part(page, "Compute")
    press = "Take these molecules"
    button(page, press).click().run()
    assert "No molecules are given" in text_of(page)
    labelled(page.text_area, "SMILES, one a line").set_value("CO methanol\nC(C\nC.O\nC#N\n").run()
    labelled(page.text_input, "Name").set_value("../mine").run()
    button(page, press).click().run()
    assert "cannot name a label store" in text_of(page)
    assert labelled(page.text_area, "SMILES, one a line").value.startswith("CO methanol")
    labelled(page.text_input, "Name").set_value("mine").run()
    labelled(page.number_input, "Conformers, at most").set_value(1).run()
    button(page, press).click().run()
    assert not page.exception
    assert not page.error
    assert labelled(page.selectbox, "Campaign").value == "mine"
    button(page, "What will it take?").click().run()
    finish(page)
    assert not page.exception
    left_out = next(frame.value for frame in page.dataframe if "reason" in frame.value.columns)
    assert len(left_out) == 2
    assert any("2 fragments" in reason for reason in left_out["reason"])
    assert "for 2 tasks with 1 worker" in text_of(page)
    button(page, "Start labelling").click().run()
    (job,) = list_jobs(offered.CAMPAIGN)
    deadline = time.monotonic() + 240
    while not find(job.name).is_over and time.monotonic() < deadline:
        time.sleep(0.3)
    assert find(job.name).state == "finished", find(job.name).reason
    store = LabelStore(tmp_path / "stores" / "mine")
    assert [level.level_of_theory for level in summarise(store.path).levels] == ["GFN2-xTB"]
    assert len(store.tasks()) == 2
    # Its name is taken.
    with pytest.raises(ConfigError, match="There is a label store or a campaign mine already"):
        offered.new_campaign("mine", b"CC", "smi", level="GFN2-xTB", conformers=1)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"molecules": b" \n"}, "no molecules yet"),
        ({"suffix": "exe"}, "not from 'exe'"),
        ({"level": "CCSD(T)"}, "is one of GFN2-xTB, "),
        ({"conformers": 0}, "1 to 20"),
        ({"name": "labels_dft"}, "already"),
    ],
)
def test_what_no_campaign_can_be_is_refused(jobs, given, problem):
    asked = {"name": "mine", "molecules": b"CC", "suffix": "smi", "level": "GFN2-xTB", "conformers": 1} | given
    with pytest.raises(ConfigError, match=problem):
        offered.new_campaign(asked.pop("name"), asked.pop("molecules"), asked.pop("suffix"), **asked)


def test_a_campaign_of_dft_takes_minima_of_the_given_molecules(jobs):
    path = offered.new_campaign("mine", b"CC\nCO", "smi", level="wB97X-D/def2-SVP", conformers=2)
    tasks = list(make_plan(load_campaign(path), lambda line: None).tasks)
    assert all(isinstance(task, DftMoleculeTask) for task in tasks)
    assert {task.smiles: task.n_conformers for task in tasks if isinstance(task, DftMoleculeTask)} == {"CC": 2, "CO": 2}


def test_a_campaign_is_stopped_and_goes_on(page, tmp_path, monkeypatch):
    pool = write_pool(tmp_path / "pool.smi", SLOW_MOLECULES)
    config = write_config(tmp_path / "campaign.yaml", tmp_path / "made", pool)
    administer(monkeypatch, tmp_path, campaigns=config.parent)
    labelled(part(page, "Compute").selectbox, "Campaign").set_value("campaign").run()
    assert "Start labelling" not in [entry.label for entry in page.button]
    button(page, "What will it take?").click().run()
    finish(page)
    assert f"{len(SLOW_MOLECULES)} tasks" in text_of(page)
    assert not (tmp_path / "made").exists()
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


def test_hours_of_dft_are_computed_by_who_says_that_they_are_meant(page, jobs):
    labelled(part(page, "Compute").selectbox, "Campaign").set_value("labels_dft_torsions").run()
    button(page, "What will it take?").click().run()
    finish(page)
    assert not page.exception
    words = text_of(page)
    assert "most of it DFT" in words
    (table,) = [frame.value for frame in page.dataframe if "seconds a task" in frame.value.columns]
    assert (table["seconds a task"] > 10).all()
    assert table["known from"].str.contains("ship with virialff").all()
    assert button(page, "Start labelling").disabled
    page.checkbox[0].check().run()
    assert not button(page, "Start labelling").disabled
    assert list_jobs(offered.CAMPAIGN) == []


@pytest.fixture(scope="module")
def own_rows():
    """Minima and displaced geometries of small molecules that ship, at GFN2-xTB."""
    found = []
    for table in LabelStore(ASSETS / "data" / "dft.parquet").tables():
        found += [
            label
            for label in from_table(table)
            if label.level_of_theory == "GFN2-xTB" and label.kind == "minimum" and label.energy is not None
        ]
        if len(found) > 200:
            break
    return found[:40]


@pytest.mark.parametrize("suffix", ["sdf", "sdf.gz", "extxyz", "xyz", "db", "h5", "json", "jsonl", "parquet"])
def test_files_of_each_format_are_imported_in_the_page(page, jobs, own_rows, tmp_path, suffix):
    source = LabelStore(tmp_path / "source")
    with source.writer("part") as writer:
        for row in own_rows[:5]:
            writer.append([row])
        writer.finish()
    file = tmp_path / f"mine.{suffix}"
    export_labels(source, file)
    part(page, "Import")
    page.file_uploader(key="labels_files").set_value((file.name, file.read_bytes(), "application/octet-stream")).run()
    assert not page.exception
    assert labelled(page.text_input, "Keep them as").value == "mine"
    button(page, "Import").click().run()
    assert not page.error
    (run,) = over(page, offered.IMPORT)
    assert (run.state, run.exit_code) == ("finished", 0), run.reason
    assert "5 records: 5 new rows" in "".join(block.value for block in page.code)
    store = LabelStore(tmp_path / "stores" / "mine")
    energies = sorted(label.energy or 0.0 for table in store.tables() for label in from_table(table))
    assert energies == pytest.approx(sorted(row.energy or 0.0 for row in own_rows[:5]), abs=1e-6)


def sdf_of(rows, field: str = "E_tot") -> str:
    """As another program writes it: energies in hartree in a data field, and no level of theory."""
    records = []
    for row in rows:
        molecule = Molecule.from_arrays(row.numbers, row.bonds, row.orders).with_positions(row.positions)
        block = Chem.MolToMolBlock(molecule.to_rdkit())
        energy = row.energy / HARTREE_IN_KCAL_MOL
        records.append(f"{block}>  <{field}>\n{energy!r}\n\n>  <name>\nmine\n\n$$$$\n")
    return "".join(records)


def test_what_is_refused_of_ones_own_sdf_is_counted(page, jobs, own_rows, tmp_path):
    text = sdf_of(own_rows[:4]) + sdf_of(own_rows[4:5]).replace("<E_tot>", "<other>")
    part(page, "Import")
    page.file_uploader(key="labels_files").set_value(("own set.sdf", text.encode(), "text/plain")).run()
    assert not page.exception
    # Of the data fields the one with a number is offered, and its name says that it is the energy.
    assert labelled(page.selectbox, "The energy is in").value == "E_tot"
    button(page, "Import").click().run()
    over(page, offered.IMPORT)
    assert "it does not name its level of theory" in "".join(block.value for block in page.code) + text_of(page)
    labelled(page.selectbox, "Level of theory").set_value("GFN2-xTB").run()
    button(page, "Import").click().run()
    runs = over(page, offered.IMPORT)
    assert runs[-1].state == "finished"
    shown = "".join(block.value for block in page.code)
    assert "5 records: 4 new rows" in shown
    assert "1 x refused: it lacks the data field of the energy" in shown
    assert LabelStore(tmp_path / "stores" / "own_set").n_rows() == 4


def test_a_model_is_trained_on_ones_own_sdf_and_used(page, jobs, own_rows, tmp_path, monkeypatch):
    """All of it through the pages: import, fine-tune, make a model, use it."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    administer(monkeypatch, tmp_path, labels=tmp_path / "stores")
    (tmp_path / "stores").mkdir()
    part(page, "Import")
    page.file_uploader(key="labels_files").set_value(("own.sdf", sdf_of(own_rows).encode(), "text/plain")).run()
    labelled(page.selectbox, "Level of theory").set_value("GFN2-xTB").run()
    button(page, "Import").click().run()
    over(page, offered.IMPORT)
    (link,) = [entry.proto for entry in page.get("page_link") if entry.proto.label == "Fine-tune a model on it"]
    assert parse_qs(link.query_string) == {FINE_TUNE_ON: [str(tmp_path / "stores" / "own")]}
    page.query_params[FINE_TUNE_ON] = str(tmp_path / "stores" / "own")
    page.switch_page("pages/train.py").run()
    assert not page.exception
    assert not page.error
    assert labelled(page.selectbox, "Reference energies").value == str(tmp_path / "stores" / "own")
    assert labelled(page.selectbox, "Level of theory").value == "GFN2-xTB"
    labelled(page.number_input, "Steps of training").set_value(10)
    labelled(page.number_input, "validate_every").set_value(5).run()
    assert labelled(page.toggle, "Make a model of it at the end").value
    labelled(page.toggle, "Measure it beside GFN2-xTB and ANI").set_value(False).run()
    button(page, "Start training").click().run()
    assert not page.error
    deadline = time.monotonic() + 120
    while not all(job.is_over for job in list_jobs(None)):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    page.run()
    assert find("fine-tuned").state == "finished", find("fine-tuned").reason
    button(page, "Use fine\\-tuned for a molecule").click().run()
    assert page.title[0].value == "Force field"
    page.switch_page("pages/models.py").run()
    assert not page.exception
    assert page.query_params["model"] == "fine-tuned"
    assert "starting from default" in text_of(page)
    card = registry.load_model("fine-tuned").card
    assert card["level_of_theory"] == "GFN2-xTB"
    assert card["recipe"]["initial"] == "assets/models/default"
