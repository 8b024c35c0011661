"""How counts and numbers are written for people, the same in commands, pages and files."""

from __future__ import annotations

import math
import re

# Escape sequences of terminals begin with one of the first two groups; the third turns the direction of what follows.
_COMMANDS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|(?<!^)\r(?!\n)"
)
#: Spreadsheets take a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def counted(n: int, noun: str, plural: str | None = None) -> str:
    """ "1 conformer", "2 conformers", "1,200 molecules".

    Parameters
    ----------
    n : int
        How many.
    noun : str
        In the singular.
    plural : str, optional
        Where it does not end in s: "geometries".

    Returns
    -------
    str
        The number, with commas between thousands, and the noun that goes with it.
    """
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"


def shortened(text: str, most: int = 60) -> str:
    """Text that may be long, for a sentence: at most so many characters, dots for what is cut off."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def without_control(text: str, instead: str = "\N{REPLACEMENT CHARACTER}") -> str:
    """Text with a mark in the place of each character that cannot be shown, such as those that parsers quote."""
    return "".join(mark if mark.isprintable() else instead for mark in text)


def reason_of(error: BaseException) -> str:
    """What an error of another library says, in one line that fits into a sentence; its kind where it says nothing."""
    lines = str(error).splitlines()
    words = without_control(lines[0], " ").strip() if lines else ""
    return shortened(words.rstrip("."), 200) or type(error).__name__


def fixed(value: float, decimals: int, *, sign: bool = False) -> str:
    """A number with so many decimals, with its sign where wanted; what rounds to zero has none.

    Parameters
    ----------
    value : float
        Any number; NaN is "nan".
    decimals : int
        Digits after the point.
    sign : bool
        Write + too.

    Returns
    -------
    str
        "-1.20", "+0.31", and "0.00" for -0.004.
    """
    text = f"{value:{'+' if sign and not math.isnan(value) else ''}.{decimals}f}"
    return text.lstrip("+-") if not text.strip("+-0.") else text


def printable(text: str) -> str:
    """Text for a terminal: what would be a command to it is written as in JSON ("\\u001b"), so that JSON stays JSON.

    Ends of lines, tabs and a carriage return at the beginning stay.
    """
    return _COMMANDS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def cell(value: object) -> object:
    """A value as a table has it that a spreadsheet may open: text that looks like a formula gets an apostrophe.

    Numbers, also as text, and everything else stay. `cell_text` takes the apostrophe away again.
    """
    if not isinstance(value, str) or not value.startswith(_FORMULA) or value in _FORMULA:
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def cell_text(text: str) -> str:
    """The text that `cell` wrote."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text
