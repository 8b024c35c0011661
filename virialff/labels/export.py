"""Rows of a label store as files for other programs."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from virialff.errors import ConfigError, StoreError
from virialff.labels.formats.entry import format_of
from virialff.labels.schema import Label
from virialff.labels.store import LabelStore


@dataclass
class ExportReport:
    """What an export wrote, and what it left out."""

    n_rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  #: rows that were not written, by reason


def export_labels(
    store: LabelStore, file: Path, *, level_of_theory: str | None = None, progress: Callable[[int], None] | None = None
) -> ExportReport:
    """Write the rows of a store into a file, in the format of its suffix; it is there whole or not at all.

    Energies are in every format exactly as in the store, in `energy_kcal_mol`, beside those in the units of the format.

    Parameters
    ----------
    store : LabelStore
        To read.
    file : Path
        Its suffix gives the format (`labels.formats.entry.FORMATS`).
    level_of_theory : str, optional
        Write only rows of this level.
    progress : callable, optional
        Called with the number of rows so far.

    Returns
    -------
    ExportReport
        Rows without an energy, and those of other levels, are left out and counted.

    Raises
    ------
    UnknownFormatError
        For a file of another suffix.
    ConfigError
        If the file cannot be written.
    StoreError
        If the store cannot be read, or has no such row.
    """
    written = format_of(file)
    report = ExportReport()

    def rows() -> Iterator[Label]:
        for label in store.labels():
            if level_of_theory is not None and label.level_of_theory != level_of_theory:
                report.left_out[f"at {label.level_of_theory}"] += 1
            elif label.failure is not None:
                report.left_out[f"it has no energy: {label.failure}"] += 1
            else:
                report.n_rows += 1
                if progress is not None:
                    progress(report.n_rows)
                yield label

    try:
        with tempfile.TemporaryDirectory(prefix=f".{file.name}.", dir=file.parent) as folder:
            partial = Path(folder) / file.name
            written.write(partial, rows())
            if not report.n_rows:
                levels = ", ".join(report.left_out) or "it is empty"
                raise StoreError(f"{store.path} has no row to write: {levels}.")
            os.replace(partial, file)
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror or error}") from error
    return report
