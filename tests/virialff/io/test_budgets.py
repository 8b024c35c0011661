"""Small inputs that would take long or much memory end in named errors, and lose only their own record."""

import gzip
import io
import itertools
import time
import tracemalloc
from collections import deque

import numpy as np
import pytest

from tests.virialff.sample_files import read
from virialff.errors import MissingCoordinatesError, MoleculeError, UnreadableRecordError
from virialff.io.read import read_molecules
from virialff.molecules.molecule import Molecule

METHANE = "\n  t\n\n  1  0  0  0  0  0            999 V2000\n    0.0000    0.0000    0.0000 C   0  0{}\nM  END\n$$$$\n"


@pytest.mark.parametrize("valence", ["999", " -9", "100", " 15", "abc"])
def test_a_record_of_impossible_valence_loses_only_itself(valence):
    good = METHANE.format("")
    text = good + METHANE.format(f"  0  0  0{valence}").replace("  1  0", "  1  0") + good
    items = read(text, "sdf", add_hydrogens=True)
    assert len(items) == 3
    assert [item.formula for item in (items[0], items[2])] == ["CH4", "CH4"]


@pytest.mark.parametrize("format", ["smi", "csv", "sdf", "xyz", "pdb", None])
@pytest.mark.parametrize("blank", ["\n", " \t\n"])
def test_blank_lines_take_no_time(format, blank):
    start = time.process_time()
    for text in (
        "CCO\n" + 50_000 * blank + "x\n",
        "3\nx\n" + 50_000 * blank,
        'smiles\n"' + 20_000 * blank + '"\nCCO\n',
    ):
        read(text, format)
    assert time.process_time() - start < 10


def test_endless_blank_lines_are_refused():
    items = read(b"CCO\n" + b"\n" * 300_000, "smi")
    assert "blank lines in a row" in str(items[-1])


def bomb(line, n_lines=200_000):
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb") as stream:
        stream.write(b"CCO\n" * 300)
        for _ in range(n_lines // 1000):
            stream.write(line * 1000)
    return file.getvalue()


@pytest.mark.parametrize("format", ["sdf", "pdb", "xyz", "smi"])
def test_a_gzip_bomb_is_refused_in_little_memory(format):
    data = bomb(b"#" + b"x" * 998 + b"\n")
    assert len(data) < 1_000_000
    tracemalloc.start()
    (last,) = deque(read_molecules(io.BytesIO(data), format=format, max_atoms=30), maxlen=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(last, UnreadableRecordError)
    assert "the compressed file grows to more than" in str(last)
    assert peak < 60_000_000


def test_an_ordinary_compressed_file_is_read_to_its_end():
    text = b"".join(b"CCO molecule number %d\n" % k for k in range(3000))
    assert len(read(gzip.compress(text), "smi")) == 3000


@pytest.mark.parametrize("number", ["1e160", "-1e308", "1e400", "nan", "1e7"])
def test_coordinates_beyond_all_measure(number):
    text = f"""
  t

  0  0  0     0  0            999 V3000
M  V30 BEGIN CTAB
M  V30 COUNTS 3 2 0 0 0
M  V30 BEGIN ATOM
M  V30 1 O 0 0 0.1 0
M  V30 2 H {number} 0.7572 -0.4692 0
M  V30 3 H 0 -0.7572 -0.4692 0
M  V30 END ATOM
M  V30 BEGIN BOND
M  V30 1 1 1 2
M  V30 2 1 1 3
M  V30 END BOND
M  V30 END CTAB
M  END
$$$$
"""
    for item in (*read(text, "sdf"), *read(f"3\n\nO 0 0 0.1\nH {number} 0.8 -0.5\nH 0 -0.8 -0.5\n", "xyz")):
        assert isinstance(item, MissingCoordinatesError)
        assert "atom 2 (H) has coordinates" in str(item)


@pytest.mark.parametrize(
    "error", [ValueError("a\nb"), OverflowError("c"), RuntimeError(), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "d")]
)
def test_exceptions_of_parsers_become_errors_of_their_record(error, monkeypatch):
    def fails(*args, **kwargs):
        raise error

    monkeypatch.setattr("virialff.io.smiles._from_smiles", fails)
    items = read("CCO a\nCO b\n", "smi")
    assert [str(item).split(":")[0] for item in items] == ["record 1 (a)", "record 2 (b)"]
    assert all(isinstance(item, MoleculeError) and "\n" not in str(item) for item in items)


@pytest.mark.parametrize("elements", [("S", "Cl"), ("P", "S", "Cl", "Br"), ("S", "C", "O")])
@pytest.mark.parametrize("distance", [1.7, 2.0])
def test_clusters_of_close_atoms_take_no_time(elements, distance):
    rng = np.random.default_rng(1)
    grid = np.array(list(itertools.product(range(5), range(5), range(4)))) * distance
    places = grid + rng.normal(size=grid.shape) * 0.1
    lines = [f"{rng.choice(elements)} {x:.3f} {y:.3f} {z:.3f}" for x, y, z in places]
    start = time.process_time()
    (item,) = read("\n".join([str(len(lines)), "", *lines, ""]), "xyz")
    assert isinstance(item, (Molecule, MoleculeError))
    assert time.process_time() - start < 20


def test_a_macrocycle_with_many_equal_rings_is_read_at_once():
    """[14]Cycloparaphenylene has 2^14 smallest rings around it."""
    start = time.process_time()
    (item,) = read("C1=CC2=CC=C1" + 12 * "C1=CC=C(C=C1)" + "C1=CC=C2C=C1\n", "smi")
    assert item.formula == "C84H56"
    assert sum(bond.GetIsAromatic() for bond in item.to_rdkit().GetBonds()) == 84
    assert item.inchikey
    assert item.smiles == Molecule.from_smiles(item.smiles).smiles
    assert time.process_time() - start < 10
