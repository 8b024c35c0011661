"""Environment variables: read in one room, documented, and the read-only switch."""

import re
from pathlib import Path

import pytest

from virialff import settings
from virialff.access import require_write_access
from virialff.errors import ConfigError, ReadOnlyError
from virialff.settings import JOBS_PER_GPU_VARIABLE, READ_ONLY_VARIABLE, is_read_only

ROOT = Path(__file__).resolve().parents[2]
_NAME = re.compile(r"[\"'](VIRIALFF_\w+)[\"']")


def test_only_the_settings_name_variables():
    files = [path for folder in ("virialff", "training", "pages") for path in (ROOT / folder).rglob("*.py")]
    naming = {str(path.relative_to(ROOT)) for path in files if _NAME.search(path.read_text(encoding="utf-8"))}
    assert naming == {"virialff/settings.py"}


def test_every_variable_is_documented():
    names = set(_NAME.findall(Path(settings.__file__).read_text(encoding="utf-8")))
    documented = re.findall(r"^\| `(VIRIALFF_\w+)`", (ROOT / "docs/settings.md").read_text(encoding="utf-8"), re.M)
    assert set(documented) == names
    assert len(documented) == len(names)


@pytest.mark.parametrize("text", ["0", "-1", "two"])
def test_a_share_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv(JOBS_PER_GPU_VARIABLE, text)
    with pytest.raises(ConfigError, match=f"^{JOBS_PER_GPU_VARIABLE} is '{text}'"):
        settings.jobs_per_gpu()


@pytest.mark.parametrize("value", [None, "", "0"])
def test_off_by_default(monkeypatch, value):
    monkeypatch.delenv(READ_ONLY_VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(READ_ONLY_VARIABLE, value)
    assert not is_read_only()
    require_write_access("Removing a model")


@pytest.mark.parametrize("value", ["1", "yes"])
def test_it_refuses_by_a_sentence(monkeypatch, value):
    monkeypatch.setenv(READ_ONLY_VARIABLE, value)
    with pytest.raises(ReadOnlyError, match=r"^Removing a model is refused .* unset VIRIALFF_READ_ONLY to allow it\.$"):
        require_write_access("Removing a model")
