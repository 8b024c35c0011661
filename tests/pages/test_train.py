"""Page Train: forms, starting, stopping, going on, and jobs of a real SLURM."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from pages.components.train import cards
from pages.components.train import start as training_start
from pages.components.train.sweeps import COMPARED, SWEEPS, VIEW
from tests.administration import administer
from tests.pages.conftest import finish
from tests.slurm_cluster import slurm_cluster
from tests.small_training import small_recipe, small_store
from training.jobs import offered
from training.jobs.control import find, list_jobs, start, stop
from training.jobs.estimates import RECORDED, Estimate, estimate
from training.jobs.runs import metrics_table, runs_with_metrics
from training.labelling.campaign.progress import duration
from training.loop.run_folder import RunFolder
from training.recipes.presets import recipe_values
from training.recipes.recipe import PRESETS, load_recipe
from training.studies.sweep import best_of, read_trials
from virialff.errors import ConfigError
from virialff.figures.training import loss_figure
from virialff.models.checkpoint import load_checkpoint
from virialff.models.registry import SHIPPED, load_model
from virialff.settings import RUNS_VARIABLE


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_store(tmp_path_factory.mktemp("labels") / "small.parquet", molecules=15, complexes=10)


@pytest.fixture
def jobs(tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of jobs; what a test leaves running in it is stopped."""
    folder = tmp_path / "runs"
    monkeypatch.setenv(RUNS_VARIABLE, str(folder))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    administer(monkeypatch, tmp_path, labels=store.parent)
    yield folder
    monkeypatch.delenv("VIRIALFF_READ_ONLY", raising=False)
    for job in list_jobs():
        if not job.is_over:
            stop(job.name)


@pytest.fixture
def page(app, jobs):
    app.run()
    return set_up(app.switch_page("pages/train.py").run(), "full")


def set_up(app, card: str):
    """Open the form of a card."""
    return app.button(key=f"card_{card}").click().run()


STEPS = "Steps of training"


def labelled(widgets, label):
    return next(widget for widget in widgets if widget.label == label)


def button(app, label):
    return labelled(app.button, label)


def choose_data(app, store: Path):
    labelled(app.selectbox, "Reference energies").set_value(str(store)).run()
    for part, share in (("training", 0.6), ("validation", 0.2), ("test", 0.2)):
        labelled(app.number_input, f"Share for {part}").set_value(share)
    return app


def small_settings(app, **changes):
    """Small values into the form, by the names of its fields."""
    small = {"hidden_size": 16, "charge_width": 16, "pair_width": 16, "batch_pairs": 300, "complex_batch_pairs": 200}
    for name, value in (small | changes).items():
        labelled(app.number_input, {"steps": STEPS}.get(name, name)).set_value(value)
    return app.run()


def wait_for(true: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        states = [(job.name, job.state, job.reason, job.step) for job in list_jobs()]
        assert time.monotonic() < deadline, states
        assert not any(state in ("failed", "died") for _, state, _, _ in states), states
        time.sleep(0.2)


def text_of(app) -> str:
    blocks = [*app.markdown, *app.caption, *app.info, *app.error]
    return "\n".join(block.value for block in blocks).replace("\\", "")


def test_a_training_is_started_stopped_and_resumed_from_the_page(page, store, jobs):
    assert not page.exception
    assert "There are no trainings yet." in text_of(page)
    choose_data(page, store)
    labelled(page.text_input, "Name of the run").set_value("tiny").run()
    small_settings(page, steps=100_000, validate_every=2, checkpoint_seconds=0.2)
    button(page, "Start training").click().run()
    assert not page.exception
    assert not page.error
    (job,) = list_jobs()
    assert job.name == "tiny"
    recipe = yaml.safe_load(job.recipe.read_text())
    assert recipe["data"] == {"labels": str(store), "split_seed": 2026, "fractions": [0.6, 0.2, 0.2]}
    assert recipe["network"]["hidden_size"] == 16
    assert recipe["optimization"]["steps"] == 100_000

    wait_for(lambda: find("tiny").step >= 4)
    page.run()
    assert not page.exception
    assert "running" in text_of(page)
    assert page.dataframe[-1].value["job"].tolist() == ["tiny"]
    assert labelled(page.metric, "Speed (steps/s)").value
    button(page, "Stop").click().run()
    wait_for(lambda: find("tiny").is_over)
    page.run()
    assert not page.exception
    assert find("tiny").state == "stopped"
    before = find("tiny").step
    button(page, "Resume").click().run()
    assert not page.exception
    wait_for(lambda: find("tiny").step > before)
    page.run()
    assert "attempt 2" in text_of(page)


def test_a_finished_job_is_cloned_and_can_be_made_a_model(page, store, jobs, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(small_recipe(store, steps=6, validate_every=2)))
    start(recipe)
    wait_for(lambda: find("tiny").is_over)
    page.run()
    assert not page.exception
    assert find("tiny").state == "finished"
    assert labelled(page.text_input, "Name of the model").value == "tiny"
    button(page, "Clone").click().run()
    assert labelled(page.text_input, "Name of the run").value == "tiny-2"
    assert labelled(page.number_input, STEPS).value == 6
    assert labelled(page.number_input, "hidden_size").value == 16
    assert not page.exception


def open_part(app, name: str):
    app.session_state[VIEW] = name
    return app.run()


def test_runs_are_compared(app, jobs, store):
    app.run()
    page = app.switch_page("pages/train.py").run()
    open_part(page, COMPARED)
    assert "it takes two runs that have losses" in text_of(page)
    recipe = load_recipe(PRESETS / "demo.yaml")
    for name, rate, error in (("first", 1e-3, 2.0), ("second", 2e-3, 1.5)):
        folder = RunFolder(jobs / name)
        folder.path.mkdir(parents=True)
        stage = dataclasses.replace(recipe.all_stages[0], learning_rate=rate)
        folder.write_config(
            {"network": recipe.network.to_dict(), "stages": [dataclasses.asdict(stage)], "initial": None}
        )
        for step in (5, 10):
            row = {"step": step, "seconds": 3.0 * step, "train_energy": 3.0, "validation_energy_mae": error * 10 / step}
            folder.append_metrics(row)
    assert [run.name for run in runs_with_metrics()] == ["first", "second"]
    tables = {name: metrics_table(jobs / name) for name in ("first", "second")}
    labels = [trace.name for trace in loss_figure(tables, "energy").data]
    assert labels == ["first: training", "first: validation", "second: training", "second: validation"]

    page.run()
    assert not page.exception
    assert labelled(page.multiselect, "Runs").value == ["first", "second"]
    errors, settings = (entry.value for entry in page.dataframe[-2:])
    assert errors[["run", "step", "energy mae"]].to_numpy().tolist() == [["first", 10, 2.0], ["second", 10, 1.5]]
    assert settings.to_numpy().tolist() == [["learning_rate", "0.001", "0.002"]]
    (jobs / "second" / "config.json").write_text("{")
    page.run()
    assert not page.exception
    assert "not known" in page.dataframe[-1].value["second"].tolist()


def test_a_sweep_is_started_and_its_best_settings_are_taken_over(page, store, jobs):
    choose_data(page, store)
    small_settings(page, steps=40)
    page.session_state["open_sweep"] = True
    page.run()
    assert not page.exception
    labelled(page.multiselect, "Settings to vary").set_value(["learning_rate", "path_atoms"]).run()
    labelled(page.number_input, "learning_rate, lowest").set_value(1.0).run()
    assert "the smaller one first" in text_of(page)
    assert button(page, "Start the sweep").disabled
    labelled(page.number_input, "learning_rate, lowest").set_value(1e-4).run()
    labelled(page.number_input, "Trainings").set_value(2)
    labelled(page.number_input, "Steps of each").set_value(8).run()
    button(page, "Start the sweep").click().run()
    assert not page.exception
    assert not page.error
    (job,) = list_jobs(offered.SWEEP)
    folder = Path(job.subject)
    assert folder.parent == jobs
    wait_for(lambda: find(job.name).is_over, 300)
    assert find(job.name).state == "finished", find(job.name).reason
    trials = read_trials(folder)
    assert [trial.step for trial in trials] == [8, 8]
    best = best_of(trials)

    page.run()
    assert not page.exception
    assert page.session_state[VIEW] == SWEEPS
    assert page.dataframe[-1].value["training"].tolist()[0] == best.number + 1
    assert f"Training {best.number + 1} is the best" in text_of(page)
    # The sweep is no run of its own in the comparison.
    assert runs_with_metrics() == []
    button(page, "Set up a training with these").click().run()
    assert not page.exception
    assert labelled(page.number_input, "learning_rate").value == pytest.approx(best.values["learning_rate"])
    assert labelled(page.number_input, STEPS).value == 40

    (folder / "trials.json").write_text("{")
    page.run()
    assert not page.exception
    assert "This sweep cannot be shown" in [entry.proto.title for entry in page.error]


def test_a_damaged_record_is_shown_with_its_reason(page, jobs):
    for name, content in (("bad", '{"step": null}'), ("worse", "{")):
        (jobs / "jobs" / name).mkdir(parents=True)
        (jobs / "jobs" / name / "job.json").write_text(content)
    page.run()
    assert not page.exception
    assert page.dataframe[-1].value[["job", "state"]].to_numpy().tolist() == [["worse", "damaged"], ["bad", "damaged"]]
    labelled(page.selectbox, "Show").set_value("bad").run()
    assert not page.exception
    assert "job.json is damaged" in text_of(page)
    assert "Start training" in [entry.label for entry in page.button]


def test_what_is_wrong_in_a_recipe_is_a_sentence(page):
    labelled(page.number_input, "conformers").set_value(0).run()
    assert any("conformers is 0 and must be at least 1" in error.value.replace("\\", "") for error in page.error)
    assert "Start training" not in [entry.label for entry in page.button]
    labelled(page.number_input, "conformers").set_value(6).run()
    assert not page.error
    labelled(page.button_group, "Settings as").set_value("YAML text").run()
    text = page.text_area[0].value
    page.text_area[0].set_value(text + "tpyo: 1\n").run()
    assert any("tpyo: unknown key" in error.value.replace("\\", "") for error in page.error)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("name: ../../app/X", "cannot name a run"),
        ("initial: /etc", "/etc is not among the models and runs"),
        ("data: {labels: /dev/zero, split_seed: 1}", "/dev/zero is not among the label stores"),
    ],
)
def test_a_recipe_as_text_names_nothing_that_is_not_offered(page, store, jobs, line, sentence):
    choose_data(page, store).run()
    labelled(page.button_group, "Settings as").set_value("YAML text").run()
    recipe = yaml.safe_load(page.text_area[0].value) | yaml.safe_load(line)
    page.text_area[0].set_value(yaml.safe_dump(recipe)).run()
    assert any(sentence in error.value.replace("\\", "") for error in page.error)
    assert "Start training" not in [entry.label for entry in page.button]
    with pytest.raises(ConfigError, match=sentence):
        offered.train(yaml.safe_dump(recipe))
    assert not (jobs.parent / "app").exists()
    assert list_jobs() == []


def test_presets_fill_the_form(page):
    labelled(page.button_group, "Preset").set_value("paper").run()
    assert not page.exception
    assert not page.error
    assert [entry.value for entry in page.number_input if entry.label == "steps"] == [356_000, 228_000]


@pytest.fixture
def three_cards(app, jobs):
    app.run()
    return app.switch_page("pages/train.py").run()


def test_three_cards_say_what_each_takes_before_anything_is_chosen(three_cards, store, jobs):
    page = three_cards
    assert not page.exception
    assert not page.error
    words = text_of(page)
    recorded = json.loads(RECORDED.read_text())["trainings"]
    for name, preset in (("demo", "demo"), ("foundation", "foundation")):
        steps = load_recipe(PRESETS / f"{preset}.yaml").all_stages[0].steps
        seconds = duration(steps / recorded[name]["steps_per_second"])
        assert f"about {seconds} for {steps:,} steps" in words
        assert f"about {recorded[name]['memory_bytes'] / 1e9:.1f} GB" in words
    assert "as recorded on one thread of" in words
    assert "Start training" not in [entry.label for entry in page.button]
    for card, preset in (("demo", "demo"), ("full", "foundation-gfn2"), ("fine-tuning", "fine-tuned")):
        set_up(page, card)
        assert not page.exception
        assert not page.error
        assert labelled(page.text_input, "Name of the run").value == preset
        assert "Start training" in [entry.label for entry in page.button]


def test_fine_tuning_starts_from_a_model_on_ones_own_labels(three_cards, store, jobs, monkeypatch):
    page = set_up(three_cards, "fine-tuning")
    box = labelled(page.selectbox, "Reference energies")
    # Those that ship are no data of one's own.
    assert not any(option.startswith("assets/data") for option in box.options)
    assert str(store) in box.options
    box.set_value(str(store)).run()
    labelled(page.selectbox, "Model to start from").set_value("foundation-gfn2").run()
    assert not page.error
    labelled(page.number_input, STEPS).set_value(4)
    labelled(page.number_input, "validate_every").set_value(2).run()
    button(page, "Start training").click().run()
    assert not page.exception
    assert not page.error
    (job,) = list_jobs()
    recipe = load_recipe(job.recipe)
    assert recipe.initial == Path("assets/models/foundation-gfn2")
    assert recipe.network == load_checkpoint(SHIPPED / "foundation-gfn2").network.config
    # What was started is in view, and its form is folded away.
    assert "Start training" not in [entry.label for entry in page.button]
    assert labelled(page.selectbox, "Show").value == job.name
    wait_for(lambda: find(job.name).is_over)
    assert find(job.name).state == "finished", find(job.name).reason
    # The next estimate rests on it.
    values = recipe_values(recipe)
    found = estimate(values, "fine-tuning")
    assert f"as the run {job.name} of these settings went here" in found.basis
    values["optimization"]["batch_pairs"] = 77
    assert "recorded" in estimate(values, "fine-tuning").basis


def test_time_and_memory_are_measured_here_on_request(three_cards, store, jobs):
    page = set_up(three_cards, "full")
    choose_data(page, store)
    small_settings(page, steps=1000)
    button(page, "Measure it here").click().run()
    finish(page)
    assert not page.exception
    assert not page.error
    assert "as measured on this machine just now" in text_of(page)
    assert "Measure it here" not in [entry.label for entry in page.button]


def test_a_read_only_installation_refuses_where_the_work_starts(page, store, jobs, monkeypatch):
    monkeypatch.setenv("VIRIALFF_READ_ONLY", "1")
    choose_data(page, store).run()
    button(page, "Start training").click().run()
    assert not page.exception
    assert "Starting a training job is refused because this installation is read-only" in text_of(page)
    assert list_jobs() == []


@pytest.mark.program("munged")
@pytest.mark.program("slurmctld")
@pytest.mark.program("slurmd")
@pytest.mark.program("sbatch")
def test_a_training_on_slurm(app, store, jobs, monkeypatch):
    with slurm_cluster() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        training_start.find_devices_cached.clear()
        app.run()
        page = set_up(app.switch_page("pages/train.py").run(), "full")
        assert page.dataframe[0].value["partition"].tolist() == ["test (default)"]
        choose_data(page, store)
        labelled(page.button_group, "Computer").set_value("SLURM").run()
        labelled(page.number_input, "Memory (GB)").set_value(2.0)
        labelled(page.toggle, "Use a GPU").set_value(False)
        small_settings(page, steps=6, validate_every=2)
        button(page, "Start training").click().run()
        assert not page.exception
        assert not page.error
        (job,) = list_jobs()
        assert job.cluster == "slurm"
        wait_for(lambda: find(job.name).is_over)
        page.run()
        assert (find(job.name).state, find(job.name).reason) == ("finished", "")
        assert f"SLURM job {job.scheduler_id}" in text_of(page)
    training_start.find_devices_cached.clear()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("learning_rate", -1.0, "learning_rate is -1 and must be above 0"),
        ("Steps of training", -5, "steps is -5 and must be at least 1"),
        ("batch_molecules", 0, "batch_molecules is 0 and must be at least 1, or left out"),
        ("average_decay", 1.0, "average_decay is 1 and must be below 1"),
        ("hidden_size", 0, "hidden_size is 0 and must be at least 1"),
    ],
)
def test_a_value_that_no_training_can_have_is_said_beside_its_field(page, name, value, words):
    labelled(page.number_input, name).set_value(value).run()
    assert not page.exception
    (error,) = page.error
    assert words.lower() in error.value.replace("\\", "").lower()
    assert "Start training" not in [entry.label for entry in page.button]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1, nan, 1, 1, 1", "kind_weights is nan and must be a finite number"),
        ("1, x, 1, 1, 1", "kind_weights has 'x' where a number belongs"),
        ("1, -1, 1, 1, 1", "kind_weights is -1 and must not be negative"),
    ],
)
def test_numbers_of_a_list_are_checked_beside_their_field(page, text, words):
    labelled(page.text_input, "kind_weights").set_value(text).run()
    assert not page.exception
    (error,) = page.error
    assert words.lower() in error.value.replace("\\", "").lower()


@pytest.mark.parametrize("name", ["../out", "two words", "", "jobs", ".hidden", "x" * 70])
def test_names_of_runs_are_checked_as_they_are_typed(page, name):
    labelled(page.text_input, "Name of the run").set_value(name).run()
    assert not page.exception
    assert "name" in page.error[0].value
    assert "Start training" not in [entry.label for entry in page.button]


def test_a_stopped_training_becomes_a_model(page, store, jobs, tmp_path, monkeypatch):
    monkeypatch.setenv("VIRIALFF_MODELS", str(tmp_path / "models"))
    recipe = tmp_path / "recipe.yaml"
    text = small_recipe(store, steps=100_000, validate_every=2) | {"name": "foundation-gfn2"}
    recipe.write_text(yaml.safe_dump(text))
    start(recipe)
    wait_for(lambda: find("foundation-gfn2").step >= 4)
    stop("foundation-gfn2")
    page.run()
    assert find("foundation-gfn2").state == "stopped"
    field = labelled(page.text_input, "Name of the model")
    # The run has the name of a model that ships, so the suggested one is another.
    assert field.value == "foundation-gfn2-2"
    field.set_value("no name at all").run()
    assert "cannot name a model" in text_of(page)
    assert button(page, "Make a model").disabled
    labelled(page.text_input, "Name of the model").set_value("halfway").run()
    page.toggle(key="model_compare_foundation-gfn2").set_value(False).run()
    assert not page.error
    button(page, "Make a model").click().run()
    assert not page.exception
    wait_for(lambda: all(job.is_over for job in list_jobs(None)))
    page.run()
    assert not page.exception
    assert button(page, "Use halfway for a molecule")
    card = load_model("halfway").card
    assert card["recipe"]["steps_done"] == find("foundation-gfn2").step
    assert card["limitations"][0].startswith(f"Its training was ended at step {find('foundation-gfn2').step} of 100000")


def _estimate_from(source, with_validation=True):
    return Estimate(1.0, 1, 1.0, None, source, with_validation)


@pytest.mark.parametrize(
    ("estimates", "said"),
    [
        ([_estimate_from("as recorded")], "as recorded"),
        ([_estimate_from("as recorded", False)] * 2, "as recorded, without validation"),
        (
            [_estimate_from("as recorded"), _estimate_from("as recorded", False)],
            "as recorded, partly without validation",
        ),
        (
            [_estimate_from("as recorded", False), _estimate_from("as recorded")],
            "as recorded, partly without validation",
        ),
        (
            [_estimate_from("as recorded"), _estimate_from("as measured", False)],
            "as recorded and as measured, without validation",
        ),
    ],
)
def test_what_estimates_rest_on_is_said_once(estimates, said):
    assert cards._together(estimates) == said
