"""Methods to compare with: GFN2-xTB (`gfn2`) and ANI (`ani`), behind one protocol."""

from __future__ import annotations

import functools
import importlib

from virialff.engines.base import Engine, Progress
from virialff.errors import EngineError

__all__ = ["ENGINES", "Engine", "Progress", "get_engine"]

_HOMES = {"gfn2": ("xtb", "Gfn2Engine"), "ani": ("ani", "AniEngine")}
#: Names that `get_engine` knows.
ENGINES = tuple(_HOMES)


@functools.cache
def get_engine(name: str) -> Engine:
    """The engine of that name, one of ENGINES; the same object on every call.

    It is returned even where it cannot compute: ask `available()` for the reason. Raises EngineError for an
    unknown name.
    """
    if name not in _HOMES:
        raise EngineError(f"there is no engine {name!r}; choose one of {', '.join(ENGINES)}")
    module, cls = _HOMES[name]
    engine: Engine = getattr(importlib.import_module(f"virialff.engines.{module}"), cls)()
    return engine
