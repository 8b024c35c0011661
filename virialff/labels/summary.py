"""What a label store holds: rows counted by level of theory, kind, detail, source, element and failure."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from virialff.elements import ELEMENTS, SYMBOL_OF
from virialff.labels.schema import COLUMN_OF, KINDS
from virialff.labels.store import LabelStore
from virialff.text import counted

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_COLUMNS = (
    "task",
    "inchikeys",
    "source",
    "numbers",
    "kind",
    "detail",
    "level_of_theory",
    "forces",
    "kinetic_atoms",
    "seconds",
    "failure",
)
#: Numbers and the molecule in a reason differ from row to row and say nothing of its kind.
_NUMBER = re.compile(r"(?<!\w)[-+]?\d+(\.\d+)?(e[-+]?\d+)?(?!\w)")
_MOLECULE = re.compile(r"(?<=geometry for )\S+(?=\.$)")
#: Reasons shown in the text, the most frequent first; all are in the JSON.
_SHOWN_REASONS = 12


@dataclass
class LevelSummary:
    """The rows of one level of theory. All counts but `failures` are of rows that have a label."""

    level_of_theory: str
    rows: int = 0  #: with labels
    failed: int = 0
    tasks: int = 0
    systems: int = 0  #: distinct molecules and pairs of molecules that have a label
    with_forces: int = 0
    with_kinetic_terms: int = 0
    hours: float = 0.0  #: wall time of all rows, failures too
    kinds: Counter[str] = field(default_factory=Counter)
    details: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    #: Rows that have an atom of the element, and atoms of it, by symbol.
    elements: Counter[str] = field(default_factory=Counter)
    atoms: Counter[str] = field(default_factory=Counter)
    #: Rows by reason; the numbers in the reasons are replaced by #.
    failures: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class StoreSummary:
    """The levels of theory of a store, by name."""

    path: Path
    levels: tuple[LevelSummary, ...]
    damaged: tuple[str, ...] = ()  #: why files of it are left out, from where they are damaged on

    def table(self) -> pd.DataFrame:
        """A row for each level of theory and kind."""
        import pandas as pd

        columns = ["level of theory", "kind", "rows"]
        rows = [(level.level_of_theory, kind, level.kinds[kind]) for level in self.levels for kind in level.kinds]
        return pd.DataFrame(rows, columns=columns)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        levels = [
            {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(level).items()}
            for level in self.levels
        ]
        damaged = {"damaged": list(self.damaged)} if self.damaged else {}
        return {"path": str(self.path), "levels": levels} | damaged

    def as_text(self) -> str:
        """Some lines for each level."""
        lines = [f"{self.path}: no labels"] if not self.levels else [str(self.path)]
        for level in self.levels:
            lines += [
                level.level_of_theory,
                f"  {counted(level.rows, 'row')} of "
                f"{counted(level.systems, 'molecule or complex', 'molecules and complexes')} in "
                f"{counted(level.tasks, 'task')}, {level.failed:,} failed, {level.hours:.1f} hours",
                f"  {counted(level.with_forces, 'row')} with forces, "
                f"{level.with_kinetic_terms:,} with kinetic-energy terms",
                _line("kind", {kind: level.kinds[kind] for kind in KINDS if kind in level.kinds}),
                _line("detail", dict(level.details.most_common())),
                _line("source", dict(level.sources.most_common())),
                _line("element", {symbol: level.elements[symbol] for symbol in _symbols(level.elements)}),
            ]
            lines += [f"  failed {n:>9,}  {reason}" for reason, n in level.failures.most_common(_SHOWN_REASONS)]
            more = level.failures.most_common()[_SHOWN_REASONS:]
            if more:
                lines.append(f"  failed {sum(n for _, n in more):>9,}  for {len(more)} rarer reasons")
        return "\n".join(lines)


def summarise(path: Path | str, *, progress: Callable[[int], None] | None = None) -> StoreSummary:
    """Count the rows of the store or Parquet file at `path`; `progress` is called with the rows read, now and then.

    A file that cannot be read is left out, and `damaged` says why. Raises StoreError where there is no store.
    """
    damaged: list[str] = []
    store = LabelStore(path, damaged)
    levels: dict[str, LevelSummary] = {}
    # 8 bytes stand for the name of a task or system, so that the names of a large store need not be held.
    tasks: dict[str, set[bytes]] = {}
    systems: dict[str, set[bytes]] = {}
    done = 0
    for table in store.tables([COLUMN_OF[name] for name in _COLUMNS]):
        values = {name: table[COLUMN_OF[name]] for name in _COLUMNS}
        atoms = _atom_counts(values.pop("numbers"))
        lists = {name: values.pop(name).is_valid().to_pylist() for name in ("forces", "kinetic_atoms")}
        columns = {name: column.to_pylist() for name, column in values.items()} | lists
        labelled: dict[str, list[int]] = {}
        for index, row in enumerate(zip(*columns.values(), strict=True)):
            value = dict(zip(columns, row, strict=True))
            name = value["level_of_theory"]
            level = levels.get(name)
            if level is None:
                level = levels[name] = LevelSummary(name)
            level.hours += value["seconds"] / 3600.0
            tasks.setdefault(name, set()).add(_digest(value["task"]))
            if value["failure"] is not None:
                level.failed += 1
                level.failures[_kind_of_reason(value["failure"])] += 1
                continue
            systems.setdefault(name, set()).add(_digest("+".join(value["inchikeys"])))
            level.rows += 1
            level.with_forces += value["forces"]
            level.with_kinetic_terms += value["kinetic_atoms"]
            level.kinds[value["kind"]] += 1
            level.details[value["detail"]] += 1
            level.sources[value["source"]] += 1
            labelled.setdefault(name, []).append(index)
        for name, rows in labelled.items():
            counts = atoms[rows]
            for number in np.flatnonzero(counts.any(axis=0)).tolist():
                symbol = SYMBOL_OF.get(number, f"Z={number}")
                levels[name].elements[symbol] += int((counts[:, number] > 0).sum())
                levels[name].atoms[symbol] += int(counts[:, number].sum())
        done += len(table)
        if progress is not None:
            progress(done)
    for name, level in levels.items():
        level.tasks, level.systems = len(tasks[name]), len(systems.get(name, ()))
    return StoreSummary(store.path, tuple(levels[name] for name in sorted(levels)), tuple(damaged))


def _atom_counts(numbers: pa.ChunkedArray) -> np.ndarray:
    """Atoms of each row by atomic number (n_rows, 256)."""
    lists = numbers.combine_chunks()
    flat = lists.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    rows = np.repeat(np.arange(len(lists)), lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False))
    counts: np.ndarray = np.bincount(256 * rows + flat, minlength=256 * len(lists)).reshape(len(lists), 256)
    return counts


def _kind_of_reason(reason: str) -> str:
    return _NUMBER.sub("#", _MOLECULE.sub("the molecule", reason))


def _symbols(counts: Counter[str]) -> list[str]:
    return [symbol for symbol in (*ELEMENTS, *sorted(set(counts) - set(ELEMENTS))) if symbol in counts]


def _line(name: str, counts: dict[str, int]) -> str:
    return f"  {name:<8}" + ", ".join(f"{key} {count:,}" for key, count in counts.items())


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
