"""How counts and numbers are written for people, the same in commands, pages and files."""

from __future__ import annotations

import math
import re

# What may be a command to a terminal, turn the direction of what follows, or not be seen at all.
_UNUSUAL = re.compile("[^ -~\n\t\r]|(?<!^)\r(?!\n)")
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
    """Text for a terminal: what it does not show is written as in JSON ("\\u001b"), so that JSON stays JSON.

    Ends of lines, tabs and a carriage return at the beginning stay.
    """
    return _UNUSUAL.sub(lambda match: match[0] if match[0].isprintable() else _as_json(match[0]), text)


def _as_json(mark: str) -> str:
    units = mark.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[k : k + 2].hex()}" for k in range(0, len(units), 2))


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
