"""Checkpoints: what is saved comes back, and what is damaged or foreign is refused with the reason."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.small_network import SMALL_CARD
from virialff.documents import read_object
from virialff.errors import CheckpointError
from virialff.models.checkpoint import (
    MEMBER_FILES,
    Member,
    load_checkpoint,
    load_members,
    save_checkpoint,
    sha256_of,
)
from virialff.networks.baseline import N_FEATURES, Baseline
from virialff.networks.config import NetworkConfig
from virialff.networks.force_field import ForceFieldNetwork

CONFIG = NetworkConfig(hidden_size=8, charge_width=8, pair_width=8, symmetric_pairs=True, gaussian_widths=(0.3, 1.5))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    network = ForceFieldNetwork(CONFIG)
    baseline = Baseline(torch.randn(N_FEATURES, dtype=torch.float64), torch.ones(N_FEATURES, dtype=torch.bool))
    save_checkpoint(tmp_path / "model", network, baseline, SMALL_CARD)
    torch.save((network.state_dict(), baseline), tmp_path / "original.pt")
    return tmp_path / "model"


def test_parameters_baseline_and_card_come_back(saved):
    state, baseline = torch.load(saved.parent / "original.pt", weights_only=False)
    checkpoint = load_checkpoint(saved)
    assert checkpoint.network.config == CONFIG
    for name, value in checkpoint.network.state_dict().items():
        assert value.dtype == torch.float64
        torch.testing.assert_close(value, state[name].double())
    assert torch.equal(checkpoint.baseline.weights, baseline.weights)
    assert checkpoint.card["level_of_theory"] == "the level_of_theory"
    assert checkpoint.card["sha256"] == sha256_of(saved / "model.safetensors")


def test_whoever_may_read_the_card_may_read_the_parameters(saved):
    modes = {file.name: file.stat().st_mode for file in saved.iterdir()}
    assert modes["model.safetensors"] == modes["card.json"]


def flip_a_byte(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-5] ^= 0xFF
    (folder / "model.safetensors").write_bytes(content)


def truncate(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    rewrite_sha256(folder)


def replace_by_foreign_file(folder: Path) -> None:
    save_file({"weight": torch.zeros(3)}, folder / "model.safetensors", {"format": "pt"})
    rewrite_sha256(folder)


def replace_by_pickle(folder: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, folder / "model.safetensors")
    rewrite_sha256(folder)


def drop_card_key(folder: Path) -> None:
    card = read_object(folder / "card.json")
    del card["level_of_theory"]
    (folder / "card.json").write_text(json.dumps(card))


def rewrite_sha256(folder: Path) -> None:
    card = read_object(folder / "card.json")
    card["sha256"] = sha256_of(folder / "model.safetensors")
    (folder / "card.json").write_text(json.dumps(card))


def other_network(folder: Path) -> None:
    checkpoint = load_checkpoint(folder)
    tensors = {f"network.{k}": v.float().contiguous() for k, v in checkpoint.network.state_dict().items()}
    tensors.pop("network.pairs.first.weight")
    metadata = {"format": "virialff force field", "format_version": "1", "network": json.dumps(CONFIG.to_dict())}
    save_file(tensors, folder / "model.safetensors", metadata)
    rewrite_sha256(folder)


def newer_format(folder: Path) -> None:
    metadata = {"format": "virialff force field", "format_version": "99", "network": "{}"}
    save_file({"weight": torch.zeros(3)}, folder / "model.safetensors", metadata)
    rewrite_sha256(folder)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip_a_byte, "damaged or not the file its card describes"),
        (truncate, "is not a safetensors file"),
        (replace_by_foreign_file, "tensors of another program"),
        (replace_by_pickle, "is not a safetensors file"),
        (drop_card_key, "lacks level_of_theory"),
        (other_network, r"does not fit the network it describes"),
        (newer_format, "format version 99"),
        (lambda folder: (folder / "card.json").write_text("{"), "cannot be read as a model card"),
        (lambda folder: (folder / "card.json").unlink(), r"has no card\.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"has no model\.safetensors"),
    ],
)
def test_a_bad_checkpoint_is_refused_with_the_reason(saved, damage, reason):
    damage(saved)
    with pytest.raises(CheckpointError, match=reason):
        load_checkpoint(saved)


def test_a_card_without_its_keys_is_not_saved(tmp_path):
    baseline = Baseline(torch.zeros(N_FEATURES, dtype=torch.float64), torch.zeros(N_FEATURES, dtype=torch.bool))
    with pytest.raises(CheckpointError, match="lacks name"):
        save_checkpoint(tmp_path, ForceFieldNetwork(CONFIG), baseline, {})


def some_baseline() -> Baseline:
    return Baseline(torch.randn(N_FEATURES, dtype=torch.float64), torch.ones(N_FEATURES, dtype=torch.bool))


def save_with(folder: Path, *members: Member) -> None:
    save_checkpoint(folder, ForceFieldNetwork(CONFIG), some_baseline(), SMALL_CARD, members)


def test_members_come_back_in_their_order(tmp_path):
    networks = [ForceFieldNetwork(CONFIG), ForceFieldNetwork(CONFIG)]
    baselines = [some_baseline(), some_baseline()]
    origins = [{"name": "second"}, {"name": "third"}]
    save_with(tmp_path, *map(Member, networks, baselines, origins))
    card = load_checkpoint(tmp_path).card
    assert [entry["name"] for entry in card["members"]] == ["second", "third"]
    members = load_members(tmp_path, card, CONFIG)
    for member, network, baseline in zip(members, networks, baselines, strict=True):
        torch.testing.assert_close(member.baseline.weights, baseline.weights)
        for name, value in member.network.state_dict().items():
            torch.testing.assert_close(value, network.state_dict()[name].double())

    save_with(tmp_path, Member(networks[0], baselines[0]))
    card = load_checkpoint(tmp_path).card
    assert len(load_members(tmp_path, card, CONFIG)) == 1
    assert not (tmp_path / MEMBER_FILES[1]).exists()


def test_members_of_another_network_are_not_saved(tmp_path):
    other = ForceFieldNetwork(NetworkConfig(hidden_size=8, charge_width=9, pair_width=8))
    with pytest.raises(CheckpointError, match="member 1 has another network than the model"):
        save_with(tmp_path, Member(other, some_baseline()))
    assert not list(tmp_path.iterdir())
    mine = Member(ForceFieldNetwork(CONFIG), some_baseline())
    with pytest.raises(CheckpointError, match="at most 9 further members and 10 were given"):
        save_with(tmp_path, *[mine] * 10)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ("two", "does not list the members"),
        ([{"file": "member-1.safetensors"}], "does not describe member-1"),
        ([{"file": "../model.safetensors", "sha256": ""}], "does not describe member-1"),
        ([{"file": "member-1.safetensors", "sha256": "0"}], "member-1.safetensors is damaged or not the file"),
        ([{"file": "member-1.safetensors", "sha256": "0"}] * 10, "does not list the members"),
    ],
)
def test_a_card_that_does_not_describe_its_members_is_refused(tmp_path, members, reason):
    save_with(tmp_path, Member(ForceFieldNetwork(CONFIG), some_baseline()))
    card = load_checkpoint(tmp_path).card | {"members": members}
    with pytest.raises(CheckpointError, match=reason):
        load_members(tmp_path, card, CONFIG)
