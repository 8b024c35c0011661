"""Sweeps: what may be varied, trainings that are drawn, broken off, gone on with, and the command."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.small_training import small_recipe, small_store
from training.recipes.presets import recipe_values
from training.recipes.recipe import load_recipe
from training.studies.sweep import (
    STUDY,
    TRIALS,
    SweepRequest,
    Varied,
    best_of,
    check_request,
    parse_varied,
    read_request,
    read_trials,
    recipe_with,
    run_sweep,
    trials_table,
)
from virialff import cli
from virialff.errors import ConfigError, DocumentError


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep")
    store = small_store(folder / "small.parquet", molecules=15, complexes=10)
    file: Path = folder / "recipe.yaml"
    file.write_text(yaml.safe_dump(small_recipe(store, steps=100)))
    return file


def request(recipe: Path, *varied: str, trials: int = 5, steps: int = 8, measure: str = "all") -> SweepRequest:
    return SweepRequest(recipe_values(load_recipe(recipe)), varied, trials, steps, measure)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("learning_rate=5e-4:5e-3", Varied("learning_rate", 5e-4, 5e-3)),
        ("pair_layers=2:4", Varied("pair_layers", 2, 4)),
        ("pair_layers=2, 4", Varied("pair_layers", choices=(2, 4))),
        ("path_atoms=true,false", Varied("path_atoms", choices=(True, False))),
        ("schedule=cosine,steps", Varied("schedule", choices=("cosine", "steps"))),
    ],
)
def test_values_of_a_setting_are_read(text, expected):
    assert parse_varied(text) == expected
    assert parse_varied(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("learning_rate", "NAME=LOW:HIGH"),
        ("steps=10:20", "NAME=LOW:HIGH"),
        ("lerning_rate=1:2", "NAME=LOW:HIGH"),
        ("learning_rate=2:1", "the smaller one first"),
        ("learning_rate=0:1", "learning_rate is 0 and must be above 0"),
        ("learning_rate=a:1", "'a' is not a number"),
        ("pair_layers=1.5:2", "'1.5' is not a whole number"),
        ("path_atoms=true", "two values or more"),
        ("path_atoms=yes,no", "'yes' is not true or false"),
        ("schedule=cosine,sine", "one of cosine, steps"),
    ],
)
def test_what_is_no_range_is_refused(text, problem):
    with pytest.raises(ConfigError, match=problem):
        parse_varied(text)


def test_what_no_sweep_can_be_is_refused(recipe):
    good = request(recipe, "learning_rate=1e-4:1e-2")
    assert [entry.name for entry in check_request(good)] == ["learning_rate"]
    for bad, problem in (
        (replace(good, trials=1), "2 to 200"),
        (replace(good, steps=2), "8 or more"),
        (replace(good, measure="luck"), "one of all"),
        (replace(good, varied=()), "1 to 8"),
        (replace(good, varied=("pair_layers=1:2", "pair_layers=2:3")), "varied twice"),
        (replace(good, recipe=good.recipe | {"initial": "a"}, varied=("pair_layers=1:2",)), "fix the network"),
    ):
        with pytest.raises(ConfigError, match=problem):
            check_request(bad)


def test_values_go_into_the_recipe_where_they_belong(recipe):
    values = recipe_values(load_recipe(recipe))
    changed = recipe_with(values, {"learning_rate": 0.01, "hidden_size": 20})
    assert (changed["optimization"]["learning_rate"], changed["network"]["hidden_size"]) == (0.01, 20)
    assert (
        changed["optimization"] | {"learning_rate": values["optimization"]["learning_rate"]} == values["optimization"]
    )


def test_a_sweep_draws_breaks_off_and_goes_on(recipe, tmp_path):
    asked = request(recipe, "learning_rate=1e-6:2e-2", "hidden_size=8,16", trials=7)
    lines: list[str] = []
    trials = run_sweep(asked, tmp_path, say=lines.append)
    assert [trial.number for trial in trials] == list(range(7))
    # The first has the values of the recipe.
    own = load_recipe(recipe)
    assert trials[0].values == {"learning_rate": own.optimization.learning_rate, "hidden_size": 16}
    assert {trial.values["hidden_size"] for trial in trials} == {8, 16}
    finished = [trial for trial in trials if trial.state == "finished"]
    pruned = [trial for trial in trials if trial.state == "pruned"]
    assert len(finished) + len(pruned) == 7
    assert pruned
    assert all(trial.step == 8 for trial in finished)
    assert all(trial.step < 8 for trial in pruned)
    best = best_of(trials)
    assert best is not None
    assert best.score == min(trial.score or 0.0 for trial in finished)
    table = trials_table(trials)
    assert table["training"].iloc[0] == best.number + 1
    assert table["energy_mae"].notna().all()
    assert "6 of 7 trainings done; training 7 at step" in lines[-1]
    assert not list(tmp_path.glob("trial-*/checkpoint.pt"))
    assert read_trials(tmp_path) == trials
    assert read_request(tmp_path) == asked

    # Done, it does nothing; with more trials it goes on; with other settings it is another one.
    assert run_sweep(asked, tmp_path, say=lines.append) == trials
    longer = run_sweep(replace(asked, trials=8), tmp_path, say=lines.append)
    assert longer[:7] == trials
    assert len(longer) == 8
    with pytest.raises(ConfigError, match="has a sweep with other settings"):
        run_sweep(replace(asked, steps=9), tmp_path)
    # The same request draws the same trainings.
    again = run_sweep(replace(asked, trials=2), tmp_path / "again", say=lines.append)
    assert again == trials[:2]


def test_one_error_decides_where_it_is_asked_for(recipe, tmp_path):
    asked = request(recipe, "learning_rate=1e-3:1e-2", trials=2, measure="force_mae")
    for trial in run_sweep(asked, tmp_path, say=lambda line: None):
        assert trial.score == pytest.approx(trial.errors["force_mae"])
    missing = request(recipe, "learning_rate=1e-3:1e-2", trials=2, measure="torsion_rmse")
    with pytest.raises(ConfigError, match="Validation has no torsion_rmse with these labels, only energy_mae"):
        run_sweep(missing, tmp_path / "other", say=lambda line: None)


def test_a_training_that_explodes_is_told_with_its_reason(recipe, tmp_path):
    asked = request(recipe, "learning_rate=1e-3,10", trials=5, steps=24)
    values = recipe_with(asked.recipe, {"explosion": 1.5, "gradient_norm": 1e9, "learning_rate": 1e-3})
    trials = run_sweep(replace(asked, recipe=values), tmp_path, say=lambda line: None)
    stopped = [trial for trial in trials if trial.state == "stopped"]
    assert stopped
    assert all("the loss exploded" in trial.reason or "is not finite" in trial.reason for trial in stopped)
    assert {trial.values["learning_rate"] for trial in stopped} == {10}
    assert best_of(trials).values["learning_rate"] == 1e-3


def test_a_damaged_study_is_named(recipe, tmp_path):
    asked = request(recipe, "learning_rate=1e-3:1e-2", trials=2)
    run_sweep(asked, tmp_path, say=lambda line: None)
    (tmp_path / TRIALS).write_text('{"trials": [{"number": 1}]}')
    with pytest.raises(DocumentError, match="is damaged"):
        read_trials(tmp_path)
    (tmp_path / STUDY).write_bytes(b"no database" * 100)
    with pytest.raises(DocumentError, match=r"study\.db is damaged"):
        run_sweep(asked, tmp_path, say=lambda line: None)


def test_the_command_is_interrupted_and_goes_on_to_the_same_trainings(recipe, tmp_path, capsys):
    arguments = ["sweep", str(recipe), "--vary=learning_rate=1e-3:1e-2", "--trials=3", "--steps=40"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert cli.main([*arguments, "--folder", str(whole), "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["schema"]["name"] == "virialff.sweep"
    assert told["best"] in (1, 2, 3)

    command = [sys.executable, "-m", "virialff.cli", *arguments, "--folder", str(parts)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not any(trial.step >= 10 for trial in read_trials(parts)) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 130
    states = [trial.state for trial in read_trials(parts)]
    assert states[-1] == "running"
    best = tmp_path / "best.yaml"
    assert cli.main([*arguments, "--folder", str(parts), "--write", str(best)]) == 0
    assert "finished: the best is training" in capsys.readouterr().out

    def values(folder: Path) -> list[tuple]:
        return [(trial.state, trial.values, trial.errors, trial.step) for trial in read_trials(folder)]

    assert values(parts) == values(whole)
    chosen = best_of(read_trials(parts))
    assert chosen is not None
    assert load_recipe(best).optimization.learning_rate == chosen.values["learning_rate"]
    with sqlite3.connect(parts / STUDY) as study:
        assert study.execute("select count(*) from trials").fetchone() == (3,)
