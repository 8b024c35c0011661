"""A model from elsewhere for tests of the registry: a copy of a shipped one under another name."""

from __future__ import annotations

import copy
import io
import json
import shutil
import zipfile
from pathlib import Path

import torch

from virialff.documents import read_object
from virialff.models.checkpoint import Member, load_checkpoint, save_checkpoint
from virialff.models.intervals import FEATURES, parameter_hashes
from virialff.settings import ASSETS

FILES = ("card.json", "model.safetensors")


def make_model(folder: Path) -> Path:
    """A model folder of two files whose card calls it `mine`."""
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(ASSETS / "models" / "foundation-gfn2" / name, folder)
    card = read_object(folder / "card.json")
    card.pop("members", None)
    (folder / "card.json").write_text(json.dumps(card | {"name": "mine"}))
    return folder


def make_ensemble(folder: Path, n_members: int = 2, *, noise: float = 0.02) -> Path:
    """The same model with further members: its own parameters with random relative changes of the size `noise`."""
    source = load_checkpoint(ASSETS / "models" / "foundation-gfn2")
    generator = torch.Generator().manual_seed(5)
    members = []
    for number in range(n_members):
        network = copy.deepcopy(source.network)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1 + noise * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
        members.append(Member(network.float(), source.baseline, {"name": f"other {number + 1}"}))
    card = {name: value for name, value in source.card.items() if name != "sha256"} | {"name": "mine"}
    save_checkpoint(folder, source.network.float(), source.baseline, card, members)
    return folder


def change_card(folder: Path, **values: object) -> None:
    card = read_object(folder / "card.json")
    (folder / "card.json").write_text(json.dumps(card | values))


def calibrated(folder: Path, **quantities: dict[str, float]) -> Path:
    """The model folder with intervals by quantity: coefficients of `intervals.FEATURES`, factors 1, 2 and 3."""
    card = read_object(folder / "card.json")
    entries = {
        name: {
            "coefficients": dict.fromkeys(FEATURES, 0.0) | coefficients,
            "factors": {"68": 1.0, "90": 2.0, "95": 3.0},
            "against": "GFN2-xTB",
        }
        for name, coefficients in quantities.items()
    }
    change_card(folder, intervals={"sha256": parameter_hashes(card), "quantities": entries})
    return folder


def packed(folder: Path, *, prefix: str = "", extra: tuple[tuple[str, bytes], ...] = ()) -> io.BytesIO:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (*FILES, *sorted(path.name for path in folder.glob("member-*"))):
            archive.write(folder / name, prefix + name)
        for name, content in extra:
            archive.writestr(name, content)
    data.seek(0)
    return data


def flip_a_byte(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-5] ^= 0xFF
    (folder / "model.safetensors").write_bytes(content)
