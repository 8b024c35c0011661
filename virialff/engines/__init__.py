"""Programs and potentials that give energies: GFN2-xTB (`gfn2`), ANI (`ani`), wB97X-D/def2-SVP by PySCF or Psi4."""

from __future__ import annotations

import functools
import importlib

from virialff.engines.base import Engine, Progress
from virialff.errors import EngineError

__all__ = ["DFT_ENGINES", "ENGINES", "FORCE_FIELDS", "Engine", "Progress", "get_engine"]

_HOMES = {
    "gfn2": ("xtb", "Gfn2Engine"),
    "ani": ("ani", "AniEngine"),
    "pyscf": ("pyscf", "PyscfEngine"),
    "psi4": ("psi4", "Psi4Engine"),
}
#: The methods that take milliseconds a conformer, fit for an interactive comparison.
ENGINES = ("gfn2", "ani")
#: The methods that take minutes a conformer: the level of the labels, asked for by name.
DFT_ENGINES = ("pyscf", "psi4")
#: Force fields of fixed parameters, of RDKit: methods with forces, for conformers of one molecule.
FORCE_FIELDS = ("mmff94", "uff")


@functools.cache
def get_engine(name: str) -> Engine:
    """The engine of this name; the same object on every call.

    It is returned even where it cannot compute: its `available()` gives the reason.

    Parameters
    ----------
    name : str
        One of ENGINES, quick ones, or of DFT_ENGINES.

    Returns
    -------
    Engine

    Raises
    ------
    EngineError
        If there is no engine of this name.

    See Also
    --------
    virialff.engines.base.Engine : What engines do, with units and shapes.
    """
    if name not in _HOMES:
        raise EngineError(f"there is no engine {name!r}; choose one of {', '.join(_HOMES)}")
    module, cls = _HOMES[name]
    engine: Engine = getattr(importlib.import_module(f"virialff.engines.{module}"), cls)()
    return engine
