"""Which file of a folder of CREST or CENSO holds the ensemble, or of several files that were given together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath

from virialff.conformers.crest import CONFORMERS_FILE
from virialff.errors import UnreadableRecordError
from virialff.io.inflate import unpacked
from virialff.io.read import FORMATS

# What a part of CENSO leaves: 0_PRESCREENING.xyz to 3_REFINEMENT.xyz, before version 2 enso_ensemble_part1.xyz.
_CENSO = (re.compile(r"(\d{1,2})_[A-Z]{3,20}\.xyz"), re.compile(r"enso_ensemble_part(\d{1,2})\.xyz"))
_NUMBER = re.compile(r"(\d{1,9})")
_SHOWN = 5


def ensemble_file(files: Mapping[str, bytes]) -> tuple[str, bytes]:
    """The ensemble among files given by name: its name and content, for `crest.read_ensemble`.

    ZIP archives among them are unpacked. Of a folder of CENSO its last part counts, of one of CREST
    `crest_conformers.xyz`; otherwise the XYZ files, or the SDF files, are taken one after the other in the order of the
    numbers in their names.

    Raises UnreadableRecordError where nothing in them is such a file, and for an archive that cannot be unpacked.
    """
    found: dict[str, bytes] = {}
    for name, data in files.items():
        if name.lower().endswith(".zip"):
            found |= unpacked(data)
        else:
            found[name] = data
    for pattern in _CENSO:
        parts = {int(match[1]): name for name in found if (match := pattern.fullmatch(PurePath(name).name))}
        if parts:
            name = parts[max(parts)]
            return name, found[name]
    for name, data in found.items():
        if PurePath(name).name == CONFORMERS_FILE:
            return name, data
    for kind in ("xyz", "sdf"):
        names = sorted((name for name in found if FORMATS.get(_suffix(name)) == kind), key=_natural)
        if names:
            # read_ensemble goes by the suffix.
            label = names[0] if len(names) == 1 else f"{len(names)} files from {names[0]}"
            return label, b"".join(_ended(found[name]) for name in names)
    shown = ", ".join(sorted(found)[:_SHOWN]) or "nothing"
    raise UnreadableRecordError(
        f"there is no {CONFORMERS_FILE}, no result of CENSO and no other XYZ or SDF file in it (but {shown}); give one"
    )


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower().lstrip(".")


def _natural(name: str) -> list[str | int]:
    """Parts to sort by: "conf10" after "conf9"."""
    return [int(part) if part.isdigit() else part for part in _NUMBER.split(name)]


def _ended(data: bytes) -> bytes:
    return data if data.endswith(b"\n") else data + b"\n"
