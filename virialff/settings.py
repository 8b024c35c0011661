"""Settings of an installation: where its shipped files are, and whether it may change anything."""

import os
from pathlib import Path

from virialff.errors import ReadOnlyError

_CHECKOUT = Path(__file__).resolve().parent.parent

#: The folder `assets`: of the checkout, or the one named by the environment variable VIRIALFF_ASSETS.
ASSETS = Path(os.environ.get("VIRIALFF_ASSETS", _CHECKOUT / "assets"))
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
