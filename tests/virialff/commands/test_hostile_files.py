"""Files that are made to take long: no record of one holds a command for more than ten seconds of the processor."""

from __future__ import annotations

import contextlib
import gzip
import heapq
import itertools
import time
from collections.abc import Callable

import numpy as np
import pytest
from rdkit import Chem

from virialff.cli import main
from virialff.commands import ExitCode

SECONDS = 10.0
MAX_ATOMS = 300


def flake(n: int, m: int, other: str = "N") -> str:
    """A piece of graphene of n x m rings with some other atom, as SMILES: wide ring systems are the worst for bonds."""
    atoms: dict[tuple[int, ...], int] = {}
    mol = Chem.RWMol()

    def atom(*place: int) -> int:
        if place not in atoms:
            atoms[place] = mol.AddAtom(Chem.Atom(other if len(atoms) % 11 == 5 else "C"))
        return atoms[place]

    for i, j in itertools.product(range(n), range(m)):
        ring = [(i, j, 0), (i, j, 1), (i + 1, j, 0), (i + 1, j - 1, 1), (i + 1, j - 1, 0), (i, j - 1, 1)]
        for first, second in zip(ring, [*ring[1:], ring[0]], strict=True):
            a, b = atom(*first), atom(*second)
            if mol.GetBondBetweenAtoms(a, b) is None:
                mol.AddBond(a, b, Chem.BondType.SINGLE)
    return str(Chem.MolToSmiles(mol))


def xyz(numbers: list[str], positions: np.ndarray) -> str:
    rows = [f"{name} {x:.4f} {y:.4f} {z:.4f}" for name, (x, y, z) in zip(numbers, positions, strict=True)]
    return "\n".join([str(len(numbers)), "", *rows, ""])


def crowded(spacing: float) -> np.ndarray:
    grid = np.stack(np.meshgrid(*[np.arange(7)] * 3), axis=-1).reshape(-1, 3)[:MAX_ATOMS]
    return grid * spacing + np.random.default_rng(1).normal(0, 0.02, (MAX_ATOMS, 3))


def mol_block(n_atoms: int, bonds: list[tuple[int, int]]) -> str:
    places = np.random.default_rng(2).uniform(0, 20, (n_atoms, 3))
    lines = [f"{x:10.4f}{y:10.4f}{z:10.4f} C   0  0" for x, y, z in places]
    lines += [f"{a + 1:3d}{b + 1:3d}  2  0" for a, b in bonds]
    return "\n".join(
        ["", "", "", f"{n_atoms:3d}{len(bonds):3d}  0  0  0  0  0  0  0  0999 V2000", *lines, "M  END", ""]
    )


def mol_block_v3(n_atoms: int, bonds: list[tuple[int, int]]) -> str:
    places = np.random.default_rng(2).uniform(0, 20, (n_atoms, 3))
    lines = [f"COUNTS {n_atoms} {len(bonds)} 0 0 0", "BEGIN ATOM"]
    lines += [f"{k} C {x:.4f} {y:.4f} {z:.4f} 0" for k, (x, y, z) in enumerate(places, 1)]
    lines += ["END ATOM", "BEGIN BOND", *(f"{k} 1 {a + 1} {b + 1}" for k, (a, b) in enumerate(bonds, 1)), "END BOND"]
    table = "\n".join(f"M  V30 {line}" for line in ["BEGIN CTAB", *lines, "END CTAB"])
    return f"\n\n\n  0  0  0  0  0  0  0  0  0  0999 V3000\n{table}\nM  END\n"


def all_of(n_atoms: int) -> list[tuple[int, int]]:
    return list(itertools.combinations(range(n_atoms), 2))


def net(n_atoms: int, neighbours: int) -> str:
    """SMILES of atoms that are bonded each to so many that follow it."""
    closures = [""] * n_atoms
    free = list(range(1, 1000))
    held: list[list[int]] = [[] for _ in range(n_atoms)]
    for atom in range(n_atoms):
        for number in held[atom]:
            closures[atom] += closure(number)
        for other in range(atom + 1, min(atom + 1 + neighbours, n_atoms)):
            number = heapq.heappop(free)
            closures[atom] += closure(number)
            held[other].append(number)
        for number in held[atom]:
            heapq.heappush(free, number)
    return ".".join("C" + digits for digits in closures)


def closure(number: int) -> str:
    return str(number) if number < 10 else f"%{number}" if number < 100 else f"%({number})"


ELEMENTS = ["C", "N", "S", "P", "H", "O"]
SULFUR = "S123S45S16S17S28S29S%10%11S8%12S8%13S%14%15S%16%17S4%18S84S32S%181S7(S%10%13%16)S%14(S5%15S%116%12)S9%174"
LADDER = [(k, k + step) for step in (1, 2) for k in range(300 - step)]
PDB_ATOM = "HETATM    1  C   UNL     1       0.000   0.000   0.000  1.00  0.00           C\n"
FILES: dict[str, tuple[str, Callable[[], str | bytes]]] = {
    "ring closures of all with all": ("a.smi", lambda: net(46, 45)),
    "a net of closures": ("a.smi", lambda: net(300, 4)),
    "a flake of graphene with nitrogen": ("a.smi", lambda: flake(7, 7)),
    "a flake of graphene with sulfur": ("a.smi", lambda: flake(7, 7, "S")),
    "a net of sulfur": ("a.smi", lambda: SULFUR),
    "cycloparaphenylene": ("a.smi", lambda: "c1cc2ccc1" + "c1ccc(cc1)" * 20 + "c1ccc2cc1"),
    "alternating bonds": ("a.smi", lambda: "C=1" + "C=CC" * 40 + "=C1"),
    "acetylenes": ("a.smi", lambda: "C#C" * 140),
    "many fragments": ("a.smi", lambda: ".".join(["O"] * 100)),
    "a net of stereo centers": ("a.smi", lambda: "C" + "[C@H](F)" * 90 + "C"),
    "branches in branches": ("a.smi", lambda: "C(" * 97 + "C" + ")" * 97),
    "one line": ("a.smi", lambda: "C" * 5_000_000),
    "a quote without end": ("a.csv", lambda: 'smiles,name\nC,"' + "a,\n" * 2_000_000),
    "a geometry of atoms that all touch": ("a.xyz", lambda: xyz((ELEMENTS * 50)[:MAX_ATOMS], crowded(1.3))),
    "a geometry of carbon that all touch": ("a.xyz", lambda: xyz(["C"] * MAX_ATOMS, crowded(1.5))),
    "a count without atoms": ("a.xyz", lambda: "1000000\n\n"),
    "counts of counts": ("a.xyz", lambda: "999999\n" * 30_000),
    "bonds of all with all": ("a.mol", lambda: mol_block(44, all_of(44))),
    "bonds of all of 300 with all": ("a.mol", lambda: mol_block_v3(300, all_of(300))),
    "a ladder of double bonds": (
        "a.mol",
        lambda: mol_block(300, LADDER),
    ),
    "data without end": ("a.sdf", lambda: mol_block(1, []) + ">  <a>\n" + "x" * 70 + ("\n" + "y" * 70) * 300_000),
    "records without end marks": (
        "a.pdb",
        lambda: PDB_ATOM * 100_000,
    ),
    "blank lines": ("a.smi", lambda: "\n" * 5_000_000),
    "nothing but zeros, packed": ("a.smi.gz", lambda: gzip.compress(bytes(500_000_000), 9)),
}


@pytest.mark.parametrize("what", FILES)
def test_a_hostile_file_ends_within_seconds(what, tmp_path):
    name, make = FILES[what]
    content = make()
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    start = time.process_time()
    with contextlib.chdir(tmp_path):
        code = main(["params", name, "--table", "charges", "-o", "found.csv", "--quiet"])
    seconds = time.process_time() - start
    assert code in (ExitCode.OK, ExitCode.SOME_FAILED, ExitCode.INPUT)
    assert seconds < SECONDS, f"{seconds:.1f} s"
