"""Large arrays that the server keeps for later, in files without a name: they take none of its memory while at rest."""

import dataclasses
import mmap
import tempfile
import weakref
from typing import TypeVar

import numpy as np

_T = TypeVar("_T")
#: Bytes of an array that is worth a file.
_LARGE = 2**20
_ALIGNED = 64
_maps: "weakref.WeakSet[mmap.mmap]" = weakref.WeakSet()


def on_disk(value: _T) -> _T:
    """A copy of a dataclass whose large arrays lie in a file, read only; the value itself where no file can be written.

    The file has no name, so that nobody else can open it, and goes with the last of the arrays.
    """
    assert dataclasses.is_dataclass(value)
    assert not isinstance(value, type)
    arrays = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    large = {name: array for name, array in arrays.items() if isinstance(array, np.ndarray) and array.nbytes >= _LARGE}
    if not large:
        return value
    places = {}
    try:
        with tempfile.TemporaryFile() as file:
            for name, array in large.items():
                places[name] = file.seek(-(-file.tell() // _ALIGNED) * _ALIGNED)
                file.write(np.ascontiguousarray(array).data)
            file.flush()
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError:
        return value
    _maps.add(mapped)
    mappings = {
        name: np.frombuffer(mapped, array.dtype, array.size, places[name]).reshape(array.shape)
        for name, array in large.items()
    }
    return dataclasses.replace(value, **mappings)


def rest() -> None:
    """Let go of what was read of the files; it is read again when somebody asks."""
    if hasattr(mmap, "MADV_DONTNEED"):
        for mapped in list(_maps):
            mapped.madvise(mmap.MADV_DONTNEED)
