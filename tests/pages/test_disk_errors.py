"""What the disk refuses ends a page with a sentence and no traceback."""

import pytest
from streamlit.testing.v1 import AppTest


def _page(kind: str) -> None:
    import errno
    import os

    from pages.components.shell.entry import inside_app
    from virialff.errors import CheckpointError

    with inside_app():
        if kind == "ours":
            raise CheckpointError("the checkpoint is damaged")
        number = getattr(errno, kind)
        raise OSError(number, os.strerror(number), "/runs/a/status.json.0123abcd-7-89abcdef.partial")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("ENOSPC", "No space left on device; make room and try again"),
        ("EROFS", "Read\\-only file system; choose a folder that can be written"),
        ("EACCES", "Permission denied; allow it, or choose another folder"),
        ("ENAMETOOLONG", "File name too long; choose a shorter name"),
        ("ours", "The checkpoint is damaged"),
    ],
)
def test_a_page_ends_with_a_sentence(kind, words):
    page = AppTest.from_function(_page, args=(kind,)).run(timeout=60)
    assert not page.exception
    (error,) = page.error
    assert words in error.value
    assert "partial" not in error.value
