"""Where the shipped files (models, evaluation sets, examples) are found."""

import os
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent

#: The folder `assets`: of the checkout, or the one named by the environment variable VIRIALFF_ASSETS.
ASSETS = Path(os.environ.get("VIRIALFF_ASSETS", _CHECKOUT / "assets"))
