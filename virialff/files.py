"""Files that are replaced as a whole."""

import os
from pathlib import Path


def replace_file(path: Path, content: bytes | memoryview, *, writer: str = "") -> None:
    """Write `path` so that it is there whole or, whatever goes wrong, as it was before.

    writer: tells apart those who may write the same file at the same time. Raises OSError where the disk does.
    """
    partial = path.with_name(f"{path.name}{writer and '.'}{writer}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
