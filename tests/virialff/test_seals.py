"""Checksums in files of other formats: their readers read them as before, and any changed byte is noticed."""

import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from virialff import seals

TABLE = pa.table({"a": list(range(3000)), "b": ["text"] * 3000, "c": [[1.5, 2.5]] * 3000})


def parquet(path):
    with open(path, "w+b") as file:
        pq.write_table(TABLE, file, row_group_size=700)
        seals.seal_footer(file, b"PAR1")
    assert pq.read_table(path) == TABLE


def arrow(path):
    with open(path, "w+b") as file:
        with pa.ipc.new_file(file, TABLE.schema) as writer:
            writer.write_table(TABLE, 500)
        seals.seal_footer(file, b"ARROW1")
    assert pa.ipc.open_file(pa.memory_map(str(path))).read_all() == TABLE


def archive(path):
    buffer = io.BytesIO()
    torch.save({"weights": torch.arange(500.0)}, buffer)
    seals.seal_zip(buffer)
    path.write_bytes(buffer.getvalue())
    assert torch.equal(torch.load(path, weights_only=True)["weights"], torch.arange(500.0))
    assert zipfile.ZipFile(path).testzip() is None


def text(path):
    path.write_bytes(seals.sealed_text(b"name: a\nsteps: 100"))
    assert path.read_text().startswith("name: a\nsteps: 100\n# ")
    assert seals.problem_in(path.read_bytes()) is None


@pytest.mark.parametrize("make", [parquet, arrow, archive, text])
def test_a_changed_byte_is_noticed_and_others_read_the_file(make, tmp_path):
    path = tmp_path / "file"
    make(path)
    assert seals.problem(path) is None
    content = path.read_bytes()
    mark = content.rfind(b"virialff crc32 ")
    for place in (0, len(content) // 3, mark - 1, mark + 15, mark + 22, len(content) - 1):
        changed = bytearray(content)
        changed[place] ^= 0x10
        path.write_bytes(changed)
        assert seals.problem(path) == "its content is not that of its checksum", place
    for cut in (content[:-1], content[1:], content + b" "):
        path.write_bytes(cut)
        assert seals.problem(path) is not None


def test_a_file_without_a_checksum_is_older_and_taken_as_it_is(tmp_path):
    path = tmp_path / "file"
    for content in (b"", b"short", b"x" * 10_000):
        path.write_bytes(content)
        assert seals.problem(path) is None
    with pytest.raises(ValueError, match="does not end as a zip archive"):
        seals.seal_zip(io.BytesIO(b"x" * 100))
