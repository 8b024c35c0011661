"""The administrator's settings of a test."""

import json
from pathlib import Path

import pytest

from virialff.settings import ADMINISTRATOR_VARIABLE


def administer(patch: pytest.MonkeyPatch, folder: Path, text: str = "", **folders: Path) -> None:
    """From now on this text is the settings file, with each of `folders` (labels, campaigns, qmugs) in [folders]."""
    lines = [f"{name} = [{json.dumps(str(path))}]" for name, path in folders.items()]
    file = folder / "settings.toml"
    file.write_text("\n".join([*(["[folders]", *lines] if lines else []), text, ""]), encoding="utf-8")
    patch.setenv(ADMINISTRATOR_VARIABLE, str(file))
