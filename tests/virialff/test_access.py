"""Who may what: the administrator's file, and a cell of the role matrix for each role and each action."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.administration import administer
from tests.small_training import small_recipe
from training.data.make_packs import make_packs
from training.jobs import offered
from training.jobs.control import forget, resume, start_command, stop
from training.jobs.record import JobFolder, Request, State
from virialff import access
from virialff.access import OWNER, User, is_this_machine, role_of, visitor, way_in
from virialff.administrator import Administration, Role, administration
from virialff.errors import AccessError, ConfigError, JobError, ReadOnlyError, VirialffError
from virialff.labels.merge import merge
from virialff.models import registry
from virialff.settings import (
    ADMINISTRATOR_VARIABLE,
    ASSETS,
    MODELS_VARIABLE,
    NO_LOGIN_VARIABLE,
    READ_ONLY_VARIABLE,
    RUNS_VARIABLE,
    USER_VARIABLE,
)

STORE = ASSETS / "data" / "references.parquet"
USERS = '[users]\n"ada@x.org" = "administrator"\n"Will@x.org" = "worker"\n"rita@x.org" = "reader"\n'


def job_of(runs: Path, owner: str) -> str:
    """The record of an import of this owner that has failed."""
    folder = JobFolder(runs / "commands" / "import-of-labels-1")
    folder.path.mkdir(parents=True, exist_ok=True)
    request = Request(
        purpose=offered.IMPORT,
        subject="a store",
        arguments=("data", "info", "nothing"),
        directory=str(runs),
        submitted=1.0,
        owner=owner,
    )
    folder.write_request(request)
    folder.write_state(State(state="failed", reason="it was made so"))
    return folder.name


def _refused_before_it_begins(act: Callable[[], object]) -> bool:
    """Whether the action is refused for who asks; whatever else is wrong with it comes after that question."""
    try:
        act()
    except (AccessError, ReadOnlyError):
        return True
    except VirialffError:
        return False
    return False


ACTIONS: dict[str, Callable[[Path], object]] = {
    "start a training": lambda folder: offered.train((folder / "recipe.yaml").read_text(), gpus=99),
    "start any command": lambda folder: start_command("p", "s", ["no such command"], gpus=99),
    "start a campaign": lambda folder: offered.label("labels_dft", 10**6),
    "import labels": lambda folder: offered.import_files({"a.sdf": b""}, "x", level="l"),
    "receive a model": lambda folder: offered.receive_model(b"", "x"),
    "make a model": lambda folder: offered.make_model(job_of(folder / "runs", "will@x.org"), "default"),
    "stop a job of his own": lambda folder: stop(job_of(folder / "runs", access.acting_user().name)),
    "stop a job of another": lambda folder: stop(job_of(folder / "runs", "somebody@x.org")),
    "resume a job of another": lambda folder: resume(job_of(folder / "runs", "somebody@x.org")),
    "forget a job of another": lambda folder: forget(job_of(folder / "runs", "somebody@x.org")),
    "merge label stores": lambda folder: merge([folder / "none"], folder / "merged.parquet"),
    "make packs": lambda folder: make_packs([folder / "none"], folder / "packs", seed=1, fractions=(0.8, 0.1, 0.1)),
    "add a model": lambda folder: registry.add(folder / "none"),
    "choose the default model": lambda folder: registry.set_default("none"),
    "remove a model": lambda folder: registry.remove("none"),
}
WHO = {
    "nobody": User("", Role.NOBODY),
    "reader": User("rita@x.org", Role.READER),
    "worker": User("will@x.org", Role.WORKER),
    "administrator": User("ada@x.org", Role.ADMINISTRATOR),
    "owner of the machine": OWNER,
}
FOR_ADMINISTRATORS = {name for name in ACTIONS if "of another" in name} | {
    "choose the default model",
    "remove a model",
}


def may(who: str, action: str) -> bool:
    if who in ("administrator", "owner of the machine"):
        return True
    return who == "worker" and action not in FOR_ADMINISTRATORS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(RUNS_VARIABLE, str(tmp_path / "runs"))
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    # A campaign and an import that are allowed would begin; all processors are taken here.
    monkeypatch.setattr(offered, "start_command", lambda *a, **o: start_command("p", "s", ["none"], gpus=99))
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(small_recipe(STORE, steps=3, validate_every=3)))
    administer(monkeypatch, tmp_path, USERS)
    return tmp_path


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("who", WHO)
def test_each_role_may_what_it_may(folder, monkeypatch, who, action):
    monkeypatch.setattr(access, "_identify", lambda: WHO[who])
    before = sorted(folder.rglob("*"))
    assert _refused_before_it_begins(lambda: ACTIONS[action](folder)) is not may(who, action)
    left = {path.name for path in set(folder.rglob("*")) - set(before)}
    assert may(who, action) or left <= RECORD, left


#: What `job_of` writes.
RECORD = {"runs", "commands", "import-of-labels-1", "job.json", "state.json"}


@pytest.mark.parametrize("action", ACTIONS)
def test_nobody_changes_a_read_only_installation(folder, monkeypatch, action):
    monkeypatch.setenv(READ_ONLY_VARIABLE, "1")
    with pytest.raises(ReadOnlyError, match="unset VIRIALFF_READ_ONLY to allow it"):
        ACTIONS[action](folder)


def test_a_job_works_as_who_started_it(monkeypatch, tmp_path):
    administer(monkeypatch, tmp_path, USERS)
    assert access.user_of_process() == OWNER
    monkeypatch.setenv(USER_VARIABLE, "will@x.org")
    assert access.user_of_process() == User("will@x.org", Role.WORKER)
    with pytest.raises(AccessError, match=r"is for administrators, and will@x\.org is a worker"):
        registry.remove("none")
    # Taken from the list while his job waited.
    administer(monkeypatch, tmp_path, "")
    with pytest.raises(AccessError, match="not among its users"):
        access.require_write_access("A job")


def test_visitors_have_the_role_that_the_file_gives(monkeypatch, tmp_path):
    administer(monkeypatch, tmp_path, USERS)
    assert visitor("10.0.0.7") == User("visitor 10.0.0.7", Role.READER)
    administer(monkeypatch, tmp_path, '[app]\nvisitors = "worker"\n')
    assert role_of(visitor("").name) is Role.WORKER


def test_the_list_knows_small_letters_and_whole_names(monkeypatch, tmp_path):
    administer(monkeypatch, tmp_path, USERS)
    roles = [administration().role_of(name) for name in (" WILL@x.org", "will@x.org.evil", "will", "", "*")]
    assert roles == [Role.WORKER, *[Role.NOBODY] * 4]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[users]\na = 'root'", r"\[users\] a is 'root': it takes reader, worker, administrator"),
        ("[user]\n", r"there is no section \[user\]"),
        ("users = 3", "users is a section"),
        ("[app]\nhost = []", r"\[app\] has no host, only hosts, visitors"),
        ("[app]\nhosts = 'x'", r"\[app\] hosts takes a list"),
        ("[quota]\nhours = -1", r"\[quota\] hours is -1: it takes a number, 0 for no limit"),
        ("[quota]\nhours = true", r"\[quota\] hours is True"),
        ("[folders]\nlabels = ['here']", "must be an absolute path"),
        ("[slurm]\nsetup = 'module load x'", r"\[slurm\] setup takes a list"),
        ("[slurm]\noptions = ['x']", r"\[slurm\] options takes options of sbatch"),
        ("[users", "cannot be read"),
    ],
)
def test_a_wrong_file_is_said(monkeypatch, tmp_path, text, sentence):
    administer(monkeypatch, tmp_path, text)
    with pytest.raises(ConfigError, match=f"settings.toml.*{sentence}"):
        administration()
    with pytest.raises(ConfigError):
        way_in("127.0.0.1")


def test_a_file_that_is_named_and_missing_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv(ADMINISTRATOR_VARIABLE, str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read"):
        administration()
    monkeypatch.delenv(ADMINISTRATOR_VARIABLE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert administration() == Administration()


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "127.9.9.9"])
def test_addresses_of_this_machine(address):
    assert is_this_machine(address)


@pytest.mark.parametrize("address", [None, "", "0.0.0.0", "::", "10.0.0.1", "example.org", "127.0.0.1.example.org"])
def test_addresses_that_others_reach(address):
    assert not is_this_machine(address)


def test_the_way_in(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("virialff.settings.CHECKOUT", tmp_path)
    administer(monkeypatch, tmp_path)
    assert (way_in("127.0.0.1"), way_in("0.0.0.0"), way_in(None)) == ("local", "closed", "closed")
    administer(monkeypatch, tmp_path, '[app]\nhosts = ["virialff.example.org"]\n')
    assert way_in("127.0.0.1") == "closed", "a proxy stands before it"
    monkeypatch.setenv(NO_LOGIN_VARIABLE, "1")
    assert (way_in("127.0.0.1"), way_in(None)) == ("open", "open")
    secrets = tmp_path / ".streamlit" / "secrets.toml"
    secrets.parent.mkdir()
    secrets.write_text("[auth]\n")
    assert (way_in("127.0.0.1"), way_in("0.0.0.0")) == ("login", "login")
    secrets.write_text("[auth")
    with pytest.raises(ConfigError, match=r"secrets\.toml cannot be read"):
        way_in("127.0.0.1")


def test_a_run_of_the_machines_owner_is_not_gone_on_with(folder, monkeypatch):
    monkeypatch.setattr(access, "_identify", lambda: WHO["worker"])
    (folder / "runs" / "tiny").mkdir(parents=True)
    with pytest.raises(AccessError, match="Going on with a run of another user is for administrators"):
        start_command("training", str(folder / "runs" / "tiny"), ["train"])
    with pytest.raises(JobError, match="There is no job"):
        stop("none")
