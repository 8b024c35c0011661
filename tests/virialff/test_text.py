"""Counts and numbers as they are written for people."""

import pytest

from virialff.text import counted, fixed


@pytest.mark.parametrize(
    ("n", "text"), [(0, "0 molecules"), (1, "1 molecule"), (2, "2 molecules"), (1234567, "1,234,567 molecules")]
)
def test_counts(n, text):
    assert counted(n, "molecule") == text


def test_another_plural():
    assert [counted(n, "geometry", "geometries") for n in (1, 2)] == ["1 geometry", "2 geometries"]


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0.0, 4, "0.0000"),
        (-0.0, 2, "0.00"),
        (-0.004, 2, "0.00"),
        (0.004, 2, "0.00"),
        (-0.006, 2, "-0.01"),
        (-12.5, 0, "-12"),
        (float("nan"), 2, "nan"),
    ],
)
def test_zero_has_no_sign(value, decimals, text):
    assert fixed(value, decimals) == text
    assert fixed(value, decimals, sign=True) == (f"+{text}" if value > 0 and text.strip("0.") else text)
