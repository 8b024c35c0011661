"""Lines of text, whatever the file's encoding, compression and line ends."""

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from virialff.errors import UnreadableRecordError
from virialff.io.text import MAX_LINE_CHARACTERS, clean_title, open_lines

LINES = ["première", "", "two  words ", "µ-oxo"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("compressed", [False, True])
def test_lines_are_the_same(encoding, end, compressed):
    data = (end.join(LINES) + end).encode(encoding)
    data = gzip.compress(data) if compressed else data
    lines = list(open_lines(io.BytesIO(data)))
    assert [line for line in lines if line] == [line for line in LINES if line]
    assert lines[: len(LINES)] == LINES


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf"]), max_size=20), max_size=20), st.integers(1, 7)
)
def test_lines_do_not_depend_on_the_size_of_reads(lines, size):
    class Dripping(io.BytesIO):
        def read(self, limit=-1, /):
            return super().read(size if limit < 0 else min(limit, size))

    data = "".join(line + "\n" for line in lines).encode()
    assert list(open_lines(Dripping(data))) == lines


def test_text_file_objects_are_read_as_they_are():
    assert list(open_lines(io.StringIO("a\nb"))) == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"abc\x00def\n", "not text"),
        (b"x" * (MAX_LINE_CHARACTERS + 5), "a line of more than"),
        (gzip.compress(b"some text" * 50, mtime=0)[:-12], "damaged"),
        (b"\x1f\x8b\x08" + b"z" * 30, "damaged"),
        (b"\xff\xfe\x00\xd8A\x00", "UTF-16"),
    ],
)
def test_what_is_not_text(data, words):
    with pytest.raises(UnreadableRecordError, match=words):
        list(open_lines(io.BytesIO(data)))


def test_titles_fit_a_message():
    assert clean_title("  a\tb\x07 c ") == "a b c"
    assert len(clean_title("x" * 500)) == 60
