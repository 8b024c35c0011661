"""The read-only switch."""

import pytest

from virialff.errors import ReadOnlyError
from virialff.settings import READ_ONLY_VARIABLE, is_read_only, require_write_access


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
