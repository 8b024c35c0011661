"""Whatever the bytes, reading yields molecules and named errors, and keeps neither the file nor the terminal."""

import gzip
import io
import itertools
import random
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from tests.virialff.sample_files import ALANINE, NITRO, WATER_XYZ, read, sdf, xyz
from virialff.errors import (
    MoleculeError,
)
from virialff.io.read import FORMATS, read_molecules
from virialff.molecules.molecule import Molecule


@pytest.mark.parametrize("format", [*sorted(set(FORMATS)), None])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n \n",
        b"\x00\x01\x02" * 500,
        b"\xff\xfe\x00\xd8\x00\x00",
        gzip.compress(b"x" * 100, mtime=0)[:-9],
        b"\x1f\x8b\x08junk",
    ],
)
def test_garbage_is_one_named_error(format, data):
    items = read(data, format)
    assert len(items) == 1
    assert isinstance(items[0], MoleculeError)


def test_endless_line_is_refused():
    (error,) = read(b"C" * 3_000_000, "smi")
    assert "more than 1000000 characters" in str(error)


def test_reading_streams():
    block = sdf(NITRO)

    class Endless(io.BytesIO):
        def read(self, size=-1, /):
            return block.encode()

    items = read_molecules(Endless(), format="sdf")
    tracemalloc.start()
    for _ in itertools.islice(items, 60):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


def test_nothing_reaches_the_terminal(capfd):
    read("C1CC\nc1cccc1\nCN(C)(C)(C)C\n", "smi")
    read(sdf(ALANINE).replace(" 13 12 ", " 13 99 "), "sdf")
    read(sdf(ALANINE).replace("  2  3  1 ", "  2  3  7 "), "sdf")
    captured = capfd.readouterr()
    assert captured.err == captured.out == ""


# --- damaged files ---

SEEDS = {
    "sdf": (sdf(ALANINE, NITRO) + sdf(ALANINE, v3000=True)).encode(),
    "xyz": (xyz(ALANINE) + xyz(NITRO) + WATER_XYZ).encode(),
    "pdb": Chem.MolToPDBBlock(ALANINE).encode(),
    "csv": b'smiles,name\nCCO,a\n"c1ccccc1",b\nC[C@H](N)O,c\n',
    "smi": b"CCO a\nc1ccccc1[N+](=O)[O-] b\nC[C@H](N)O c\nC/C=C/C d\nO.O e\n",
}
PIECES = [
    b"",
    b"\n",
    b"$$$$\n",
    b"M  END\n",
    b"0",
    b"9",
    b"-",
    b".",
    b" ",
    b"N",
    b"Br",
    b"[",
    b")",
    b"=",
    b"\xe9",
    b'"',
    b"nan",
    b"999",
]


def damaged(format, rng, n_changes):
    data = bytearray(SEEDS[format])
    for _ in range(n_changes):
        at = rng.randrange(len(data) + 1)
        change = rng.randrange(4)
        if change == 0:
            data[at : at + rng.choice([1, 2, 10, 100, 1000])] = b""
        elif change == 1:
            data[at:at] = rng.choice(PIECES)
        elif change == 2:
            data[at : at + 1] = rng.choice(PIECES)
        else:
            start = rng.randrange(len(data) + 1)
            data[at:at] = data[start : start + rng.randrange(80)]
    return bytes(data)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(sorted(SEEDS)), st.integers(0, 2**32), st.integers(1, 12), st.booleans())
def test_damaged_files_give_molecules_and_named_errors(format, seed, n_changes, told):
    data = damaged(format, random.Random(seed), n_changes)
    for item in read(data, format if told else None):
        if isinstance(item, MoleculeError):
            text = str(item)
            assert text
            assert "\n" not in text
            assert len(text) < 600
        else:
            assert isinstance(item, Molecule)
            assert np.isfinite(item.positions).all()


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([*sorted(set(FORMATS)), None]))
def test_random_bytes_give_named_errors(data, format):
    for item in read(data, format):
        assert isinstance(item, (Molecule, MoleculeError))
