"""Rows of a store that belong together: the geometries of one molecule, complex or scan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from virialff.labels.schema import COLUMN_OF, Label, from_table
from virialff.labels.store import LabelStore
from virialff.molecules.molecule import Molecule


def task_groups(labels: Path, wanted: Callable[[pa.Table], NDArray[np.bool_]]) -> list[list[Label]]:
    """The wanted rows that did not fail, those of one task and order of atoms together.

    wanted: of a table of rows (columns of `schema.COLUMN_OF`) which to take, (n_rows,).

    Raises StoreError as reading the store does.
    """
    found: dict[tuple[str, str], list[Label]] = defaultdict(list)
    for table in LabelStore(labels).tables():
        labelled = table.filter(pc.is_null(table[COLUMN_OF["failure"]]))
        for label in from_table(labelled.filter(wanted(labelled))):
            found[label.task, label.smiles].append(label)
    return list(found.values())


def molecule_of(labels: Iterable[Label]) -> Molecule:
    """The molecule or complex of rows with one order of atoms, a conformer each. Raises MoleculeError."""
    rows = list(labels)
    positions = np.array([row.positions for row in rows])
    return Molecule.from_arrays(rows[0].numbers, rows[0].bonds, rows[0].orders, positions)


def turned_bond(task: str) -> tuple[int, int]:
    """The atoms (from 0) of the bond that a scan turns, which end the name of its task."""
    _, first, second = task.rsplit("-", 2)
    return int(first), int(second)
