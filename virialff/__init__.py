"""Force-field parameters of a molecule from its structural formula.

The names below load on first use (PEP 562): `import virialff` itself imports neither torch nor RDKit, so that
the command line answers at once and the numeric core runs where no chemistry package is installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from virialff.engines import get_engine
    from virialff.errors import MoleculeError, VirialffError
    from virialff.forcefield import ForceField, Model, load_model
    from virialff.molecule import Molecule
    from virialff.reading import read_molecules

_HOME = {
    "ForceField": "virialff.forcefield",
    "Model": "virialff.forcefield",
    "Molecule": "virialff.molecule",
    "MoleculeError": "virialff.errors",
    "VirialffError": "virialff.errors",
    "get_engine": "virialff.engines",
    "load_model": "virialff.forcefield",
    "read_molecules": "virialff.reading",
}

__all__ = [
    "ForceField",
    "Model",
    "Molecule",
    "MoleculeError",
    "VirialffError",
    "__version__",
    "get_engine",
    "load_model",
    "read_molecules",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
