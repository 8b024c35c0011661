"""Inputs made by altering others: bytes, lines, numbers and words; trees of YAML and JSON; what wraps a file."""

from __future__ import annotations

import copy
import gzip
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import yaml
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

#: No input is longer: what a size alone does is measured by tests of the limits.
MOST_BYTES = 200_000
NUMBERS = (
    *("0", "-1", "1", "2", "3", "7", "13", "100", "255", "256", "300", "301", "999", "1000", "65536", "2147483648"),
    *("-2147483649", "9223372036854775808", "18446744073709551616", "1e5", "1e-320", "1e160", "1e308", "1e309"),
    *("-1e309", "nan", "NaN", "inf", "-inf", "0x10", "1_000", "٣", "１", "1.", ".5", "--1", "1,5", "1d3", "*****", ""),
)
WORDS = (
    *("\0", "\t", "\r", "\x0b", "\x0c", "\x1b[31m", "\x1b]0;x\x07", "\x85", "\u2028", "\u202e", "\ufeff", "\u200b"),
    *(
        "😀",
        "é",
        "ﬁ",
        "𝐂",
        "ſ",
        "İ",
        "\ud7ff",
        "'",
        '"',
        "`",
        "\\",
        "/",
        "../",
        "/dev/zero",
        "/etc/passwd",
        "~",
        "$HOME",
    ),
    *(
        "%s",
        "%n",
        "{}",
        "{0}",
        "{{",
        "}}",
        "<script>alert(1)</script>",
        "![x](http://x.test/a.png)",
        "=cmd|' /C calc'!A0",
    ),
    *(
        "[",
        "]",
        "(",
        ")",
        "*",
        "#",
        "&a [*a]",
        "*a",
        "!!python/object:os.system x",
        "!!int x",
        "2020-13-45",
        "---",
        "...",
    ),
    *(
        "null",
        "true",
        "~",
        "[]",
        "{}",
        "[[]]",
        "-",
        ":",
        "- - - -",
        "$$$$",
        "M  END",
        "END",
        "M  CHG  1   1  15",
        "TER",
    ),
    *(
        "__proto__",
        "__class__",
        "None",
        "NaN",
        "con",
        "CON",
        ".",
        "..",
        " ",
        "  ",
        "\n\n\n",
        "\r\n",
        ";",
        "|",
        "&&",
        "`id`",
    ),
)
_NUMBER = re.compile(rb"[-+]?\d+\.?\d*(?:[eE][-+]?\d+)?")


def _place(draw: DrawFn, data: bytes) -> int:
    return draw(st.integers(0, len(data)))


def _slice(draw: DrawFn, data: bytes) -> tuple[int, int]:
    start = _place(draw, data)
    return start, min(len(data), start + draw(st.integers(0, 40)))


def _cut(draw: DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _slice(draw, data)
    return data[:start] + data[end:]


def _repeat(draw: DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _slice(draw, data)
    return data[:end] + data[start:end] * draw(st.sampled_from((1, 2, 3, 10, 100, 1000))) + data[end:]


def _word(draw: DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _slice(draw, data)
    word = draw(st.sampled_from(WORDS)).encode("utf-8", "surrogatepass")
    return data[:start] + word + data[draw(st.sampled_from((start, end))) :]


def _number(draw: DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    found = list(_NUMBER.finditer(data))
    if not found:
        return data
    match = draw(st.sampled_from(found))
    new = draw(st.sampled_from(NUMBERS)).encode()
    if draw(st.booleans()):  # the columns of MOL and PDB files stay where they are
        new = new.rjust(match.end() - match.start())[: match.end() - match.start()]
    return data[: match.start()] + new + data[match.end() :]


def _bits(draw: DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    if not data:
        return data
    changed = bytearray(data)
    for place in draw(st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=4)):
        changed[place] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


def _noise(draw: DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    start, end = _slice(draw, data)
    return data[:start] + draw(st.binary(max_size=12)) + data[end:]


def _end(draw: DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    return data[: _place(draw, data)]


def _splice(draw: DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    other = draw(st.sampled_from(others))
    return data[: _place(draw, data)] + other[_place(draw, other) :]


def _lines(draw: DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    lines = data.splitlines(keepends=True)
    if not lines:
        return data
    first, second = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
    what = draw(st.sampled_from(("delete", "double", "swap", "move", "many")))
    if what == "swap":
        lines[first], lines[second] = lines[second], lines[first]
    elif what == "move":
        lines.insert(second, lines.pop(first))
    elif what == "delete":
        del lines[first]
    else:
        lines[second:second] = [lines[first]] * (1 if what == "double" else draw(st.integers(2, 500)))
    return b"".join(lines)


_ALTERATIONS: tuple[Callable[[DrawFn, bytes, Sequence[bytes]], bytes], ...]
_ALTERATIONS = (_cut, _repeat, _word, _number, _number, _bits, _noise, _end, _splice, _lines, _lines)


@st.composite
def altered(draw: DrawFn, seeds: Sequence[bytes], *, binary: bool = False) -> bytes:
    """One of the seeds with one to three alterations."""
    data = draw(st.sampled_from(seeds))
    kinds = (_cut, _bits, _bits, _bits, _noise, _end, _splice) if binary else _ALTERATIONS
    for change in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=2 if binary else 3)):
        data = change(draw, data, seeds)
        if not binary:
            data = data[:MOST_BYTES]
    return data


@st.composite
def wrapped(draw: DrawFn, content: st.SearchStrategy[bytes]) -> bytes:
    """Now and then compressed, cut after that, in UTF-16, with a mark of byte order or with other ends of lines."""
    data: bytes = draw(content)
    how = draw(st.integers(0, 39))
    if how == 0:
        return gzip.compress(data, 1)
    if how == 1:
        packed = gzip.compress(data, 1)
        return packed[: draw(st.integers(0, len(packed)))]
    if how == 2:
        return data.decode("utf-8", "replace").encode("utf-16")
    if how == 3:
        return b"\xef\xbb\xbf" + data
    if how == 4:
        return data.replace(b"\n", draw(st.sampled_from((b"\r\n", b"\r", b"\n\n", b"\x0c"))))
    if how == 5:
        return gzip.compress(gzip.compress(data * 3, 1), 1)
    return data


#: What no setting of ours is, and what some are.
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 10**400, 0.5, -0.0, 1e-320, 1e308, float("inf"), float("nan")),
    *(
        "",
        " ",
        "x",
        "nan",
        "1",
        "H",
        "../../x",
        "/dev/zero",
        "a" * 300,
        "\0",
        "\x1b[31mred",
        "é" * 70,
        "2020-01-01",
        "[]",
    ),
    *([], [[]], [["H"]], [None], [1, 2, 3], [0.6, 0.2, 0.2], ["H", "H"], {}, {"a": {}}, {"": None}, {"name": "x"}),
    *([[[[[[[[]]]]]]]], [0] * 1000, {str(number): number for number in range(300)}),
)


def _branches(tree: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys."""
    found: list[tuple[Any, Any]] = []
    todo = [tree]
    while todo:
        node = todo.pop()
        keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
        found += [(node, key) for key in keys]
        todo += [node[key] for key in keys]
    return found


@st.composite
def altered_tree(draw: DrawFn, trees: Sequence[Any]) -> Any:
    """A tree of mappings, lists and values with one to four of them exchanged, left out, doubled or added."""
    tree = copy.deepcopy(draw(st.sampled_from(trees)))
    for what in draw(st.lists(st.sampled_from(("value", "value", "delete", "move", "add")), min_size=1, max_size=4)):
        branches = _branches(tree)
        if not branches:
            break
        node, key = draw(st.sampled_from(branches))
        value = copy.deepcopy(draw(st.sampled_from(VALUES)))
        if what == "value":
            node[key] = value
        elif what == "delete":
            del node[key]
        elif what == "move":
            other, place = draw(st.sampled_from(branches))
            node[key] = copy.deepcopy(other[place]) if place in (other if isinstance(other, dict) else ()) else value
        elif isinstance(node, dict):
            node[draw(st.sampled_from(("unknown", "", "name", "setup", "0", *map(str, list(node)[:5]))))] = value
        else:
            node.insert(key, value)
    return tree


@st.composite
def altered_json(draw: DrawFn, seeds: Sequence[bytes]) -> bytes:
    """JSON documents altered as trees, or as text."""
    if draw(st.integers(0, 2)):
        tree = draw(altered_tree([json.loads(seed) for seed in seeds]))
        return json.dumps(tree, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    return draw(altered(seeds))


@st.composite
def altered_yaml(draw: DrawFn, seeds: Sequence[bytes]) -> bytes:
    """YAML documents altered as trees, or as text."""
    if draw(st.integers(0, 2)):
        tree = draw(altered_tree([yaml.safe_load(seed) for seed in seeds]))
        return yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass")
    return draw(altered(seeds))
