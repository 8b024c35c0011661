"""Force-field parameters of a molecule from its structural formula.

The names below load on first use (PEP 562): `import virialff` itself imports neither torch nor RDKit, so that
the command line answers at once and the numeric core runs where no chemistry package is installed.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from virialff import moved

__version__ = "0.1.0"

if TYPE_CHECKING:
    from virialff.engines import get_engine
    from virialff.errors import MoleculeError, VirialffError
    from virialff.io.read import read_molecules
    from virialff.methods.method import get_method
    from virialff.models.force_field import ForceField, Model
    from virialff.models.registry import load_model
    from virialff.molecules.molecule import Molecule

_HOME = {
    "ForceField": "virialff.models.force_field",
    "Model": "virialff.models.force_field",
    "Molecule": "virialff.molecules.molecule",
    "MoleculeError": "virialff.errors",
    "VirialffError": "virialff.errors",
    "get_engine": "virialff.engines",
    "get_method": "virialff.methods.method",
    "load_model": "virialff.models.registry",
    "read_molecules": "virialff.io.read",
}

__all__ = [
    "ForceField",
    "Model",
    "Molecule",
    "MoleculeError",
    "VirialffError",
    "__version__",
    "get_engine",
    "get_method",
    "load_model",
    "read_molecules",
]

moved.install()


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
