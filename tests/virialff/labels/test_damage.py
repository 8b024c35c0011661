"""Rows that no writer of ours makes, whose bytes have the right checksums all the same: named, never a traceback."""

import struct
import zlib

import pyarrow as pa
import pytest

from tests.virialff.labels.sample_labels import sample_task
from training.data.make_packs import make_packs
from virialff.cli import main
from virialff.damage import check_all
from virialff.errors import StoreDamagedError, StoreError
from virialff.labels.browse import RowFilter, label_at, rows
from virialff.labels.journal import read_journal
from virialff.labels.schema import ARROW_SCHEMA, to_table
from virialff.labels.store import LabelStore, write_parquet
from virialff.labels.summary import summarise


def journal(path, table):
    """A journal with these rows, each record with the checksum of its content."""
    write_records(path, [table.schema.serialize().to_pybytes(), table.to_batches()[0].serialize().to_pybytes()])


def write_records(path, contents):
    path.write_bytes(
        b"".join(struct.pack("<4sQI", b"\x89VLJ", len(part), zlib.crc32(part)) + part for part in contents)
    )


def column(name, values, kind=None):
    table = to_table(sample_task("a"))
    index = ARROW_SCHEMA.get_field_index(name)
    field = ARROW_SCHEMA.field(index).with_nullable(True)
    array = pa.array((values * len(table))[: len(table)], kind or field.type)
    return table.set_column(index, field.with_type(array.type), array)


def no_text():
    table = to_table(sample_task("a"))
    index = ARROW_SCHEMA.get_field_index("smiles")
    n = len(table)
    offsets = pa.array(range(n + 1), pa.int32()).buffers()[1]
    array = pa.Array.from_buffers(pa.string(), n, [None, offsets, pa.py_buffer(b"\xff" * n)])
    return table.set_column(index, ARROW_SCHEMA.field(index), array)


ODD = {
    "no task": lambda: column("task", [None]),
    "no identifier": lambda: column("identifier", ["a/0", None]),
    "no numbers": lambda: column("numbers", [None]),
    "a gap in a list": lambda: column("charges_e", [[0.1, None, 0.1, 0.1, 0.1, 0.1]]),
    "no InChIKey": lambda: column("inchikeys", [[None]]),
    "numbers as text": lambda: column("numbers", ["CCHHHH"], pa.string()),
    "seconds as text": lambda: column("seconds", ["long"], pa.string()),
    "no text in UTF-8": no_text,
}


@pytest.mark.parametrize("name", ODD)
def test_a_journal_with_odd_rows_is_named_wherever_it_is_read(name, tmp_path, capsys):
    journal(tmp_path / "odd.journal", ODD[name]())
    with LabelStore(tmp_path).writer("sound") as writer:
        writer.append(sample_task("b"))
        writer.finish()
    sound = len(sample_task("b"))
    for read in (lambda: list(LabelStore(tmp_path).labels()), lambda: list(read_journal(tmp_path / "odd.journal"))):
        with pytest.raises(StoreDamagedError, match=r"odd\.journal is damaged"):
            read()
    with pytest.raises(StoreError):
        LabelStore(tmp_path).writer("odd")
    with pytest.raises(StoreError):
        make_packs([tmp_path], tmp_path / "packs", seed=1, fractions=(0.8, 0.1, 0.1))
    # What is whole is shown beside the reason.
    summary = summarise(tmp_path)
    assert sum(level.rows + level.failed for level in summary.levels) == sound
    assert ["odd.journal is damaged" in reason for reason in summary.damaged] == [True]
    page = rows(tmp_path, RowFilter())
    assert (len(page.table), len(page.damaged)) == (sound, 1)
    assert label_at(tmp_path, int(page.table["row"][0])).identifier == page.table["identifier"][0]
    assert main(["data", "info", str(tmp_path)]) == 1
    assert main(["data", "check", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("odd.journal is damaged") == 2


@pytest.mark.parametrize(
    "name", ["positions_angstrom", "forces_kcal_mol_angstrom", "dipole_e_angstrom", "charges_e", "orders"]
)
def test_lists_that_do_not_fit_the_atoms_are_named_with_their_row(name, tmp_path):
    write_parquet(tmp_path / "a.parquet", [column(name, [[1.0, 2.0]]).cast(ARROW_SCHEMA)])
    with pytest.raises(StoreDamagedError, match=rf"row 'a/0' cannot be decoded.*{name}"):
        list(LabelStore(tmp_path).labels())
    assert any("impossible lengths" in str(problem) for problem in check_all(tmp_path).problems)


def test_the_torn_rest_of_a_journal_is_named_unless_somebody_writes_it(tmp_path):
    with LabelStore(tmp_path).writer("a") as writer:
        writer.append(sample_task("one"))
        before = len(check_all(tmp_path).problems)
        content = (tmp_path / "a.journal").read_bytes()
        (tmp_path / "b.journal").write_bytes(content[:-7])
        with open(tmp_path / "a.journal", "ab") as file:
            file.write(content[-50:])
        found = [str(problem) for problem in check_all(tmp_path).problems]
    (torn,) = [line for line in found if "no whole rows" in line]
    assert "b.journal ends in" in torn
    assert before < len(found)
    assert sum("no whole rows" in str(problem) for problem in check_all(tmp_path).problems) == 2
