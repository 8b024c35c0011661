"""A model from elsewhere for tests of the registry: a copy of the shipped one under another name."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from pathlib import Path

from virialff.paths import ASSETS

FILES = ("card.json", "model.safetensors")


def make_model(folder: Path) -> Path:
    """A model folder whose card calls it `mine`."""
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


def flip_a_byte(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-5] ^= 0xFF
    (folder / "model.safetensors").write_bytes(content)
