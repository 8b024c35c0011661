"""How counts and numbers are written for people, the same in commands, pages and files."""

from __future__ import annotations

import math


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


def reason_of(error: BaseException) -> str:
    """What an error of another library says, in one line that fits into a sentence; its kind where it says nothing."""
    lines = str(error).splitlines()
    # Parsers quote the bytes that they stumble over.
    words = "".join(mark if mark.isprintable() else " " for mark in lines[0]).strip() if lines else ""
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
