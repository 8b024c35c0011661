"""Models by name: how they are added, chosen and removed, and that a half model never shows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import virialff
from tests.virialff.sample_models import FILES, change_card, packed
from virialff.errors import CheckpointError, ReadOnlyError, RegistryError
from virialff.models import registry
from virialff.models.registry import load_model
from virialff.settings import ASSETS, MODELS_VARIABLE, models_folder

pytestmark = pytest.mark.usefixtures("models")

ROOT = Path(virialff.__file__).resolve().parent.parent


def left_over(folder: Path) -> list[str]:
    """What is in the folder of models beside models and the choice."""
    known = {model.name for model in registry.registered_models()} | {".default"}
    return [entry.name for entry in folder.iterdir() if entry.name not in known]


# --- add, find, choose, remove ---


def test_without_own_models_the_shipped_one_is_the_default(models):
    found = registry.find()
    assert (found.name, found.folder, found.shipped, found.default) == (
        "default",
        ASSETS / "models/default",
        True,
        True,
    )
    assert load_model().sha256 == load_model("default").sha256
    assert not models.exists(), "looking must not write"


def test_an_added_model_loads_by_its_name(model, models):
    added = registry.add(model)
    assert (added.name, added.folder, added.shipped, added.default) == ("mine", models / "mine", False, False)
    assert sorted(file.name for file in added.folder.iterdir()) == sorted(FILES)
    assert [entry.name for entry in registry.registered_models()][-1] == "mine"
    shutil.rmtree(model)
    assert load_model("mine").name == "mine"
    assert left_over(models) == []


def test_the_choice_changes_only_what_names_no_model(model):
    registry.add(model, "other")
    assert registry.set_default("other").default
    assert registry.default_name() == "other"
    assert load_model().name == "other"
    assert load_model("default").name == "default"
    assert [entry.name for entry in registry.registered_models() if entry.default] == ["other"]
    with pytest.raises(RegistryError, match="is used where none is named; choose another"):
        registry.remove("other")
    registry.set_default("default")
    registry.remove("other")
    assert "other" not in [entry.name for entry in registry.registered_models()]
    with pytest.raises(CheckpointError, match=r"there is no model 'other'; `virialff models list` .*default"):
        load_model("other")


@pytest.mark.parametrize("prefix", ["", "a folder/", "deep/er/"])
def test_a_zip_is_added_whatever_folder_is_in_it(model, prefix):
    added = registry.add(packed(model, prefix=prefix, extra=(("__MACOSX/._card.json", b""), ("notes.txt", b"hello"))))
    assert sorted(file.name for file in added.folder.iterdir()) == sorted(FILES)
    assert load_model("mine").sha256 == load_model("foundation-gfn2").sha256


def test_a_zip_file_is_added_by_its_path(model, tmp_path):
    (tmp_path / "model.zip").write_bytes(packed(model).getvalue())
    assert registry.add(tmp_path / "model.zip", "zipped").name == "zipped"


def test_paths_and_names_are_told_apart(model, models, monkeypatch):
    monkeypatch.chdir(model.parent)
    assert load_model("received").name == "mine"
    assert load_model("./received").name == "mine"
    assert load_model(model).name == "mine"
    change_card(model, name="later")
    registry.add(model, "received")
    change_card(model, name="mine")
    assert load_model("received").card["name"] == "later", "a name comes before a folder of the working directory"
    with pytest.raises(CheckpointError, match="there is no model folder"):
        load_model("no/such/folder")


def test_a_choice_that_went_away_is_said_and_can_be_put_right(model, models):
    registry.add(model)
    registry.set_default("mine")
    shutil.rmtree(models / "mine")
    with pytest.raises(CheckpointError, match=r"'mine', which was chosen as default, is no longer there; .*default"):
        load_model()
    (models / ".default").write_bytes(b"\xff\x00")
    with pytest.raises(CheckpointError, match="chosen as default"):
        load_model()
    assert load_model("default").sha256
    registry.set_default("default")
    assert load_model().sha256


def test_the_folder_is_where_the_user_keeps_data(monkeypatch, tmp_path):
    monkeypatch.delenv(MODELS_VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert models_folder() == tmp_path / ".local/share/virialff/models"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert models_folder() == tmp_path / "data/virialff/models"


# --- what is refused ---


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "a b", "ä", "x" * 65, "-x", "a\n"])
def test_names_that_could_be_more_than_a_name_are_refused(model, models, name):
    for act in (lambda: registry.add(model, name), lambda: registry.set_default(name), lambda: registry.remove(name)):
        with pytest.raises(RegistryError, match="cannot name a model"):
            act()
    assert not models.exists()


def test_a_name_is_given_once(model, models):
    registry.add(model)
    for name in (None, "mine"):
        with pytest.raises(RegistryError, match="there is already a model 'mine'"):
            registry.add(model, name)
    with pytest.raises(RegistryError, match="'default' is the name of a model that ships"):
        registry.add(model, "default")
    with pytest.raises(RegistryError, match="'default' ships with virialff and cannot be removed"):
        registry.remove("default")
    change_card(model, name="no name at all")
    with pytest.raises(RegistryError, match=r"calls itself 'no name at all'; give it another name$"):
        registry.add(model)
    assert left_over(models) == []


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder that the process may read and not write; root, whom no mode keeps out, becomes another user."""
    base = Path(tempfile.mkdtemp())
    folder = base / "models"
    folder.mkdir()
    base.chmod(0o755)
    folder.chmod(0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(user)
        folder.chmod(0o755)
        shutil.rmtree(base)


def test_a_folder_that_cannot_be_written_is_said(model, read_only_folder, monkeypatch):
    monkeypatch.setenv(MODELS_VARIABLE, str(read_only_folder))
    for act in (lambda: registry.add(model, "new"), lambda: registry.set_default("default")):
        with pytest.raises(RegistryError, match=r"nothing can be written .*Permission denied.* set VIRIALFF_MODELS"):
            act()
    assert registry.find().name == "default"


def test_a_read_only_installation_changes_nothing(model, models, monkeypatch):
    registry.add(model)
    monkeypatch.setenv("VIRIALFF_READ_ONLY", "1")
    for act in (
        lambda: registry.add(model, "new"),
        lambda: registry.set_default("mine"),
        lambda: registry.remove("mine"),
    ):
        with pytest.raises(ReadOnlyError):
            act()
    assert load_model("mine").name == "mine"
    assert registry.default_name() == "default"


# --- several processes, and what a killed one leaves ---

ADDER = """
import sys, time
from pathlib import Path
from virialff.errors import RegistryError
from virialff.models import received, registry
Path(sys.argv[2]).touch()
while not Path(sys.argv[3]).exists():
    time.sleep(0.001)
try:
    registry.add(Path(sys.argv[1]), "same")
except RegistryError as error:
    sys.exit(f"refused: {error}")
"""


def test_of_two_processes_adding_the_same_name_one_wins(model, models, tmp_path):
    go = tmp_path / "go"
    ready = [tmp_path / f"ready{number}" for number in range(2)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ADDER, model, file, go], cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ
        )
        for file in ready
    ]
    while not all(file.exists() for file in ready):
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)
    go.touch()
    errors = [process.communicate(timeout=100)[1] for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 1]
    assert sum("refused: there is already a model 'same'" in error for error in errors) == 1
    assert load_model("same").card["name"] == "mine"
    assert left_over(models) == []


def test_what_a_killed_process_left_is_no_model_and_goes(model, models):
    old, young = models / ".partial-old", models / ".partial-young"
    for folder in (old, young):
        shutil.copytree(model, folder / "model")
    os.utime(old, (0, 0))
    assert not any("partial" in name for name in [entry.name for entry in registry.registered_models()])
    registry.add(model)
    assert not old.exists()
    assert young.exists(), "it may be of a process that still works"
