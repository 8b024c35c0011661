"""The switch that makes an installation show results only: nothing is started, stopped or changed."""

import os

from virialff.errors import ReadOnlyError

#: Set to anything but 0, it refuses whatever starts, stops or changes work or models.
READ_ONLY_VARIABLE = "VIRIALFF_READ_ONLY"


def is_read_only() -> bool:
    """Whether the environment variable VIRIALFF_READ_ONLY is set."""
    return os.environ.get(READ_ONLY_VARIABLE, "").strip() not in ("", "0")


def require_write_access(action: str) -> None:
    """Called where work starts; `action` begins the sentence ("Starting a training job"). Raises ReadOnlyError."""
    if is_read_only():
        raise ReadOnlyError(
            f"{action} is refused because this installation is read-only: unset {READ_ONLY_VARIABLE} to allow it."
        )
