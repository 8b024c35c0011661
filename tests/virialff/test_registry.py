"""Models by name: what is added, chosen and removed, what is refused, and that a half model never shows."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import virialff
from tests.small_network import SMALL_NETWORK
from virialff import registry
from virialff.checkpoint import sha256_of
from virialff.cli import main
from virialff.errors import CheckpointError, ReadOnlyError, RegistryError
from virialff.forcefield import available_models, load_model
from virialff.paths import ASSETS
from virialff.received_model import MAX_BYTES, MAX_ENTRIES

ROOT = Path(virialff.__file__).resolve().parent.parent
FILES = ("card.json", "model.safetensors")


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch) -> Path:
    """An empty folder of models, not made yet."""
    folder: Path = tmp_path / "share" / "models"
    monkeypatch.setenv(registry.FOLDER_VARIABLE, str(folder))
    return folder


@pytest.fixture
def model(tmp_path) -> Path:
    """A model folder from elsewhere: a copy of the shipped one under another name."""
    folder: Path = tmp_path / "elsewhere" / "received"
    shutil.copytree(ASSETS / "models" / "default", folder)
    change_card(folder, name="mine")
    return folder


def change_card(folder: Path, **values: object) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | values))


def packed(folder: Path, *, prefix: str = "", extra: tuple[tuple[str, bytes], ...] = ()) -> io.BytesIO:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in FILES:
            archive.write(folder / name, prefix + name)
        for name, content in extra:
            archive.writestr(name, content)
    data.seek(0)
    return data


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
    assert available_models() == [entry.name for entry in registry.registered_models()]
    shutil.rmtree(model)
    assert load_model("mine").name == "mine"
    assert left_over(models) == []


def test_the_choice_changes_only_what_names_no_model(model):
    registry.add(model, "other")
    assert registry.set_default("other").default
    assert registry.default_name() == "other"
    assert load_model().name == "mine"
    assert load_model("default").name != "mine"
    assert [entry.name for entry in registry.registered_models() if entry.default] == ["other"]
    with pytest.raises(RegistryError, match="is used where none is named; choose another"):
        registry.remove("other")
    registry.set_default("default")
    registry.remove("other")
    assert "other" not in available_models()
    with pytest.raises(CheckpointError, match=r"there is no model 'other'; `virialff models list` .*default"):
        load_model("other")


@pytest.mark.parametrize("prefix", ["", "a folder/", "deep/er/"])
def test_a_zip_is_added_whatever_folder_is_in_it(model, prefix):
    added = registry.add(packed(model, prefix=prefix, extra=(("__MACOSX/._card.json", b""), ("notes.txt", b"hello"))))
    assert sorted(file.name for file in added.folder.iterdir()) == sorted(FILES)
    assert load_model("mine").sha256 == load_model("default").sha256


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
    assert load_model("received").name == "later", "a name comes before a folder of the working directory"
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
    monkeypatch.delenv(registry.FOLDER_VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert registry.models_folder() == tmp_path / ".local/share/virialff/models"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert registry.models_folder() == tmp_path / "data/virialff/models"


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
    with pytest.raises(RegistryError, match=r"calls itself 'no name at all'; give it another name by --name"):
        registry.add(model)
    assert left_over(models) == []


def flip_a_byte(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-5] ^= 0xFF
    (folder / "model.safetensors").write_bytes(content)


def cut_off(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    change_card(folder, sha256=sha256_of(file))


def foreign(folder: Path) -> None:
    save_file({"weight": torch.zeros(3)}, folder / "model.safetensors", {"format": "pt"})
    change_card(folder, sha256=sha256_of(folder / "model.safetensors"))


def pickled(folder: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, folder / "model.safetensors")
    change_card(folder, sha256=sha256_of(folder / "model.safetensors"))


def not_finite(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    next(value for name, value in tensors.items() if name.startswith("network.charges.")).fill_(float("nan"))
    save_with_own_metadata(folder, tensors)


def save_with_own_metadata(folder: Path, tensors: dict[str, torch.Tensor], **changed: str) -> None:
    file = folder / "model.safetensors"
    with safe_open(file, framework="pt") as reader:
        metadata = dict(reader.metadata())
    save_file(tensors, file, metadata | changed)
    change_card(folder, sha256=sha256_of(file))


def other_network(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    save_with_own_metadata(folder, tensors, network=json.dumps(SMALL_NETWORK.to_dict()))


def endless_network(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    huge = SMALL_NETWORK.to_dict() | {"message_steps": 10**12}
    save_with_own_metadata(folder, tensors, network=json.dumps(huge))


def newer_parameters(folder: Path) -> None:
    save_with_own_metadata(folder, load_file(folder / "model.safetensors"), format_version="99")


def without_key(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    del card["split"]
    (folder / "card.json").write_text(json.dumps(card))


def without_atomic_energy(folder: Path) -> None:
    energies = json.loads((folder / "card.json").read_text())["atomic_energies_kcal_mol"]
    change_card(folder, atomic_energies_kcal_mol=energies | {"Br": float("nan")})


REFUSED = {
    "a flipped byte": (flip_a_byte, "is damaged or not the file its card describes"),
    "wrong sha256": (lambda folder: change_card(folder, sha256="0" * 64), "is damaged or not the file its card"),
    "cut off": (cut_off, "is not a safetensors file"),
    "foreign tensors": (foreign, "holds tensors of another program"),
    "a pickle": (pickled, "is not a safetensors file"),
    "not finite": (not_finite, "gives no finite energy, forces and charges for H2; train it again"),
    "another network": (other_network, "does not fit the network it describes"),
    "an endless network": (endless_network, "message_steps is 1000000000000"),
    "newer parameters": (newer_parameters, "format version 99 and this program reads 1; update virialff"),
    "a newer card": (lambda folder: change_card(folder, schema=2), "a model card of version 2 .*; update virialff"),
    "a card without a key": (without_key, "lacks split"),
    "a card that is a list": (lambda folder: (folder / "card.json").write_text("[]"), "lacks name, "),
    "a deep card": (lambda folder: (folder / "card.json").write_text("[" * 100_000), "cannot be read as a model card"),
    "a foreign element": (lambda folder: change_card(folder, elements=["H", "C", "Si"]), "names 'Si'"),
    "elements as text": (lambda folder: change_card(folder, elements="HCNO"), "does not list its elements"),
    "no hydrogen": (lambda folder: change_card(folder, elements=["C"]), "leaves out hydrogen"),
    "no atomic energy": (without_atomic_energy, "no finite atomic energy of Br"),
    "no level": (lambda folder: change_card(folder, level_of_theory=None), "no text under level_of_theory"),
    "no card": (lambda folder: (folder / "card.json").unlink(), r"has no (file )?card\.json"),
    "no parameters": (lambda folder: (folder / "model.safetensors").unlink(), r"has no (file )?model\.safetensors"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_ours_and_whole_is_refused(model, models, case):
    damage, reason = REFUSED[case]
    damage(model)
    with pytest.raises(CheckpointError, match=reason) as caught:
        registry.add(model, "new")
    assert str(model) in str(caught.value), "the message names what the user gave"
    assert ".partial" not in str(caught.value)
    assert list(models.iterdir()) == []


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("../card.json", "leads outside it"),
        ("model/../../card.json", "leads outside it"),
        ("/etc/card.json", "leads outside it"),
        ("..\\card.json", "leads outside it"),
        ("C:card.json", "leads outside it"),
        ("again/card.json", r"has 2 files card\.json"),
    ],
)
def test_a_zip_with_tricks_is_refused_and_nothing_is_written_outside(model, models, tmp_path, entry, reason):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CheckpointError, match=reason):
        registry.add(packed(model, extra=((entry, b"{}"),)), "new")
    after = sorted(path for path in tmp_path.rglob("*") if path not in (models, models.parent))
    assert after == before


def test_links_in_a_zip_are_refused(model):
    link = zipfile.ZipInfo("linked")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    data = packed(model)
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(CheckpointError, match="has a link in it"):
        registry.add(data, "new")


def test_sizes_are_limited(model, models, monkeypatch):
    monkeypatch.setitem(MAX_BYTES, "model.safetensors", 2**20)
    (model / "model.safetensors").write_bytes(bytes(2**20 + 1))
    for source in (model, packed(model)):
        with pytest.raises(CheckpointError, match=r"model\.safetensors in .* is larger than 1 MB"):
            registry.add(source, "new")
    crowd = tuple((f"{number}.txt", b"") for number in range(MAX_ENTRIES))
    with pytest.raises(CheckpointError, match="has 1,002 entries"):
        registry.add(packed(model, extra=crowd), "new")
    assert list(models.iterdir()) == []


def test_what_is_no_zip_is_refused(model, tmp_path):
    whole = packed(model).getvalue()
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 0xFF
    for content in (b"", b"hello", whole[: len(whole) // 2], bytes(broken)):
        with pytest.raises(CheckpointError, match=r"neither a model folder nor a \.zip of one that can be read"):
            registry.add(io.BytesIO(content), "new")
    with pytest.raises(CheckpointError, match=r"has no file card\.json"):
        registry.add(packed_state(tmp_path), "new")
    with pytest.raises(CheckpointError, match=r"there is no .*nowhere; give a model folder, or a \.zip"):
        registry.add(tmp_path / "nowhere", "new")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"is a training run, not a model; `virialff ship "):
        registry.add(tmp_path / "run", "new")


def packed_state(folder: Path) -> Path:
    """A file of torch.save, which is a .zip too."""
    torch.save({"weight": torch.zeros(3)}, folder / "state.pt")
    return folder / "state.pt"


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
    monkeypatch.setenv(registry.FOLDER_VARIABLE, str(read_only_folder))
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
from virialff import registry, received_model
from virialff.errors import RegistryError
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
    assert load_model("same").name == "mine"
    assert left_over(models) == []


def test_what_a_killed_process_left_is_no_model_and_goes(model, models):
    old, young = models / ".partial-old", models / ".partial-young"
    for folder in (old, young):
        shutil.copytree(model, folder / "model")
    os.utime(old, (0, 0))
    assert not any("partial" in name for name in available_models())
    registry.add(model)
    assert not old.exists()
    assert young.exists(), "it may be of a process that still works"


# --- the command ---


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["models", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_command_from_adding_to_removing(model, models, capsys):
    code, out, err = run(capsys, "add", model, "--default", "--json")
    facts = json.loads(out)
    assert (code, err) == (0, "")
    assert (facts["name"], facts["default"], facts["shipped"]) == ("mine", True, False)
    assert facts["folder"] == str(models / "mine")
    _, out, _ = run(capsys, "list", "--json")
    assert {entry["name"]: entry["default"] for entry in json.loads(out)}["default"] is False
    _, out, _ = run(capsys, "list")
    assert f"* mine: {facts['level_of_theory']}, sha256 {facts['sha256'][:12]}\n" in out
    assert str(models) in out
    assert run(capsys, "default")[1].startswith("mine: ")
    assert run(capsys, "default", "default")[0] == 0
    assert run(capsys, "remove", "mine", "--json") == (0, '{"removed": "mine"}\n', "")
    code, out, err = run(capsys, "remove", "mine")
    assert (code, out) == (4, "")
    assert err == "virialff: there is no model 'mine' to remove; `virialff models list` shows yours\n"


def test_a_model_damaged_later_is_listed_with_the_reason(model, models, capsys):
    registry.add(model)
    flip_a_byte(models / "mine")
    code, out, _ = run(capsys, "list")
    assert code == 1
    assert "  mine: not usable: " in out
    assert "is damaged or not the file its card describes" in out
    code, out, err = run(capsys, "default", "mine")
    assert (code, out) == (4, "")
    assert "is damaged" in err
    assert load_model().name != "mine"
