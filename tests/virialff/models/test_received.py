"""A model from elsewhere: what is not ours and whole is refused with the reason, and leaves nothing behind."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.small_network import SMALL_NETWORK
from tests.virialff.sample_models import change_card, flip_a_byte, make_ensemble, packed
from virialff.documents import read_object
from virialff.errors import CheckpointError
from virialff.models import registry
from virialff.models.checkpoint import sha256_of
from virialff.models.received import MAX_BYTES, MAX_ENTRIES
from virialff.models.registry import load_model

pytestmark = pytest.mark.usefixtures("models")


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
    card = read_object(folder / "card.json")
    del card["split"]
    (folder / "card.json").write_text(json.dumps(card))


def with_atomic_energy(folder: Path, value: float | None) -> None:
    energies = read_object(folder / "card.json")["atomic_energies_kcal_mol"]
    change_card(folder, atomic_energies_kcal_mol=energies | {"Br": value})


REFUSED = {
    "a flipped byte": (flip_a_byte, "is damaged or not the file its card describes"),
    "wrong sha256": (lambda folder: change_card(folder, sha256="0" * 64), "is damaged or not the file its card"),
    "cut off": (cut_off, "is not a safetensors file"),
    "foreign tensors": (foreign, "holds tensors of another program"),
    "a pickle": (pickled, "is not a safetensors file"),
    "not finite": (
        not_finite,
        r"whole but of no use: its weights charges\S+ are not finite numbers; train the model again",
    ),
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
    "no atomic energy": (lambda folder: with_atomic_energy(folder, None), "no finite atomic energy of Br"),
    "an energy that is none": (
        lambda folder: with_atomic_energy(folder, float("nan")),
        "no finite atomic energy of Br",
    ),
    "an endless energy": (lambda folder: with_atomic_energy(folder, 1e300), "no finite atomic energy of Br"),
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


# --- further members ---


@pytest.fixture
def ensemble(tmp_path) -> Path:
    return make_ensemble(tmp_path / "elsewhere" / "ensemble")


@pytest.mark.parametrize("zipped", [False, True])
def test_members_are_received_with_the_model(ensemble, zipped):
    added = registry.add(packed(ensemble) if zipped else ensemble, "new")
    assert [part.name for part in sorted(added.folder.iterdir())] == [
        "card.json",
        "member-1.safetensors",
        "member-2.safetensors",
        "model.safetensors",
    ]
    assert len(load_model("new").members) == 2


def damaged_member(folder: Path) -> None:
    content = bytearray((folder / "member-2.safetensors").read_bytes())
    content[-5] ^= 0xFF
    (folder / "member-2.safetensors").write_bytes(content)


def member_that_is_not_finite(folder: Path) -> None:
    file = folder / "member-1.safetensors"
    tensors = load_file(file)
    next(value for name, value in tensors.items() if name.startswith("network.charges.")).fill_(float("nan"))
    with safe_open(file, framework="pt") as reader:
        metadata = reader.metadata()
    save_file(tensors, file, metadata)
    listed = read_object(folder / "card.json")["members"]
    change_card(folder, members=[listed[0] | {"sha256": sha256_of(file)}, listed[1]])


def forget_a_member(folder: Path) -> None:
    change_card(folder, members=read_object(folder / "card.json")["members"][:1])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (damaged_member, r"member-2\.safetensors is damaged"),
        (member_that_is_not_finite, r"member-1\.safetensors is whole but of no use: its weights charges"),
        (forget_a_member, "has other members than its card lists"),
        (lambda folder: (folder / "member-1.safetensors").unlink(), r"has no member-1\.safetensors"),
        (lambda folder: change_card(folder, members="many"), "does not list the members"),
    ],
)
def test_members_are_checked_as_the_model_is(ensemble, models, damage, reason):
    damage(ensemble)
    with pytest.raises(CheckpointError, match=reason):
        registry.add(ensemble, "new")
    assert list(models.iterdir()) == []
