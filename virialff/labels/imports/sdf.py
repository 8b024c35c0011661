"""Import of geometries with energies from an SDF file into a label store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from virialff.labels.formats.entry import Fields
from virialff.labels.imports.geometries import ImportReport, import_geometries
from virialff.labels.store import LabelStore

Kind = Literal["minimum", "displaced", "scan"]


def import_sdf(
    file: Path,
    store: LabelStore,
    *,
    energy_field: str,
    unit: str,
    level_of_theory: str,
    program: str = "not given",
    kind: Kind = "minimum",
    source: str = "sdf",
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """`import_geometries` of one SDF file, all of whose records are of one level and kind.

    unit: one of `units.ENERGY_UNITS`. Raises what `import_geometries` raises.
    """
    return import_geometries(
        [file],
        store,
        fields=Fields(energy=energy_field.strip(), unit=unit),
        level_of_theory=level_of_theory,
        program=program,
        kind=kind,
        source=source,
        progress=progress,
    )
