"""Inputs made from the grammar of their format: mostly well formed, seldom sensible."""

from __future__ import annotations

import math
import re
import urllib.parse
from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.fuzz.mutations import NUMBERS, WORDS

_ELEMENTS = ("C", "N", "O", "H", "F", "P", "S", "Cl", "Br")
_STRANGE = ("Si", "Na", "Xx", "*", "R", "R1", "D", "T", "A", "Q", "L", "LP", "0", "6", "", "c", "CL", "Hs", "U", "𝐂")
_BONDS = ("", "", "", "-", "=", "#", "$", ":", "/", "\\", "~", "->", ".")
_ATOMS = ("C", "C", "C", "N", "O", "c", "n", "o", "s", "S", "P", "F", "Cl", "Br", "I", "B", "*")
_BRACKETS = (
    "H",
    "N+",
    "O-",
    "C@H",
    "C@@",
    "nH",
    "13C",
    "S@TH1",
    "P@OH12",
    "C:1",
    "H:2",
    "#6",
    "CH4",
    "Fe",
    "c-",
    "C+2",
)


@st.composite
def smiles(draw: DrawFn) -> bytes:
    """A chain of atoms, bonds, branches and ring closures."""
    parts: list[str] = []
    depth = 0
    for _ in range(draw(st.integers(1, 30))):
        parts.append(draw(st.sampled_from(_BONDS)))
        if draw(st.integers(0, 5)):
            parts.append(draw(st.sampled_from(_ATOMS)))
        else:
            parts.append(f"[{draw(st.sampled_from(_BRACKETS))}]")
        what = draw(st.integers(0, 11))
        if what == 0:
            parts.append("(")
            depth += 1
        elif what == 1 and depth:
            parts.append(")")
            depth -= 1
        elif what <= 4:
            parts.append(draw(st.sampled_from(("1", "2", "1", "2", "3", "%10", "%(100)", "=1", "/1", "0"))))
    parts.append(")" * (depth if draw(st.integers(0, 5)) else depth + 1))
    text = "".join(parts) * draw(st.sampled_from((1, 1, 1, 1, 2, 5)))
    end = draw(st.sampled_from(("", "", " name", "\tname\tmore", " |$;R1;$|", " |&1:1|", "\n", "\nCCO x", " \x1b[31m")))
    return (text + end).encode()


@st.composite
def inchi(draw: DrawFn) -> bytes:
    """An identifier where a SMILES is asked for."""
    layer = st.sampled_from(("C2H6O", "c1-2-3", "h3H,2H2,1H3", "q+1", "p-1", "b2-1+", "t2-/m0/s1", "i1+1", "f", ""))
    head = draw(st.sampled_from(("InChI=1S/", "InChI=1/", "InChI=", "inchi=1S/", "InChIKey=")))
    return (head + "/".join(draw(st.lists(layer, max_size=6)))).encode()


@st.composite
def smarts(draw: DrawFn) -> bytes:
    """A pattern of primitives, logic, recursion, rings and parts."""
    primitive = (
        "C",
        "c",
        "*",
        "#7",
        "X4",
        "H1",
        "R",
        "r5",
        "D2",
        "v4",
        "+",
        "-1",
        "h",
        "x2",
        "^2",
        "z1",
        "13",
        "@",
        "$(C)",
    )
    parts: list[str] = []
    for _ in range(draw(st.integers(1, 12))):
        words = draw(st.lists(st.sampled_from(primitive), min_size=1, max_size=4))
        inner = draw(st.sampled_from(("", "!", "&", ",", ";", ",!"))).join(words)
        if draw(st.integers(0, 6)) == 0:
            inner = f"$([{inner}]{draw(st.sampled_from(_ATOMS))})"
        mapped = draw(st.sampled_from(("", "", ":1", ":2", ":999999999999")))
        parts.append(draw(st.sampled_from(("", "-", "=", "~", "@", "!@", ".", "/", ":", ",-"))))
        parts.append(f"[{inner}{mapped}]" if draw(st.integers(0, 4)) else draw(st.sampled_from(_ATOMS)))
        parts.append(draw(st.sampled_from(("", "", "", "1", "(", ")", "(C)", "{1-3}"))))
    return "".join(parts).encode()


@st.composite
def _number_text(draw: DrawFn, width: int, places: int) -> str:
    if draw(st.integers(0, 60)) == 0:
        return draw(st.sampled_from(NUMBERS)).rjust(width)[-width:]
    return f"{draw(st.floats(-12.0, 12.0)):{width}.{places}f}"


@st.composite
def _symbol(draw: DrawFn) -> str:
    return draw(st.sampled_from(_ELEMENTS if draw(st.integers(0, 40)) else _STRANGE))


def _places(draw: DrawFn, count: int) -> list[tuple[float, float, float]]:
    """Points on a grid of about the length of a bond, somewhat displaced, or all too close."""
    spacing = draw(st.sampled_from((1.4, 1.4, 1.1, 1.54, 2.0, 0.3, 0.0)))
    side = max(1, math.ceil(count ** (1 / 3)))
    shift = [draw(st.floats(-0.2, 0.2)) for _ in range(6)]
    return [
        (
            spacing * (k % side) + shift[k % 6],
            spacing * (k // side % side) + shift[(k + 1) % 6],
            spacing * (k // side**2) + shift[(k + 2) % 6],
        )
        for k in range(count)
    ]


@st.composite
def mol_v2000(draw: DrawFn) -> bytes:
    """One or several records with tables of atoms and bonds, properties and data fields."""
    records = []
    for _ in range(draw(st.integers(1, 3))):
        n_atoms, n_bonds = draw(st.integers(0, 12)), draw(st.integers(0, 14))
        said = [draw(st.sampled_from((count, count, count, count, count + 1, 0, 999))) for count in (n_atoms, n_bonds)]
        version = draw(st.sampled_from(("V2000", "V2000", "V2000", "V3000", "")))
        lines = [
            draw(st.sampled_from(("x", "", "$$$$", "x" * 300))),
            "  made",
            "",
            f"{said[0]:3d}{said[1]:3d}  0  0  0  0  0  0  0  0999 {version}",
        ]
        for x, y, z in _places(draw, n_atoms):
            charge, valence = (
                draw(st.sampled_from((0, 0, 0, 0, 3, 4, 5, 15))),
                draw(st.sampled_from((0, 0, 0, 15, 999))),
            )
            lines.append(
                f"{x:10.4f}{y:10.4f}{z:10.4f} {draw(_symbol()):<3} 0{charge:3d}  0  0  0{valence:3d}  0  0  0  0  0  0"
            )
        for _ in range(n_bonds):
            ends = [draw(st.integers(1, max(1, n_atoms))) if draw(st.integers(0, 30)) else 999 for _ in range(2)]
            lines.append(f"{ends[0]:3d}{ends[1]:3d}{draw(st.sampled_from((1, 1, 1, 2, 3, 4, 5, 8, 9, 0))):3d}  0")
        line = (
            "M  CHG  1   1   1",
            "M  RAD  1   1   2",
            "M  ISO  1   1  13",
            "M  CHG  8",
            "M  STY  1   1 SRU",
            "A    1",
            "M  RGP  1   1   1",
        )
        lines += draw(st.lists(st.sampled_from(line), max_size=2)) + ["M  END"] * draw(st.integers(0, 1))
        for field in draw(st.lists(st.sampled_from(("energy", "<x>", "", "gfn2_relative_kJ_per_mol")), max_size=2)):
            lines += [f">  <{field}>", draw(st.sampled_from((*NUMBERS, *WORDS))), ""]
        records.append("\n".join([*lines, "$$$$"]))
    return "\n".join(records).encode("utf-8", "surrogatepass")


@st.composite
def mol_v3000(draw: DrawFn) -> bytes:
    """One record in the extended form."""
    n_atoms, n_bonds = draw(st.integers(0, 12)), draw(st.integers(0, 14))
    lines = ["x", "  made", "", "  0  0  0     0  0            999 V3000", "M  V30 BEGIN CTAB"]
    lines += [
        f"M  V30 COUNTS {draw(st.sampled_from((n_atoms, n_atoms, 0, 10**9)))} {n_bonds} 0 0 0",
        "M  V30 BEGIN ATOM",
    ]
    more = st.sampled_from(
        ("", "", "", " CHG=1", " RAD=2", " MASS=13", " VAL=-1", " CFG=1", " RGROUPS=(1 1)", " CHG=x", " -")
    )
    for number, place in enumerate(_places(draw, n_atoms), start=1):
        index = number if draw(st.integers(0, 30)) else draw(st.sampled_from((0, 1, -1, 10**9)))
        numbers = [
            draw(st.sampled_from(NUMBERS)) if draw(st.integers(0, 80)) == 0 else f"{value:.4f}" for value in place
        ]
        lines.append(f"M  V30 {index} {draw(_symbol())} {' '.join(numbers)} 0{draw(more)}")
    lines += ["M  V30 END ATOM", "M  V30 BEGIN BOND"]
    for number in range(1, n_bonds + 1):
        ends = [draw(st.integers(0, n_atoms + 1)) for _ in range(2)]
        end = draw(st.sampled_from(("", "", "", " CFG=3", " ENDPTS=(2 1 2) ATTACH=ANY")))
        lines.append(f"M  V30 {number} {draw(st.sampled_from((1, 1, 2, 3, 4, 9, 10)))} {ends[0]} {ends[1]}{end}")
    lines += ["M  V30 END BOND", "M  V30 BEGIN COLLECTION", "M  V30 MDLV30/STEABS ATOMS=(1 1)", "M  V30 END COLLECTION"]
    return "\n".join([*lines, "M  V30 END CTAB", "M  END", ""]).encode()


@st.composite
def xyz(draw: DrawFn) -> bytes:
    """Frames, plain or extended, of atoms at the distance of bonds or not."""
    comments = (
        "",
        "x",
        "-12.3",
        "energy: -40.1",
        "charge=1",
        "multiplicity=3",
        'Properties=species:S:1:pos:R:3 Lattice="1 0 0 0 1 0 0 0 1"',
    )
    other = (
        "Properties=pos:R:3:species:S:1",
        "Properties=species:S:1",
        "Properties=species:S:99999:pos:R:3",
        'e="',
        "\x1b[31m",
        "energy=1e309 Eh",
    )
    lines = []
    for _ in range(draw(st.integers(1, 3))):
        n_atoms = draw(st.integers(0, 14))
        lines.append(str(draw(st.sampled_from((n_atoms, n_atoms, n_atoms, n_atoms + 1, "-1", "1e3", 10**12)))))
        lines.append(draw(st.sampled_from(comments if draw(st.integers(0, 2)) else other)))
        for x, y, z in _places(draw, n_atoms):
            end = draw(st.sampled_from(("", "", "", " 0.1 0.2 0.3", " x")))
            number = draw(_number_text(12, 6)) if draw(st.integers(0, 20)) == 0 else f"{x:.6f}"
            lines.append(f"{draw(_symbol())} {number} {y:.6f} {z:.6f}{end}")
    return "\n".join([*lines, ""]).encode("utf-8", "surrogatepass")


@st.composite
def pdb(draw: DrawFn) -> bytes:
    """ATOM and HETATM lines in their columns, models, alternate locations."""
    lines = draw(
        st.lists(
            st.sampled_from(("HEADER    X", "MODEL        1", "CRYST1", "REMARK 1", "TITLE     \x1b[31m")), max_size=2
        )
    )
    for number, (x, y, z) in enumerate(_places(draw, draw(st.integers(0, 14))), start=1):
        symbol = draw(_symbol())
        kind = draw(st.sampled_from(("ATOM  ", "HETATM")))
        where = draw(st.sampled_from((" ", " ", " ", "A", "B")))
        residue = draw(st.sampled_from(("MOL", "HOH", "   ", "\0\0\0")))
        number_text = draw(st.sampled_from((f"{number:5d}", f"{number:5d}", "*****", "     ")))
        element = draw(st.sampled_from((f"{symbol:>2}", f"{symbol:>2}", "  ", "XX")))
        lines.append(
            f"{kind}{number_text} {symbol:<4}{where}{residue} A   1    {x:8.3f}{y:8.3f}{z:8.3f}"
            f"  1.00  0.00          {element}"
        )
    return "\n".join(
        [*lines, *draw(st.lists(st.sampled_from(("END", "ENDMDL", "TER", "CONECT    1    2")), max_size=3))]
    ).encode()


@st.composite
def csv(draw: DrawFn) -> bytes:
    """A header and rows, with quotes, other separators and cells that programs run."""
    separator = draw(st.sampled_from((",", ",", "\t", ";", "|")))
    names = ("smiles", "SMILES", "name", "id", "title", "isomeric smiles", "canonical_smiles", "", "x", "smiles ")
    titles = draw(st.lists(st.sampled_from(names), min_size=1, max_size=4))
    cells = (
        "CCO",
        "c1ccccc1",
        "[O-][N+](=O)C",
        "",
        '"',
        '"CC,O"',
        '"a\nb"',
        "=cmd|' /C calc'!A0",
        "C" * 200,
        "\x1b[31m",
        "x,y",
    )
    rows = [
        [draw(st.sampled_from(cells)) for _ in range(draw(st.integers(0, 5)))] for _ in range(draw(st.integers(0, 6)))
    ]
    return "\n".join(separator.join(row) for row in [titles, *rows]).encode()


@st.composite
def name(draw: DrawFn) -> bytes:
    """What somebody may call a model, a run, a molecule or a file."""
    parts = draw(
        st.lists(
            st.one_of(st.sampled_from(WORDS), st.text(max_size=8), st.sampled_from(("a", "aspirin", "1", "-"))),
            max_size=5,
        )
    )
    return "".join(parts).encode("utf-8", "surrogatepass")


@st.composite
def command(draw: DrawFn, options: dict[str, Sequence[str]], values: Sequence[str]) -> bytes:
    """Words of a command line, joined by zero bytes: options of each command with values that fit or do not.

    No value is a path out of the working folder: what is asked to be written is written. None asks for long work.
    """
    chosen = draw(st.sampled_from(sorted(options)))
    words = chosen.split()
    harmless = [word for word in WORDS if not set(word) & set("\0/~.")]
    small = [text for text in NUMBERS if not re.fullmatch(r"[\d_.e]{3,}|٣", text)]
    some = st.sampled_from((*values, *small, *harmless))
    words += draw(st.lists(some, max_size=2))
    for option in draw(st.lists(st.sampled_from((*options[chosen], "--nothing", "-z")), max_size=4)):
        words += [option, *draw(st.lists(some, max_size=1))]
    return "\0".join(words).encode("utf-8", "surrogatepass")


@st.composite
def address(draw: DrawFn, pages: Sequence[str], keys: Sequence[str], values: Sequence[str]) -> bytes:
    """A page and its query parameters."""
    parts = [
        (draw(st.sampled_from(keys)), draw(st.sampled_from((*values, *NUMBERS, *WORDS))))
        for _ in range(draw(st.integers(1, 4)))
    ]
    query = urllib.parse.urlencode(parts, errors="surrogatepass")
    return f"{draw(st.sampled_from(pages))}?{query}".encode()
