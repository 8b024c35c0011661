"""Counts and numbers as they are written for people."""

import json

import pytest

from virialff.text import cell, cell_text, counted, fixed, printable


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


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[2Jx",
        "\x9b31m",
        "a\x07",
        "\u202eabc",
        "x\ry",
        "\x08\x08",
        "a\u2028b",
        "\x1b]8;;http://x\x1b\\",
        "\x00",
        "a\u200bb",
        "\ud800x",
        "\U000e0001",
    ],
)
def test_commands_to_a_terminal_are_written_out(text):
    shown = printable(text)
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert json.loads(printable(json.dumps(text, ensure_ascii=False))) == text


def test_ordinary_text_stays_for_terminals():
    text = "Å µ 分子 ±1\tx\r\ny\n"
    assert printable(text) == text
    assert printable("\r3 of 4") == "\r3 of 4"


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "@SUM(A1)", "+1+2", "-2+3", "\tx", "\rx", "=1"])
def test_formulas_are_text_in_tables(text):
    assert cell(text) == f"'{text}"
    assert cell_text(str(cell(text))) == text


@pytest.mark.parametrize("value", ["-1.5", "+3e4", "-", "", "CCO", "'=x'", 3, -2.5, None, "-inf"])
def test_numbers_and_other_text_stay_in_tables(value):
    assert cell(value) == value
